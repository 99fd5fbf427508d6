"""Waiting for a session's turn has a limit of its own, and takes nothing from the run's time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from agentos.models.scripted import Pause
from api.conftest import Served
from parts.waiting import until

KINDS = {"run": "request_timeout", "stream": "stream_timeout", "background": "background_timeout"}
"""The kinds of runs, and the setting of each one's limit."""


def start(served: Served, kind: str, session: str) -> dict[str, Any]:
    """Run the agent in a session to the run's end; return the run as it is kept."""
    if kind == "run":
        answer = served.run("second", session)
        run_id = answer.headers["X-Run-ID"]
    elif kind == "stream":
        answer = served.stream("second", session_id=session)
        run_id = answer.headers["X-Run-ID"]
        assert answer.data  # read to its end
    else:
        run_id = served.run("second", session, background=True).json["run_id"]
    return served.ended(run_id)


@contextmanager
def busy(served: Served, session: str) -> Iterator[None]:
    """Have a run under way in the session, in the background."""
    served.run("first", session, background=True)
    until(lambda: len(served.provider.requests) == 1)
    yield
    for run in served.client.get("/api/v1/runs").json["runs"]:
        served.client.post(f"/api/v1/runs/{run['run_id']}/cancel")


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_waited_has_all_its_time_still(serve, kind) -> None:
    limits = dict.fromkeys(KINDS.values(), 20.0) | {KINDS[kind]: 1.5}
    served = serve(["a", Pause(1.1), "b"], ["c", Pause(1.1), "d"], **limits)
    session = served.new_session()
    with busy(served, session):
        run = start(served, kind, session)
    assert (run["status"], run["content"]) == ("completed", "cd")


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_time_is_limited_after_the_wait_as_without_one(serve, kind) -> None:
    limits = dict.fromkeys(KINDS.values(), 20.0) | {KINDS[kind]: 0.8, "queue_timeout": 20.0}
    served = serve(["a", Pause(1.2), "b"], ["c", Pause(20), "d"], **limits)
    session = served.new_session()
    first = threading.Thread(target=served.stream, kwargs={"text": "first", "session_id": session})
    if kind == "stream":
        first = threading.Thread(target=lambda: served.run("first", session))
    first.start()
    until(lambda: len(served.provider.requests) == 1)
    run = start(served, kind, session)
    first.join()
    assert (run["status"], run["content"], run["error"]["details"]["cause"]) == ("failed", "c", "TIMEOUT")
    assert "phase" not in run["error"]["details"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("setting", ["queue_timeout", "the limit of its kind"])
def test_a_run_that_waits_too_long_ends_and_says_that_it_only_waited(serve, kind, setting) -> None:
    limits = dict.fromkeys(KINDS.values(), 20.0)
    if setting == "queue_timeout":
        limits["queue_timeout"] = 0.4
    else:
        limits[KINDS[kind]] = 0.4
    served = serve(["a", Pause(20), "b"], **limits)
    session = served.new_session()
    first = threading.Thread(target=served.stream, kwargs={"text": "first", "session_id": session})
    if kind == "stream":
        first = threading.Thread(target=lambda: served.run("first", session))
    first.start()
    until(lambda: len(served.provider.requests) == 1)
    run = start(served, kind, session)
    assert (run["status"], run["error"]["code"]) == ("failed", "EXECUTION_ERROR")
    assert run["error"]["details"]["cause"] == "TIMEOUT"
    assert run["error"]["details"]["phase"] == "queued"
    assert "waited 0.4 s for its session's turn" in run["error"]["message"]
    assert run["started_at"] is None
    assert len(served.provider.requests) == 1
    for other in served.client.get("/api/v1/runs?status=running").json["runs"]:
        served.client.post(f"/api/v1/runs/{other['run_id']}/cancel")
    first.join()


def test_a_client_that_waits_for_such_a_run_is_answered_504(serve) -> None:
    served = serve(["a", Pause(20), "b"], queue_timeout=0.3)
    session = served.new_session()
    with busy(served, session):
        answer = served.run("second", session)
    assert (answer.status_code, answer.json["code"]) == (504, "EXECUTION_ERROR")
    assert answer.json["details"]["phase"] == "queued"


def test_a_client_waits_for_both_times_together(serve) -> None:
    served = serve(["a", Pause(1.2), "b"], ["c", Pause(1.0), "d"], request_timeout=1.4, queue_timeout=3.0)
    session = served.new_session()
    with busy(served, session):
        answer = served.run("second", session)
    assert (answer.status_code, answer.json["content"]) == (200, "cd")
