"""Which errors a client may answer by sending its request again, for doors whose clients do that by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MAY_BE_REPEATED = frozenset(
    {
        "AUTHENTICATION_UNAVAILABLE",
        "PROVIDER_RATE_LIMITED",
        "PROVIDER_UNAVAILABLE",
        "RATE_LIMITED",
        "SESSION_BUSY",
        "SHUTTING_DOWN",
        "STORAGE_ERROR",
        "TOO_MANY_STREAMS",
    }
)
"""What a client may try again by itself. Not a run that took too long or was lost: its tools have been called."""


def may_be_repeated(code: str, details: Mapping[str, Any]) -> bool:
    """Return whether the same request may succeed when it comes again, and does nothing twice."""
    if details.get("pending"):  # a session with a paused run is busy until that is answered
        return False
    return str(details.get("cause") or code) in _MAY_BE_REPEATED
