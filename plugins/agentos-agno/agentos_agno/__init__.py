"""Hosts Agno's agents and teams in guest processes, which have Agno; the server's own environment has not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agentos import hookimpl

__all__ = ["register_guest_adapters"]


@hookimpl
def register_guest_adapters(register: Any) -> None:
    """Register the folder of the adapter. Agno's telemetry is on by default; in a guest of this server it is off."""
    register("agno", Path(__file__).with_name("adapter"), framework="agno", environment={"AGNO_TELEMETRY": "false"})
