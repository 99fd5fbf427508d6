"""Open streams and waiting requests count: per owner, per run, and for the worker; however they end."""

import gc
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from agentos.api.kit.client import CLIENT, ClientConnection
from agentos.api.kit.stream_limits import StreamLimits
from agentos.auth.authenticator import Credentials
from agentos.config import Config
from agentos.domain.principal import Principal
from agentos.errors import AgentFailed, TooManyStreams
from agentos.hookspecs import hookimpl
from agentos.models.scripted import Fail, Pause
from api.conftest import Served
from parts.waiting import until

SLOW = ["half", Pause(10), " whole"]


class Keys:
    """Takes every key; it is its own owner."""

    def authenticate(self, credentials: Credentials) -> Principal | None:
        key = credentials.bearer or ""
        return Principal(id=f"key:{key}", owner=key, scopes=["agents:run", "runs:read"]) if key else None

    @hookimpl
    def register_authenticators(self, register: Callable[..., None]) -> None:
        register("keys", lambda config, storage: self)


def open_answers(served: Served) -> int:
    limits: StreamLimits = served.app.extensions["agentos.streams"]
    return limits.open


def read_to_the_end(served: Served) -> None:
    assert b"complete" in served.stream().data


def leave_in_the_middle(served: Served) -> None:
    answer = served.stream()
    next(answer.iter_encoded())
    assert open_answers(served) == 1
    answer.close()


def close_unread(served: Served) -> None:
    answer = served.stream()
    assert open_answers(served) == 1
    answer.close()


def lose(served: Served) -> None:
    answer = served.stream()
    assert open_answers(served) == 1
    del answer


def follow_to_the_end(served: Served) -> None:
    run_id = served.run("Hi").json["run_id"]
    assert b"complete" in served.client.get(f"/api/v1/runs/{run_id}/events").data


def follow_what_was_seen(served: Served) -> None:
    run_id = served.run("Hi").json["run_id"]
    assert served.client.get(f"/api/v1/runs/{run_id}/events?after=1000").status_code == 204


def ask_for_the_head(served: Served) -> None:
    run_id = served.run("Hi").json["run_id"]
    assert served.client.head(f"/api/v1/runs/{run_id}/events").status_code == 200


def follow_nothing(served: Served) -> None:
    assert served.client.get("/api/v1/runs/none/events").status_code == 404


def run_nobody(served: Served) -> None:
    for path in ("run", "run/stream"):
        assert served.client.post(f"/api/v1/agents/nobody/{path}", json={"input": "Hi"}).status_code == 404


def run_nothing(served: Served) -> None:
    for path in ("run", "run/stream"):
        assert served.client.post(f"/api/v1/agents/scripted/{path}", json={"input": ""}).status_code == 400


def run_and_wait(served: Served) -> None:
    assert served.run("Hi").status_code == 200


def fail(served: Served) -> None:
    served.provider._turns[:] = [[Fail(AgentFailed("no"))]]
    assert served.run("Hi").status_code == 500
    assert b"event: error" in served.stream().data


def run_in_the_background(served: Served) -> None:
    assert served.run("Hi", background=True).status_code == 202


def meet_a_bug(served: Served) -> None:
    @served.app.after_request
    def broken(response: Any) -> Any:
        if response.is_streamed:
            raise RuntimeError("a plugin's bug")
        return response

    logging.disable()  # pytest keeps what is logged, and with the traceback all that it refers to
    try:
        assert served.stream().status_code == 500
    finally:
        logging.disable(logging.NOTSET)


ENDS = (
    read_to_the_end,
    leave_in_the_middle,
    close_unread,
    lose,
    follow_to_the_end,
    follow_what_was_seen,
    ask_for_the_head,
    follow_nothing,
    run_nobody,
    run_nothing,
    run_and_wait,
    fail,
    run_in_the_background,
    meet_a_bug,
)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_a_place_is_given_back_however_the_answer_ends(serve, end: Callable[[Served], None]) -> None:
    served = serve(["one", "two", "three"])

    end(served)
    gc.collect()

    assert open_answers(served) == 0
    assert not served.app.extensions["agentos.streams"]._runs


@pytest.mark.parametrize("path", ["run", "run/stream", "run?stream_events=true"])
def test_a_run_that_is_refused_was_not_started(serve, path: str) -> None:
    served = serve(SLOW, max_streams_per_owner=2)
    answers = [served.stream(), served.stream()]

    refused = served.client.post(f"/api/v1/agents/scripted/{path}", json={"input": "Hi"})

    assert (refused.status_code, refused.json["code"]) == (429, "TOO_MANY_STREAMS")
    assert refused.mimetype == "application/json"
    assert int(refused.headers["Retry-After"]) >= 1
    assert "AGENTOS_MAX_STREAMS_PER_OWNER" in refused.json["message"]
    assert len(served.client.get("/api/v1/runs").json["runs"]) == 2
    assert served.run("Hi", background=True).status_code == 202  # it holds no connection
    answers.pop().close()
    with served.stream() as again:
        assert again.status_code == 200
    answers.pop().close()


def test_a_request_that_waits_for_its_run_counts_and_may_not_be_repeated_without_end(serve) -> None:
    served = serve([Pause(1), "end"], max_streams_per_owner=1)
    key = {"Idempotency-Key": "one"}
    path, body = "/api/v1/agents/scripted/run", {"input": "Hi"}
    statuses: list[int] = []
    waiting = threading.Thread(
        target=lambda: statuses.append(served.client.post(path, json=body, headers=key).status_code)
    )
    waiting.start()
    until(lambda: open_answers(served) == 1)

    assert served.client.post(path, json=body, headers=key).status_code == 429
    assert served.stream().status_code == 429

    waiting.join(10)
    assert statuses == [200]
    assert open_answers(served) == 0


def test_a_run_has_a_limit_of_its_own(serve) -> None:
    served = serve(SLOW, max_streams_per_run=2)
    answers = [served.stream()]
    run_id = answers[0].headers["X-Run-ID"]
    path = f"/api/v1/runs/{run_id}/events"
    answers.append(served.client.get(path))

    refused = served.client.get(path)

    assert (refused.status_code, refused.json["code"]) == (429, "TOO_MANY_STREAMS")
    assert run_id in refused.json["message"]
    assert open_answers(served) == 2
    with served.stream() as other:
        assert other.status_code == 200
    answers.pop().close()
    with served.client.get(path) as again:
        assert again.status_code == 200
    answers.pop().close()


def test_each_owner_has_its_own_limit(serve) -> None:
    served = serve(SLOW, plugins={"keys": Keys()}, auth=("keys",), max_streams_per_owner=1)

    def stream(key: str) -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        return served.client.post("/api/v1/agents/scripted/run/stream", json={"input": "Hi"}, headers=headers)

    mine, again, yours = stream("me"), stream("me"), stream("you")

    assert [answer.status_code for answer in (mine, again, yours)] == [200, 429, 200]
    for answer in (mine, yours):
        answer.close()


class Crowded(ClientConnection):
    stream_limit = 2


def test_the_places_of_a_worker_are_for_all_together(serve) -> None:
    served = serve(SLOW)

    def stream() -> Any:
        path = "/api/v1/agents/scripted/run/stream"
        return served.client.post(path, json={"input": "Hi"}, environ_overrides={CLIENT: Crowded()})

    answers = [stream(), stream()]

    refused = stream()

    assert (refused.status_code, refused.json["code"]) == (429, "TOO_MANY_STREAMS")
    assert "AGENTOS_WORKER_CONNECTIONS" in refused.json["message"]
    assert served.client.get("/api/v1/agents").status_code == 200
    for answer in answers:
        answer.close()


@pytest.mark.parametrize(
    ("settings", "most"), [({"auth": ("api_key",)}, 500), ({}, 3000), ({"max_streams_per_owner": 7}, 7)]
)
def test_the_default_depends_on_whether_callers_are_known(settings: dict[str, Any], most: int) -> None:
    limits = StreamLimits(Config(environ={}, **settings))

    entered = 0
    try:
        for _ in range(3000):
            limits.enter("me", None)
            entered += 1
    except TooManyStreams:
        pass

    assert entered == most
