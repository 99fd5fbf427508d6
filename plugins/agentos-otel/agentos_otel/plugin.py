"""The hooks of the plugin, where it is switched on."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Mapping

from agentos import (
    FinishedRequest,
    Run,
    RunEvent,
    Step,
    ToolCallEvent,
    TraceContext,
    Usage,
    hookimpl,
)
from agentos_otel.pipeline import Pipeline
from agentos_otel.switches import Switches

QUIET = frozenset({"/health", "/ready", "/metrics"})
"""Routes that machines ask every few seconds; their requests are in no trace that is sent."""


class OTelPlugin:
    """Sends spans and metrics. One object a process."""

    def __init__(self, switches: Switches, environ: Mapping[str, str]) -> None:
        self._switches = switches
        self._environ = environ
        self._lock = threading.Lock()
        self._made: Pipeline | None = None

    @hookimpl
    def server_start(self) -> None:
        """Begin before the first request, which should not wait for it."""
        self.pipeline()

    @hookimpl
    def server_stop(self) -> None:
        """Send what is left."""
        self.close()

    @hookimpl
    def begin_trace(self, parent: TraceContext | None) -> TraceContext | None:
        """Begin a span in that of the caller."""
        return self.pipeline().begin(parent)

    @hookimpl
    def request_finished(self, request: FinishedRequest) -> None:
        """Send the span of a request."""
        if request.trace is not None and request.route not in QUIET:
            self.pipeline().add_request(request)

    @hookimpl
    def run_finished(self, run: Run) -> None:
        """Send the spans of a run."""
        self.pipeline().add_run(run)

    def pipeline(self) -> Pipeline:
        """Return what this process sends by."""
        made = self._made
        if made is not None:
            return made
        with self._lock:
            if self._made is None:
                self._made = Pipeline(self._switches, self._environ)
                atexit.register(self.close)  # of commands, which do not call server_stop
            return self._made

    def close(self) -> None:
        """Send what is left; a later span begins anew."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            atexit.unregister(self.close)
            made.close()


class ContentPlugin(OTelPlugin):
    """Also sends what tools were given and returned. It costs a look at each token, so it is a class of its own."""

    @hookimpl
    def run_event(self, run: Run, event: RunEvent | Usage | Step) -> None:
        """Remember the contents of a tool call."""
        if (
            isinstance(event, ToolCallEvent)
            and event.status != "started"
            and run.trace is not None
            and run.trace.sampled
        ):
            self.pipeline().contents.keep(run, event)
