"""Agents that answer without a key or a network: a toy-sized model on this machine.

One llama.cpp server is started for all processes of a deployment, and ends itself after the last of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentos import hookimpl
from agentos.hookspecs import RegisterCommand, RegisterModelProvider

if TYPE_CHECKING:
    from agentos import Config, ModelProvider


@hookimpl
def register_model_providers(register: RegisterModelProvider) -> None:
    """Offer ``local:smollm2``."""
    register("local", _provider)


@hookimpl
def register_commands(register: RegisterCommand) -> None:
    """Offer ``flask agentos local status`` and ``stop``."""
    from agentos_local.commands import local

    register(local)


def _provider(config: Config) -> ModelProvider:
    from agentos_local.provider import LocalProvider

    return LocalProvider(token_timeout=config.token_timeout)
