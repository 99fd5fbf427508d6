"""Which span the work of this thread is in: for the lines of its log, and for the requests that it sends.

A plugin that makes traces begins one with the hook ``begin_trace``. Without one there is none, and nothing of this
costs more than a look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from agentos.domain.trace_context import TraceContext

_current: ContextVar[TraceContext | None] = ContextVar("agentos_trace", default=None)


def current_trace() -> TraceContext | None:
    """Return the span that the work of this thread is in."""
    return _current.get()


def set_trace(trace: TraceContext | None) -> None:
    """Have the work of this thread in a span from now on. A thread that is started from it begins without one."""
    _current.set(trace)


@contextmanager
def tracing(trace: TraceContext | None) -> Iterator[None]:
    """Have the work of the block in a span."""
    before = _current.get()
    _current.set(trace)
    try:
        yield
    finally:
        _current.set(before)


def trace_headers(given: Mapping[str, str], *, state: bool = True) -> Mapping[str, str]:
    """Return the headers that carry this thread's span to a server, unless a request is ``given`` its own.

    ``state``: also what other tracing systems want carried along, which may be meant for few.
    """
    trace = _current.get()
    if trace is None or trace.span_id is None or any(name.lower() == "traceparent" for name in given):
        return {}
    headers = {"traceparent": trace.traceparent}
    if state and trace.state:
        headers["tracestate"] = trace.state
    return headers


def trace_fields() -> Mapping[str, str]:
    """Return what a line of the log says of this thread's span."""
    trace = _current.get()
    if trace is None:
        return {}
    return (
        {"trace_id": trace.trace_id}
        if trace.span_id is None
        else {"trace_id": trace.trace_id, "span_id": trace.span_id}
    )
