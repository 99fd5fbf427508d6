"""Anthropic's server, or another one that speaks its API, with AgentOS's own client."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from agentos import AnthropicMessages, Arrival, Config, Media, ModelProvider, ModelRequest, ProviderError
from agentos_anthropic.headers import ANTHROPIC, request_headers

WELL_KNOWN = [
    *("claude-opus-5-5", "claude-opus-5", "claude-sonnet-5-5", "claude-sonnet-5", "claude-haiku-5-5"),
    *("claude-haiku-4-5", "claude-fable-5-2"),
]


class AnthropicProvider(ModelProvider):
    """Talks to Anthropic, or to the server at the setting ``anthropic_base_url``."""

    media_types = AnthropicMessages.media_types

    def __init__(self, config: Config) -> None:
        given = config.plugin_settings.get
        self._token_timeout = config.token_timeout
        self._other_url: str | None = given("anthropic_base_url")
        self._base_url = self._other_url or ANTHROPIC
        self._headers = request_headers(
            key=config.anthropic_api_key,
            token=given("anthropic_auth_token"),
            custom=given("anthropic_custom_headers"),
            base_url=self._base_url,
        )
        self._lock = threading.Lock()
        self._server: AnthropicMessages | None = None

    def stream(self, request: ModelRequest) -> Iterator[Arrival]:
        """Stream a message."""
        return (self._server or self._connect()).stream(request)

    def check_media(self, media: Media) -> None:
        """Refuse what the Messages API has no place for, such as audio."""
        AnthropicMessages.check_media(media)

    def model_names(self) -> list[str]:
        """Return Anthropic's well-known models; of another server none, since asking it may take long."""
        return [] if self._other_url else list(WELL_KNOWN)

    def check(self) -> str:
        """Ask the server for its models."""
        return self._connect().count_models(advice="check ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL")

    def close(self) -> None:
        """Close connections."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.close()

    def _connect(self) -> AnthropicMessages:
        if not self._headers and not self._other_url:
            raise ProviderError(
                "there is no key for Anthropic: set ANTHROPIC_API_KEY, or ANTHROPIC_BASE_URL for a server that needs"
                " none"
            )
        with self._lock:
            if self._server is None:
                self._server = AnthropicMessages(self._base_url, self._headers, token_timeout=self._token_timeout)
            return self._server
