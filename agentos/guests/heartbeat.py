"""What a guest process says of itself every few seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """``lag`` is in seconds, ``memory`` in bytes."""

    lag: float = 0.0
    runs: int = 0
    memory: int = 0
    state: str = "ready"


def heartbeat_of(frame: Mapping[str, Any]) -> Heartbeat:
    """Return what a ``heartbeat`` frame says; a field that is no number is 0."""

    def number(name: str) -> float:
        value = frame.get(name)
        return value if isinstance(value, int | float) else 0

    state = frame.get("state")
    return Heartbeat(number("lag"), int(number("runs")), int(number("memory")), str(state) if state else "ready")
