"""Hosts crews of CrewAI: says where their adapter is, which a guest process loads.

Nothing of CrewAI is imported here: it is in the guest's environment alone.
"""

from __future__ import annotations

from pathlib import Path

from agentos import RegisterGuestAdapter, hookimpl


@hookimpl
def register_guest_adapters(register: RegisterGuestAdapter) -> None:
    """Register the adapter. CrewAI sends telemetry of all runs to its makers, unless these variables are set."""
    register(
        "crewai",
        Path(__file__).with_name("adapter"),
        framework="crewai",
        environment={
            "CREWAI_DISABLE_TELEMETRY": "true",
            "CREWAI_TRACING_ENABLED": "false",
            "CREWAI_DISABLE_VERSION_CHECK": "true",
        },
    )
