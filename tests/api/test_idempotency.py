"""`Idempotency-Key`: a repeat gets the first one's answer, and makes nothing."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from agentos.api.kit.run_answers import GRACE
from agentos.api.v1.run_creation import end_response
from agentos.errors import ProviderError, ProviderUnavailable, RunTimeout
from agentos.models.scripted import Fail, Pause
from agentos.testing.sse import read_events
from api.conftest import Served
from parts.waiting import until

RUN = "/api/v1/agents/scripted/run"
SESSIONS = "/api/v1/sessions"

Pair = Callable[..., tuple[Served, Served]]


def post(served: Served, address: str = RUN, key: str = "k1", **body: Any) -> TestResponse:
    return served.app.test_client().post(address, json=body or {"input": "Hi"}, headers={"Idempotency-Key": key})


def check_replay(first: TestResponse, second: TestResponse) -> None:
    """Check that the second answer is a replay of the first."""
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.status_code == first.status_code
    bodies = [{**answer.json, "request_id": None} for answer in (first, second)]
    assert bodies[0] == bodies[1]
    for name in ("X-Run-ID", "Location", "Retry-After"):
        assert first.headers.get(name) == second.headers.get(name)


def test_a_repeated_run_is_answered_alike_and_runs_once(served: Served) -> None:
    check_replay(post(served), post(served))
    assert len(served.provider.requests) == 1
    assert served.client.get("/api/v1/runs").json["count"] == 1


@pytest.mark.parametrize("error", [ProviderError("refused"), ProviderUnavailable("down")])
def test_an_error_is_replayed_too(serve, error: Exception) -> None:
    served = serve([Fail(error)], "this time it would work", model_retries=0)
    first = post(served)
    assert first.status_code in (502, 503)
    check_replay(first, post(served))


def test_repeats_join_a_run_that_is_under_way_at_whichever_worker(serve_pair: Pair) -> None:
    here, there = serve_pair(["Hel", Pause(0.5), "lo"])
    answers: list[TestResponse] = []
    threads = [
        threading.Thread(target=lambda worker=worker: answers.append(post(worker))) for worker in (here, there) * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(here.provider.requests) + len(there.provider.requests) == 1
    assert {(answer.status_code, answer.json["content"], answer.json["run_id"]) for answer in answers} == {
        (200, "Hello", answers[0].json["run_id"])
    }
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 7


@pytest.mark.parametrize("address", [f"{RUN}/stream", f"{RUN}?stream_events=true"])
def test_a_repeated_stream_is_the_same_stream_from_its_start(serve_pair: Pair, address: str) -> None:
    here, there = serve_pair(["Hel", Pause(0.3), "lo"])
    first, joined = post(here, address), post(there, address)
    whole = list(read_events(first.iter_encoded()))
    assert whole[-1].type == "complete"
    assert list(read_events(joined.iter_encoded())) == whole
    later = post(there, f"{address}{'&' if '?' in address else '?'}types=token,complete")
    assert list(read_events(later.iter_encoded())) == whole[1:]
    assert joined.headers["Idempotency-Replayed"] == later.headers["Idempotency-Replayed"] == "true"
    assert first.headers["X-Run-ID"] == later.headers["X-Run-ID"]


def test_a_repeated_background_run_is_accepted_again_and_runs_once(serve) -> None:
    served = serve(["do", Pause(0.2), "ne"])
    first = post(served, input="Hi", background=True)
    assert first.status_code == 202
    check_replay(first, post(served, input="Hi", background=True))
    served.ended(first.json["run_id"])
    check_replay(first, post(served, input="Hi", background=True))
    assert len(served.provider.requests) == 1


def test_a_repeat_is_answered_though_there_is_no_room_for_a_new_background_run(serve) -> None:
    served = serve(["half", Pause(20), " whole"], background_limit=1, background_queue=1)
    key = {"Idempotency-Key": "once"}
    first = served.client.post(RUN, json={"input": "Hi", "background": True}, headers=key)
    until(lambda: served.provider.requests)
    assert served.client.post(RUN, json={"input": "Hi", "background": True}).status_code == 202
    assert served.client.post(RUN, json={"input": "Hi", "background": True}).status_code == 429
    again = served.client.post(RUN, json={"input": "Hi", "background": True}, headers=key)
    assert (again.status_code, again.json) == (202, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_repeated_session_is_the_same_session(served: Served) -> None:
    body = {"agent_id": "scripted", "metadata": {"a": 1, "b": [2]}}
    first = post(served, SESSIONS, **body)
    assert first.status_code == 201
    check_replay(first, post(served, SESSIONS, **body))
    assert served.client.get(SESSIONS).json["count"] == 1


@pytest.mark.parametrize(
    ("address", "first", "second"),
    [
        (RUN, {"input": "one"}, {"input": "two"}),
        (RUN, {"input": "one"}, {"input": "one", "background": True}),
        (RUN, {"input": "one"}, {"input": "one", "stream": True}),
        (SESSIONS, {"agent_id": "a"}, {"agent_id": "a", "name": "n"}),
    ],
)
def test_the_same_key_for_another_request_is_422(
    served: Served, address: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    post(served, address, **first)
    answer = post(served, address, **second)
    assert (answer.status_code, answer.json["code"]) == (422, "IDEMPOTENCY_MISMATCH")
    assert served.client.get("/api/v1/runs").json["count"] + served.client.get(SESSIONS).json["count"] == 1


def test_the_order_of_keys_and_defaults_that_are_spelt_out_make_no_other_request(served: Served) -> None:
    first = post(served, input="Hi", metadata={"a": 1, "b": {"c": 1, "d": 2}})
    repeat = post(served, metadata={"b": {"d": 2, "c": 1}, "a": 1}, stream=False, on_disconnect="continue", input="Hi")
    check_replay(first, repeat)
    assert len(served.provider.requests) == 1


def test_a_key_is_of_its_route_alone(served: Served) -> None:
    answers = [post(served), post(served, f"{RUN}/stream"), post(served, SESSIONS, agent_id="a")]
    assert [answer.status_code for answer in answers] == [200, 200, 201]
    assert not any("Idempotency-Replayed" in answer.headers for answer in answers)


def test_what_was_refused_used_up_no_key(served: Served) -> None:
    assert post(served, input="Hi", session_id="nobody").status_code == 404
    assert post(served, input="Hi").status_code == 200


@pytest.mark.parametrize(("address", "body"), [(RUN, {"input": "x"}), (SESSIONS, {"agent_id": "a"})])
def test_what_the_first_request_made_may_be_gone(served: Served, address: str, body: dict[str, Any]) -> None:
    session = served.new_session() if address == RUN else None
    body = body if session is None else {**body, "session_id": session}
    first = post(served, address, **body)
    served.client.delete(f"{SESSIONS}/{session or first.json['session_id']}")
    answer = post(served, address, **body)
    assert (answer.status_code, answer.json["code"]) == (409, "IDEMPOTENCY_CONFLICT")


class Unending:
    """A run that was joined and does not end, as one of a worker that was stopped."""

    run_id = "r1"
    replayed = True

    def __init__(self) -> None:
        self.waited: list[float] = []

    def wait(self, timeout: float) -> None:
        self.waited.append(timeout)


def test_a_repeat_does_not_wait_longer_than_the_first_would_have(serve) -> None:
    served = serve(request_timeout=7)
    run = Unending()
    with served.app.test_request_context(), pytest.raises(RunTimeout) as raised:
        end_response(run, cancel_on_disconnect=False)
    # For its turn in the session, as long by default, and for the run itself.
    assert run.waited == [7 + 7 + GRACE]
    assert raised.value.details == {"cause": "TIMEOUT", "retryable": True, "run_id": "r1"}


@pytest.mark.parametrize("key", ["", " ", "two words", "ü", "x" * 256, "tab\tbed"])
@pytest.mark.parametrize("address", [RUN, f"{RUN}/stream", SESSIONS])
def test_a_key_that_is_no_visible_ascii_is_refused(served: Served, address: str, key: str) -> None:
    body = {"agent_id": "a"} if address == SESSIONS else {"input": "x"}
    answer = post(served, address, key, **body)
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert "Idempotency-Key" in answer.json["message"]
    assert served.client.get("/api/v1/runs").json["count"] + served.client.get(SESSIONS).json["count"] == 0


@pytest.mark.parametrize("key", ["x" * 255, "!~", "0197c2f0-8e0b-7c1a-b1de-7a1e2f3a4b5c"])
def test_every_visible_key_is_taken(served: Served, key: str) -> None:
    check_replay(post(served, key=key), post(served, key=key))
    assert len(served.provider.requests) == 1
