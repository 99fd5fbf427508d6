"""An HTTP request that has been answered, as plugins observe it."""

from __future__ import annotations

from dataclasses import dataclass

from agentos.domain.trace_context import TraceContext


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRequest:
    """What is known of a request at its end. Nothing in it is a text of the client, but for a sane ``request_id``."""

    method: str
    """As the client sent it: an address that is not served can be asked for with any."""
    route: str | None
    """The path as it is declared (``/api/v1/runs/{run_id}``); ``None`` for an address that is not served."""
    status: int
    duration: float
    """Seconds until the response was sent; of a stream, until the stream ended."""
    request_id: str
    caller_id: str | None = None
    """The credential (``key:4f…``); ``None`` for a request that came without a valid one."""
    run_id: str | None = None
    """The run that it began, joined or named."""
    trace: TraceContext | None = None
    """What ``begin_trace`` returned for it."""
