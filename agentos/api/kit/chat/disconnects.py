"""What a client wants when it leaves before the end of its answer."""

from __future__ import annotations

from collections.abc import Mapping

from agentos.api.kit.current import this_request

_HEADER = "X-AgentOS-On-Disconnect"

ON_DISCONNECT: Mapping[str, str] = {_HEADER: "`cancel`: the run ends when the client leaves."}
"""The header that says it, for the description of an operation."""


def cancels_on_disconnect() -> bool:
    """Return whether the run ends when the client of this request leaves. Else it continues."""
    return this_request().headers.get(_HEADER) == "cancel"
