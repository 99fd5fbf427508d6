"""The model provider ``anthropic``: Claude, and every server of the Messages API through ``ANTHROPIC_BASE_URL``."""

from __future__ import annotations

from agentos import RegisterModelProvider, RegisterSetting, hookimpl
from agentos_anthropic.provider import AnthropicProvider

__all__ = ["AnthropicProvider", "register_model_providers", "register_settings"]


@hookimpl
def register_settings(register: RegisterSetting) -> None:
    """Register where the server is and what it gets, under the names of Anthropic's own SDK. The key is the core's."""
    register(
        "anthropic_auth_token",
        str,
        None,
        "Token of a gateway; it is sent where ANTHROPIC_API_KEY is not set.",
        variable="ANTHROPIC_AUTH_TOKEN",
        secret=True,
    )
    register(
        "anthropic_base_url",
        str,
        None,
        "Address of a server that speaks Anthropic's Messages API, as in https://api.deepseek.com/anthropic.",
        variable="ANTHROPIC_BASE_URL",
    )
    register(
        "anthropic_custom_headers",
        str,
        None,
        "More headers of each request, one a line, as in `X-Team: blue`.",
        variable="ANTHROPIC_CUSTOM_HEADERS",
        secret=True,
    )


@hookimpl
def register_model_providers(register: RegisterModelProvider) -> None:
    """Register the prefix ``anthropic``."""
    register("anthropic", AnthropicProvider)
