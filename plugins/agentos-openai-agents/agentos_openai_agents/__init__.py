"""Hosts agents of the OpenAI Agents SDK: says where their adapter is, which a guest process loads.

Nothing of the SDK is imported here: it is in the guest's environment alone.
"""

from __future__ import annotations

from pathlib import Path

from agentos import RegisterGuestAdapter, hookimpl


@hookimpl
def register_guest_adapters(register: RegisterGuestAdapter) -> None:
    """Register the adapter. The SDK sends traces of all runs to OpenAI, unless this variable is set."""
    register(
        "openai-agents",
        Path(__file__).with_name("adapter"),
        # Not the SDK's own name, ``agents``: a project may well have a module of that name.
        framework="agents.run_state",
        environment={"OPENAI_AGENTS_DISABLE_TRACING": "true"},
    )
