"""Counts requests, runs, calls and what workers do, and serves the counts of all workers at ``/metrics``."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable

from agentos import (
    FinishedRequest,
    RegisterRoutes,
    RegisterSetting,
    Run,
    RunStatus,
    Server,
    Step,
    ToolCallEvent,
    hookimpl,
    kinds,
)
from agentos_metrics.activity import ActivityRecorder
from agentos_metrics.backlog import BacklogReader
from agentos_metrics.calls import NO_MODEL, CallCounter
from agentos_metrics.labels import OTHER, BoundedLabel
from agentos_metrics.metrics import REQUEST_SECONDS, REQUESTS, RUN_SECONDS, RUNS
from agentos_metrics.places import Places, Reading
from agentos_metrics.process import ProcessSampler
from agentos_metrics.recorder import Recorder, TimedCounter
from agentos_metrics.worker_numbers import Numbers, SharedNumbers

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "none"
"""The route of requests for addresses that are not served."""

MOST_CAUSES = 50
MOST_MODELS = 100
MOST_TOOLS = 200
CAUSE = re.compile("[A-Z][A-Z0-9_]{0,63}")
FOLDER = "metrics"

logger = logging.getLogger(__name__)


class MetricsPlugin:
    """One object a process: several applications in one process are counted together, as Prometheus would see them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: Places | None = None
        self._recorder = Recorder(Numbers())
        self._counters: dict[tuple[str, ...], TimedCounter] = {}
        self._sampler: ProcessSampler | None = None
        self._agents = BoundedLabel(100)
        self._causes = BoundedLabel(MOST_CAUSES)
        self._calls = self._call_counter(())
        self._reading_failed = False

    @hookimpl
    def register_settings(self, register: RegisterSetting) -> None:
        """Register the bound of the label that clients can fill."""
        register(
            "metrics_max_agents",
            kinds.whole(0, 400),
            "100",
            "Stored agents that have metrics of their own; further ones are counted as 'other'.",
        )

    @hookimpl
    def register_routes(self, register: RegisterRoutes, server: Server) -> None:
        """Register ``/metrics``."""
        from agentos_metrics.routes import make_routes  # Late: commands that serve nothing load no web framework.

        self._agents = self._agent_label(server)
        self._calls = self._call_counter(server.agents.registered_tools())
        register(make_routes(self.read, BacklogReader(server.activity.backlog).read))

    @hookimpl
    def server_start(self, server: Server) -> None:
        """Take a place among the workers, and begin to look at the process."""
        with self._lock:
            if self._sampler is not None:
                return
            self._places = None
            if server.directory is not None:
                folder = server.directory / FOLDER
                try:
                    self._recorder, self._places = Recorder(SharedNumbers(folder)), Places(folder)
                except OSError as error:
                    logger.warning(
                        "the directory for metrics cannot be used; each worker shows only what it counted itself",
                        extra={"directory": str(folder), "reason": error.strerror},
                    )
            self._counters = {}
            self._agents = self._agent_label(server)
            self._calls = self._call_counter(server.agents.registered_tools())
            activity = ActivityRecorder(self._recorder, server.activity.now)
            self._sampler = ProcessSampler(self._recorder, activity.sample)
            self._sampler.start()

    @hookimpl
    def server_stop(self) -> None:
        """Let the worker that comes next have the place."""
        with self._lock:
            if self._sampler is not None:
                self._sampler.stop()
                self._sampler = None
            self._recorder.close()

    @hookimpl
    def request_finished(self, request: FinishedRequest) -> None:
        """Count a request."""
        labels = (
            request.method if request.method in METHODS else OTHER,
            request.route or NO_ROUTE,
            str(request.status),
        )
        counter = self._counters.get(labels)
        if counter is None:
            self._counters[labels] = counter = self._recorder.timed(REQUESTS, labels, REQUEST_SECONDS, labels[:2])
        counter.record(request.duration)

    @hookimpl
    def call_finished(self, call: Step | ToolCallEvent) -> None:
        """Count a call to a model or a tool."""
        self._calls.call(call)

    @hookimpl
    def run_finished(self, run: Run) -> None:
        """Count a run, and its tokens."""
        labels = (self._agents(run.agent_id), run.status.value, self._cause_of(run), "")
        counter = self._counters.get(labels)
        if counter is None:
            self._counters[labels] = counter = self._recorder.timed(RUNS, labels[:3], RUN_SECONDS, labels[:1])
        counter.record(run.duration or 0.0)
        self._calls.run(run, labels[0])

    def read(self) -> list[Reading]:
        """Return the numbers of all workers."""
        if self._sampler is not None:
            self._sampler.sample()
        if self._places is not None:
            try:
                return self._places.read()
            except OSError as error:
                if not self._reading_failed:
                    logger.warning("metrics of other workers cannot be read", extra={"reason": error.strerror})
                self._reading_failed = True
        return [Reading(True, list(self._recorder.numbers.read()))]

    def _agent_label(self, server: Server) -> BoundedLabel:
        limit = server.config.plugin_settings["metrics_max_agents"]
        folder = None if self._places is None else self._places.folder
        return BoundedLabel(limit, always=server.agents.registered_ids(), folder=folder, name="agents")

    def _call_counter(self, tools: Iterable[str]) -> CallCounter:
        folder = None if self._places is None else self._places.folder
        models = BoundedLabel(MOST_MODELS, always=[NO_MODEL], folder=folder, name="models")
        return CallCounter(
            self._recorder, models, BoundedLabel(MOST_TOOLS, always=tools, folder=folder, name="tools"), self._cause
        )

    def _cause_of(self, run: Run) -> str:
        if run.status is RunStatus.COMPLETED or run.error is None:
            return ""
        return self._cause(run.error.details.get("cause") or run.error.code)

    def _cause(self, cause: object) -> str:
        # A plugin's own error may have any.
        return self._causes(cause) if isinstance(cause, str) and CAUSE.fullmatch(cause) else OTHER


plugin = MetricsPlugin()
