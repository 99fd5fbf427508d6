"""Agents that answer without a key or a network: a toy-sized model on this machine.

One llama.cpp server is started for all processes of a deployment, and ends itself after the last of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentos import RegisterCommand, RegisterModelProvider, RegisterSetting, hookimpl

if TYPE_CHECKING:
    from agentos import Config, ModelProvider


@hookimpl
def register_settings(register: RegisterSetting) -> None:
    """Register which model is served, or which server is used instead."""
    register(
        "local_model_path", str, None, "Another GGUF file to serve; its model is named after it, as in local:tiny."
    )
    register(
        "local_url",
        str,
        None,
        "Use this chat-completions server and start none, as in http://127.0.0.1:8081/v1. It gets every model name.",
    )
    register("local_api_key", str, None, "Key for that server.", secret=True)


@hookimpl
def register_model_providers(register: RegisterModelProvider) -> None:
    """Offer ``local:smollm2``."""
    register("local", _provider)


@hookimpl
def register_commands(register: RegisterCommand, config: Config) -> None:
    """Offer ``flask agentos local status`` and ``stop``."""
    from agentos_local.commands import local

    register(local(config))


def _provider(config: Config) -> ModelProvider:
    from agentos_local.provider import LocalProvider

    settings = config.plugin_settings
    return LocalProvider(
        token_timeout=config.token_timeout,
        url=settings["local_url"],
        api_key=settings["local_api_key"],
        model_path=settings["local_model_path"],
    )
