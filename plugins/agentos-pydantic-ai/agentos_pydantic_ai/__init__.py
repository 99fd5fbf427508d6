"""The adapter ``pydantic-ai``: agents of Pydantic AI as agents of the server. They run in a guest process.

The framework is installed in the environment of the guest, not in the server's.
"""

from __future__ import annotations

from pathlib import Path

from agentos import RegisterGuestAdapter, hookimpl

__all__ = ["register_guest_adapters"]


@hookimpl
def register_guest_adapters(register: RegisterGuestAdapter) -> None:
    """Register the adapter. Its folder is loaded by the guest process, never by the server."""
    register(
        "pydantic-ai",
        Path(__file__).with_name("adapter"),
        framework="pydantic_ai",
        environment={"PYDANTIC_AI_NO_BANNER": "1"},
    )
