"""Runs that nobody waits for, cancelling, and what a busy session does with a new run."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from agentos import Denied, hookimpl
from agentos.errors import RateLimited
from agentos.models.scripted import Pause
from agentos.testing.sse import read_events
from api.conftest import Served
from parts.waiting import until

RUN = "/api/v1/agents/scripted/run"
SLOW = ["half", Pause(20), " whole"]

Pair = Callable[..., tuple[Served, Served]]


def begin(served: Served, text: str = "Hi", session: str | None = None, **fields: Any) -> str:
    """Start a background run and wait until its model is called."""
    calls = len(served.provider.requests)
    run_id = str(served.run(text, session, background=True, **fields).json["run_id"])
    until(lambda: len(served.provider.requests) > calls)
    return run_id


def cancel(served: Served, run_id: str) -> TestResponse:
    return served.client.post(f"/api/v1/runs/{run_id}/cancel")


def test_a_background_run_is_accepted_at_once_and_found_at_its_address(serve) -> None:
    served = serve(["Hello ", Pause(0.2), "there"])
    session = served.new_session()
    answer = served.run("Hi", session, background=True)
    assert answer.status_code == 202
    assert answer.json == {"run_id": answer.headers["X-Run-ID"], "status": "queued", "session_id": session}
    assert served.client.get(answer.headers["Location"]).json["status"] in ("queued", "running")
    assert served.ended(answer.json["run_id"])["content"] == "Hello there"


def test_a_background_run_can_be_followed(served: Served) -> None:
    run_id = served.run("Hi", background=True).json["run_id"]
    events = list(read_events(served.client.get(f"/api/v1/runs/{run_id}/events").iter_encoded()))
    assert [event.type for event in events] == ["run_start", "token", "complete"]


def test_a_background_run_has_a_time_limit_of_its_own(serve) -> None:
    served = serve([Pause(0.4), "late"], request_timeout=0.2, background_timeout=5)
    assert served.ended(served.run("Hi", background=True).json["run_id"])["content"] == "late"
    cut = serve([Pause(20)], background_timeout=0.2)
    ended = cut.ended(cut.run("Hi", background=True).json["run_id"])
    assert ended["error"]["details"]["cause"] == "TIMEOUT"


def test_more_background_runs_than_there_is_room_for_are_429(serve) -> None:
    served = serve(SLOW, background_limit=1, background_queue=1)
    assert [served.run("Hi", background=True).status_code for _ in range(2)] == [202, 202]
    refused = served.run("Hi", background=True)
    assert (refused.status_code, refused.json["code"]) == (429, "RATE_LIMITED")
    assert int(refused.headers["Retry-After"]) >= 1
    assert served.client.get("/api/v1/runs").json["count"] == 2


class Full:
    """Refuses every run, and does not say until when. A plugin."""

    @hookimpl
    def before_run(self) -> Denied:
        return Denied("full", error=RateLimited("full"))


def test_every_429_says_when_to_try_again(serve) -> None:
    served = serve(plugins={"full": Full()})
    assert "Retry-After" in served.run("Hi", background=True).headers


@pytest.mark.parametrize(
    ("address", "body", "words"),
    [
        (RUN, {"background": True, "stream": True}, "stream"),
        (f"{RUN}?stream_events=true", {"background": True}, "stream"),
        (f"{RUN}/stream", {"background": True}, "stream"),
        (RUN, {"background": True, "on_disconnect": "cancel"}, "on_disconnect"),
    ],
)
def test_what_cannot_be_together_with_background_is_refused(
    served: Served, address: str, body: dict[str, Any], words: str
) -> None:
    answer = served.client.post(address, json={"input": "Hi", **body})
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert "'background'" in answer.json["message"]
    assert words in answer.json["message"]
    assert served.client.get("/api/v1/runs").json["count"] == 0


def test_a_cancelled_run_keeps_what_it_wrote_and_its_session_goes_on(serve) -> None:
    served = serve(SLOW, "next")
    session = served.new_session()
    run_id = begin(served, session=session)
    answer = cancel(served, run_id)
    assert (answer.status_code, answer.json["run_id"], answer.json["status"]) == (202, run_id, "running")
    run = served.ended(run_id)
    assert (run["status"], run["content"], run["error"]["code"]) == ("cancelled", "half", "RUN_CANCELLED")
    assert served.run("And now?", session).json["content"] == "next"
    said = served.client.get(f"/api/v1/sessions/{session}/history").json["messages"]
    assert [message["content"] for message in said] == ["Hi", "half", "And now?", "next"]


def test_a_run_is_cancelled_from_another_worker(serve_pair: Pair) -> None:
    here, there = serve_pair(SLOW)
    run_id = begin(here)
    assert cancel(there, run_id).status_code == 202
    stream = there.client.get(f"/api/v1/runs/{run_id}/events")
    last = list(read_events(stream.iter_encoded()))[-1]
    assert (last.type, last.json()["data"]["code"]) == ("error", "RUN_CANCELLED")
    assert there.ended(run_id)["status"] == "cancelled"


def test_a_queued_run_can_be_cancelled(serve) -> None:
    served = serve(SLOW)
    session = served.new_session()
    first = begin(served, session=session)
    waiting = served.run("later", session, background=True).json["run_id"]
    answer = cancel(served, waiting)
    assert (answer.status_code, answer.json["status"]) == (202, "cancelled")  # no worker has it yet
    assert served.ended(waiting)["status"] == "cancelled"
    assert served.client.get(f"/api/v1/runs/{first}").json["status"] == "running"


def test_what_has_ended_cannot_be_cancelled(served: Served) -> None:
    run_id = served.run("Hi").json["run_id"]
    answer = cancel(served, run_id)
    assert (answer.status_code, answer.json["code"]) == (409, "RUN_FINISHED")
    assert served.ended(run_id)["status"] == "completed"


def test_an_unknown_run_cannot_be_cancelled(served: Served) -> None:
    answer = cancel(served, "nobody")
    assert (answer.status_code, answer.json["code"]) == (404, "RUN_NOT_FOUND")


def test_a_busy_session_refuses_a_run_that_asks_for_that(serve) -> None:
    served = serve(SLOW)
    session = served.new_session()
    begin(served, session=session)
    for address in (RUN, f"{RUN}/stream"):
        answer = served.client.post(address, json={"input": "x", "session_id": session, "concurrency": "reject"})
        assert (answer.status_code, answer.json["code"]) == (409, "SESSION_BUSY")
        assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize(
    ("concurrency", "history"),
    [("interrupt", ["one", "half", "two", "second"]), ("rollback", ["two", "second"])],
)
@pytest.mark.parametrize("whose", ["request", "agent"])
def test_a_new_run_takes_the_place_of_another(serve, concurrency: str, history: list[str], whose: str) -> None:
    asked = {"concurrency": concurrency}
    served = serve(SLOW, "second", agent=asked if whose == "agent" else None)
    session = served.new_session()
    first = begin(served, "one", session)
    answer = served.run("two", session, **(asked if whose == "request" else {}))
    assert answer.json["content"] == "second"
    assert served.ended(first)["status"] == "cancelled"
    said = served.client.get(f"/api/v1/sessions/{session}/history").json["messages"]
    assert [message["content"] for message in said] == history


def test_a_request_can_wait_where_its_agent_would_refuse(serve) -> None:
    served = serve(["one", Pause(0.2)], "two", agent={"concurrency": "reject"})
    session = served.new_session()
    begin(served, session=session)
    assert served.run("x", session).json["code"] == "SESSION_BUSY"
    assert served.run("x", session, concurrency="enqueue").json["content"] == "two"


def test_an_agent_is_registered_with_what_its_runs_do_in_a_busy_session_and_after_a_crash(client: FlaskClient) -> None:
    definition = {"id": "careful", "model": "test:model", "concurrency": "reject", "retry_on_crash": True}
    shown = client.post("/api/v1/agents", json=definition).json["definition"]
    assert (shown["concurrency"], shown["retry_on_crash"]) == ("reject", True)
    for wrong in ({"concurrency": "wait"}, {"retry_on_crash": 1}):
        answer = client.put("/api/v1/agents/careful", json={"model": "test:model", **wrong})
        assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
