"""The place of a span in a trace, as W3C Trace Context writes it in the headers of a request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Self

MOST_STATE = 512
"""Characters of a ``tracestate`` that are carried along; a longer one is left out."""

_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[!-~]*)?")
_MEMBER = r"[a-z0-9][a-z0-9_*/@-]{0,255}=[ -+\--<>-~]{0,255}[!-+\--<>-~]"
_STATE = re.compile(rf"{_MEMBER}(?:[ \t]*,[ \t]*{_MEMBER}){{0,31}}")
_SAMPLED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceContext:
    """One span: its trace, its own id, and that of the span which it is in.

    Ids are lower-case hexadecimal: ``trace_id`` has 32 digits, a span's 16. ``span_id`` is ``None`` for a trace that
    begins with what is in it. ``sampled`` says that its spans are recorded. ``state`` is the ``tracestate`` of other
    tracing systems, carried along as it came.

    >>> request = TraceContext.parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    >>> run = request.child("a run")
    >>> (run.trace_id == request.trace_id, run.parent_id, run.sampled)
    (True, 'b7ad6b7169203331', True)
    """

    trace_id: str
    span_id: str | None
    sampled: bool = True
    state: str = ""
    parent_id: str | None = None

    @classmethod
    def parse(cls, traceparent: str | None, tracestate: str | None = None) -> Self | None:
        """Return the context of the two headers; ``None`` where there is none, or one that is not as the W3C says.

        A ``tracestate`` that is not counts as empty.
        """
        found = _PARENT.fullmatch(traceparent.strip()) if traceparent else None
        if found is None:
            return None
        version, trace_id, span_id, flags, more = found.groups()
        if (version == "00" and more is not None) or not (trace_id.strip("0") and span_id.strip("0")):
            return None
        state = (tracestate or "").strip()
        if len(state) > MOST_STATE or not _STATE.fullmatch(state):
            state = ""
        return cls(trace_id=trace_id, span_id=span_id, sampled=bool(int(flags, 16) & _SAMPLED), state=state)

    @classmethod
    def stored(cls, traceparent: str, state: str) -> Self:
        """Return the context that was stored as :attr:`traceparent` and state. Raises ``ValueError``."""
        _, trace_id, span_id, flags = traceparent.split("-")
        return cls(
            trace_id=trace_id, span_id=span_id if span_id.strip("0") else None, sampled=flags == "01", state=state
        )

    def child(self, *names: str) -> TraceContext:
        """Return the span with these names in this one. Its id follows from them, so any worker finds the same."""
        return _child(self, names)

    def model_call(self, started_at: datetime, attempt: int) -> TraceContext:
        """Return the span of a call to a model, in that of its run; each try has its own."""
        return self.child("model_call", started_at.isoformat(), str(attempt))

    def tool_call(self, id: str) -> TraceContext:
        """Return the span of a call of a tool, in that of its run."""
        return self.child("tool_call", id)

    @property
    def traceparent(self) -> str:
        """The header with it, of version 00; its span is 0 where it has none."""
        return f"00-{self.trace_id}-{self.span_id or '0' * 16}-{int(self.sampled):02x}"


@lru_cache(maxsize=1024)  # each is asked for when the work begins, and again when its span is made
def _child(parent: TraceContext, names: tuple[str, ...]) -> TraceContext:
    hashed = blake2b("\0".join((parent.trace_id, parent.span_id or "", *names)).encode(), digest_size=8)
    return TraceContext(
        trace_id=parent.trace_id,
        span_id=hashed.hexdigest(),
        sampled=parent.sampled,
        state=parent.state,
        parent_id=parent.span_id,
    )
