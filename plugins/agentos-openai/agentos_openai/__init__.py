"""The model provider ``openai``: OpenAI, and every compatible server through ``OPENAI_BASE_URL``."""

from __future__ import annotations

from agentos import RegisterModelProvider, hookimpl
from agentos_openai.provider import OpenAIProvider

__all__ = ["OpenAIProvider", "register_model_providers"]


@hookimpl
def register_model_providers(register: RegisterModelProvider) -> None:
    """Register the prefix ``openai``."""
    register("openai", OpenAIProvider)
