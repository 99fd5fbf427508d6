"""The metrics: their names, labels and buckets. The how-to page lists them for operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "histogram", "gauge"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. The name of a counter has no ``_total``: the exposition adds it."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()
    """The upper bounds of a histogram, without infinity."""

    @property
    def width(self) -> int:
        """How many numbers a series has: one; of a histogram one a bucket, one beyond the last, and the sum."""
        return len(self.buckets) + 2 if self.kind == "histogram" else 1


_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_FIRST_TOKEN = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 20.0, 60.0)
_SPEED = (1.0, 2.5, 5.0, 10.0, 20.0, 35.0, 50.0, 75.0, 100.0, 150.0, 250.0, 500.0)
_OF_WORKER = ("worker",)
_OF_GUEST = ("worker", "guest", "process")

# --- requests and runs -----------------------------------------------------------------------------------------------

REQUESTS = Metric(
    "agentos_http_requests",
    "counter",
    "HTTP requests that were answered, by the declared path.",
    ("method", "route", "status"),
)
REQUEST_SECONDS = Metric(
    "agentos_http_request_duration_seconds",
    "histogram",
    "Seconds until a response was sent; of a stream, until it ended.",
    ("method", "route"),
    _SECONDS,
)
RUNS = Metric(
    "agentos_runs",
    "counter",
    "Runs that ended; cause is empty for those that completed.",
    ("agent", "status", "cause"),
)
RUN_SECONDS = Metric(
    "agentos_run_duration_seconds",
    "histogram",
    "Seconds from the admission of a run to its end.",
    ("agent",),
    _SECONDS,
)
RUN_FIRST_TOKEN = Metric(
    "agentos_run_time_to_first_token_seconds",
    "histogram",
    "Seconds from the admission of a run to the first piece that a model sent.",
    ("agent",),
    _FIRST_TOKEN,
)

# --- models and tools ------------------------------------------------------------------------------------------------

TOKENS = Metric("agentos_tokens", "counter", "Tokens of the runs that ended.", ("model", "kind"))
MODEL_CALLS = Metric(
    "agentos_model_calls",
    "counter",
    "Tries of calls to models; cause is empty for those that completed.",
    ("model", "status", "cause"),
)
MODEL_SECONDS = Metric(
    "agentos_model_call_duration_seconds", "histogram", "Seconds that a try of a call took.", ("model",), _SECONDS
)
MODEL_RETRIES = Metric("agentos_model_retries", "counter", "Tries after the first one of a call.", ("model",))
MODEL_FIRST_TOKEN = Metric(
    "agentos_model_time_to_first_token_seconds",
    "histogram",
    "Seconds from asking a model to the first piece that it sent.",
    ("model",),
    _FIRST_TOKEN,
)
MODEL_SPEED = Metric(
    "agentos_model_tokens_per_second",
    "histogram",
    "Completion tokens of a call per second after its first piece.",
    ("model",),
    _SPEED,
)
TOOL_CALLS = Metric("agentos_tool_calls", "counter", "Calls of tools that ended.", ("tool", "outcome"))
TOOL_SECONDS = Metric(
    "agentos_tool_call_duration_seconds", "histogram", "Seconds that a call of a tool took.", ("tool",), _SECONDS
)

# --- what the workers do ---------------------------------------------------------------------------------------------

LOG_COMMITS = Metric("agentos_event_log_commits", "counter", "Commits of the event log.", ())
LOG_EVENTS = Metric("agentos_event_log_events", "counter", "Events that these commits wrote.", ())
LOG_SECONDS = Metric("agentos_event_log_commit_seconds", "counter", "Seconds that these commits took.", ())
LEASES_RENEWED = Metric("agentos_leases_renewed", "counter", "Leases of runs that were prolonged.", ())
LEASES_LOST = Metric("agentos_leases_lost", "counter", "Runs that another worker took over from a living one.", ())
SWEEPS = Metric("agentos_sweeps", "counter", "Looks for runs that no living worker has.", ())
TAKEN_OVER = Metric("agentos_runs_taken_over", "counter", "Runs of lost workers that were executed again.", ())
HOLDS = Metric("agentos_event_loop_holds", "counter", "Times that one piece of work held an event loop too long.", ())
HELD_SECONDS = Metric("agentos_event_loop_held_seconds", "counter", "Seconds that these holds took.", ())

WORKER_RUNS = Metric("agentos_worker_runs", "gauge", "Runs under way in a worker.", _OF_WORKER)
WORKER_STREAMS = Metric(
    "agentos_worker_streams", "gauge", "Open streams and requests that wait for a run, of a worker.", _OF_WORKER
)
WORKER_FOLLOWERS = Metric("agentos_worker_followers", "gauge", "Readers of the events of runs at a worker.", _OF_WORKER)
WORKER_LOG_LAG = Metric(
    "agentos_worker_event_log_lag_seconds", "gauge", "Age of the oldest event that is not in the log.", _OF_WORKER
)
WORKER_POOL = Metric(
    "agentos_worker_database_connections",
    "gauge",
    "Connections of a worker's pool to the database.",
    ("worker", "state"),
)
WORKER_POOL_LIMIT = Metric(
    "agentos_worker_database_connections_limit", "gauge", "Most connections of a worker's pool.", _OF_WORKER
)
WORKER_LONGEST_HOLD = Metric(
    "agentos_worker_event_loop_longest_hold_seconds",
    "gauge",
    "Longest time of the last minute that a worker's event loop did not turn.",
    _OF_WORKER,
)
GUEST_READY = Metric(
    "agentos_guest_ready",
    "gauge",
    "1 while a guest process takes runs of a worker, else 0.",
    _OF_GUEST,
)
GUEST_RUNS = Metric("agentos_guest_runs", "gauge", "Runs of a worker in a guest process.", _OF_GUEST)
GUEST_RESTARTS = Metric(
    "agentos_guest_restarts", "counter", "Times that a guest process ended while a worker used it.", _OF_GUEST
)
GUEST_LAG = Metric(
    "agentos_guest_event_loop_lag_seconds",
    "gauge",
    "Seconds that the event loop of a guest process was late.",
    _OF_GUEST,
)
GUEST_MEMORY = Metric("agentos_guest_resident_memory_bytes", "gauge", "Resident memory of a guest process.", _OF_GUEST)
WORKER_CPU = Metric(
    "agentos_worker_cpu_seconds",
    "counter",
    "CPU seconds of the processes that had this place among the workers.",
    _OF_WORKER,
)
WORKER_MEMORY = Metric("agentos_worker_resident_memory_bytes", "gauge", "Resident memory of a worker.", _OF_WORKER)
WORKER_FILES = Metric("agentos_worker_open_fds", "gauge", "Open files and sockets of a worker.", _OF_WORKER)
WORKER_START = Metric(
    "agentos_worker_start_time_seconds", "gauge", "When a worker began to serve, as a Unix time.", _OF_WORKER
)

ALL = (
    *(REQUESTS, REQUEST_SECONDS, RUNS, RUN_SECONDS, RUN_FIRST_TOKEN),
    *(TOKENS, MODEL_CALLS, MODEL_SECONDS, MODEL_RETRIES, MODEL_FIRST_TOKEN, MODEL_SPEED, TOOL_CALLS, TOOL_SECONDS),
    *(LOG_COMMITS, LOG_EVENTS, LOG_SECONDS, LEASES_RENEWED, LEASES_LOST, SWEEPS, TAKEN_OVER, HOLDS, HELD_SECONDS),
    *(WORKER_RUNS, WORKER_STREAMS, WORKER_FOLLOWERS, WORKER_LOG_LAG, WORKER_POOL, WORKER_POOL_LIMIT),
    *(WORKER_LONGEST_HOLD, WORKER_CPU, WORKER_MEMORY, WORKER_FILES, WORKER_START),
    *(GUEST_READY, GUEST_RUNS, GUEST_RESTARTS, GUEST_LAG, GUEST_MEMORY),
)
"""Those that workers count, in the order of the page that lists them."""

# --- what waits in the whole deployment, read from the database at a scrape ------------------------------------------

DATABASE_UP = Metric("agentos_database_up", "gauge", "1 if the database told what waits, else 0.", ())
QUEUED = Metric("agentos_runs_queued", "gauge", "Runs that wait for a worker or for their session's turn.", ())
QUEUED_AGE = Metric("agentos_oldest_queued_run_age_seconds", "gauge", "Age of the oldest of them; 0 without one.", ())
PAUSED = Metric("agentos_runs_paused", "gauge", "Runs that wait for an answer.", ())
APPROVAL_AGE = Metric(
    "agentos_oldest_approval_age_seconds", "gauge", "Age of the oldest approval without an answer; 0 without one.", ()
)

OF_DEPLOYMENT = (DATABASE_UP, QUEUED, QUEUED_AGE, PAUSED, APPROVAL_AGE)
