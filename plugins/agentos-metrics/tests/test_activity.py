"""What workers say of themselves, and what waits: at a scrape, without any harm to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from agentos_metrics import MetricsPlugin
from agentos_metrics.activity import ActivityRecorder
from agentos_metrics.backlog import BacklogReader
from agentos_metrics.metrics import (
    APPROVAL_AGE,
    DATABASE_UP,
    GUEST_LAG,
    GUEST_MEMORY,
    GUEST_READY,
    GUEST_RESTARTS,
    GUEST_RUNS,
    LOG_EVENTS,
    PAUSED,
    QUEUED,
    QUEUED_AGE,
    SWEEPS,
)
from agentos_metrics.recorder import Recorder
from agentos_metrics.worker_numbers import Numbers, SharedNumbers
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families as parse_text

from agentos import Activity, Agent, Backlog, GuestProcess, PoolUse, StorageError
from agentos.testing import AgentClient

Make = Callable[..., Flask]


def values(client: AgentClient) -> dict[tuple[str, ...], float]:
    """Return all values by the metric's name and the values of its labels."""
    families = parse_text(client.get("/metrics").text)
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def activity(**given: float) -> Activity:
    totals = dict.fromkeys(
        ("log_commits", "log_events", "leases_renewed", "leases_lost", "sweeps", "runs_taken_over", "holds"), 0
    )
    lasting = dict.fromkeys(("log_seconds", "log_lag", "held_seconds", "longest_hold"), 0.0)
    now = {"runs": 0, "streams": 0, "followers": 0}
    return Activity(**{**totals, **lasting, **now, "pool": PoolUse(1, 2, 20), **given})  # type: ignore[arg-type]


def test_a_scrape_has_what_the_worker_does_and_what_waits(
    agentos_app: Make, agentos_client: AgentClient, metrics: MetricsPlugin
) -> None:
    agentos_app([Agent(id="a", model="test:scripted")], plugins={"metrics": metrics}, started=True)
    agentos_client.post("/api/v1/agents/a/run", json={"input": "Hi"})
    found = values(agentos_client)
    assert found["agentos_worker_streams", "0"] == 0
    assert found["agentos_worker_runs", "0"] >= 0
    assert found[("agentos_database_up",)] == 1
    assert found[("agentos_runs_queued",)] == found[("agentos_runs_paused",)] == 0
    assert found[("agentos_oldest_queued_run_age_seconds",)] == found[("agentos_oldest_approval_age_seconds",)] == 0


def test_totals_go_on_from_those_of_the_worker_before(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    first = Recorder(SharedNumbers(folder))
    recorder = ActivityRecorder(first, lambda: activity(log_events=5, sweeps=2))
    recorder.sample()
    recorder.sample()
    assert (first.get(LOG_EVENTS, ()), first.get(SWEEPS, ())) == (5, 2)
    first.close()
    second = Recorder(SharedNumbers(folder))
    ActivityRecorder(second, lambda: activity(log_events=1, sweeps=1)).sample()
    assert (second.get(LOG_EVENTS, ()), second.get(SWEEPS, ())) == (6, 3)


def test_guest_processes_are_shown_as_the_worker_sees_them(
    agentos_app: Make, agentos_client: AgentClient, metrics: MetricsPlugin
) -> None:
    app = agentos_app([Agent(id="a", model="test:scripted")], plugins={"metrics": metrics}, started=True)
    process = GuestProcess(guest="m:a", number=1, state="ready", runs=2, restarts=3, lag=0.25, memory=1000)
    late = GuestProcess(guest="async", number=0, state="busy", runs=0, restarts=0, lag=4.0, memory=5)
    ActivityRecorder(metrics._recorder, lambda: activity(guests=(process, late))).sample()  # type: ignore[arg-type]
    found = values(agentos_client)
    assert app is agentos_client.application
    assert found["agentos_guest_ready", "m:a", "1", "0"] == 1
    assert found["agentos_guest_runs", "m:a", "1", "0"] == 2
    assert found["agentos_guest_restarts_total", "m:a", "1", "0"] == 3
    assert found["agentos_guest_event_loop_lag_seconds", "m:a", "1", "0"] == 0.25
    assert found["agentos_guest_resident_memory_bytes", "m:a", "1", "0"] == 1000
    assert found["agentos_guest_ready", "async", "0", "0"] == 0


def test_guest_processes_that_are_gone_are_not_ready_and_their_restarts_stay() -> None:
    recorder = Recorder(Numbers())
    now: list[GuestProcess] = []
    guests = ActivityRecorder(recorder, lambda: activity(guests=tuple(now)))  # type: ignore[arg-type]
    labels = ("0", "m:a", "0")

    def seen(*found: GuestProcess) -> list[float]:
        now[:] = found
        guests.sample()
        return [recorder.get(one, labels) for one in (GUEST_READY, GUEST_RUNS, GUEST_RESTARTS, GUEST_LAG, GUEST_MEMORY)]

    def process(restarts: int, *, state: str = "ready", lag: float = 0.5) -> GuestProcess:
        return GuestProcess(guest="m:a", number=0, state=state, runs=1, restarts=restarts, lag=lag, memory=100)

    assert seen() == [0, 0, 0, 0, 0]
    assert seen(process(3)) == [1, 1, 3, 0.5, 100]
    assert seen() == [0, 0, 3, 0, 0]
    assert seen(process(1)) == [1, 1, 4, 0.5, 100]
    # The target runs with other settings as well, as of an older version of its agent.
    assert seen(process(2), process(1, state="busy", lag=2.0)) == [1, 2, 6, 2.0, 200]
    assert seen(process(1, state="busy", lag=2.0)) == [0, 1, 6, 2.0, 100]


def test_the_backlog_has_ages_and_is_asked_for_seldom() -> None:
    asked = []

    def ask() -> Backlog:
        asked.append(1)
        since = datetime.now(UTC) - timedelta(seconds=100)
        return Backlog(queued=2, oldest_queued_at=since, paused=1, oldest_approval_at=None)

    reader = BacklogReader(ask)
    for _ in range(50):
        found = reader.read()
    assert len(asked) == 1
    assert (found[QUEUED], found[PAUSED], found[APPROVAL_AGE], found[DATABASE_UP]) == (2, 1, 0, 1)
    assert 100 <= found[QUEUED_AGE] < 160


@pytest.mark.parametrize("error", [StorageError("away"), RuntimeError("a bug")])
def test_a_database_that_fails_is_a_number_and_no_failed_scrape(error: Exception) -> None:
    def ask() -> Backlog:
        raise error

    assert BacklogReader(ask).read() == {DATABASE_UP: 0.0}


def test_a_database_that_does_not_answer_holds_no_scrape_for_long() -> None:
    answer = threading.Event()

    def ask() -> None:
        answer.wait(60)

    reader = BacklogReader(ask)
    begun = time.monotonic()
    assert reader.read() == {DATABASE_UP: 0.0}
    assert time.monotonic() - begun < 30
    threads = threading.active_count()
    assert reader.read() == {DATABASE_UP: 0.0}
    assert threading.active_count() <= threads, "one asks at a time"
    answer.set()
    deadline = time.monotonic() + 20
    while reader.read() != {DATABASE_UP: 1.0}:  # this storage counts nothing
        assert time.monotonic() < deadline
