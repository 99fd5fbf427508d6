"""The adapter ``agno``: agents and teams of Agno in a guest process.

Agno is not needed here. It lives in the guest's environment, where ``adapter/`` is loaded by its path.
"""

from __future__ import annotations

from pathlib import Path

from agentos import RegisterGuestAdapter, hookimpl

__all__ = ["register_guest_adapters"]


@hookimpl
def register_guest_adapters(register: RegisterGuestAdapter) -> None:
    """Register the adapter for what has imported Agno. Its telemetry is on by default; in guests it is off."""
    register("agno", Path(__file__).with_name("adapter"), framework="agno", environment={"AGNO_TELEMETRY": "false"})
