"""Asks the plugins that make traces for the span of what begins."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from agentos.domain.trace_context import TraceContext
from agentos.observability.repeated import RepeatedLines
from agentos.plugins.hook_call import HookCall

BeginTrace = Callable[[TraceContext | None], TraceContext | None]
"""Returns the span of what begins, within that of its caller. Never raises."""

logger = logging.getLogger(__name__)


def begin_trace(calls: Sequence[HookCall]) -> BeginTrace | None:
    """Return what asks the plugins; ``None`` where no plugin makes traces."""
    if not calls:
        return None
    repeated = RepeatedLines(logger)

    def begin(parent: TraceContext | None) -> TraceContext | None:
        for call in calls:
            try:
                trace = call(parent=parent)
            except Exception:  # noqa: BLE001 - other people's code
                trace = None
                about = {"plugin": call.plugin}
                repeated.log(logging.ERROR, "no trace begins", kind=call.plugin, exc_info=True, extra=about)
            if isinstance(trace, TraceContext):
                return trace
        return None

    return begin
