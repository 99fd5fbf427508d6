"""`GET /runs/{id}/events` of runs that pause: from any place on, at the worker that executes them and at another."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from agentos.domain.pending import Answer
from agentos.domain.principal import OPERATOR
from agentos.models.scripted import call
from agentos.testing import SharedSignals, SSEReader
from agentos.testing.sse import read_events
from agentos.tools.tool import tool
from api.conftest import Served
from parts.waiting import until

Pair = Callable[..., tuple[Served, Served]]
UNTIL_PAUSED = ["run_start", "token", "paused"]
WHOLE = [*UNTIL_PAUSED, "resumed", "tool_call", "tool_call", "token", "complete"]


@tool(approval=True)
def pay(amount: int) -> str:
    """Pay."""
    return f"{amount} paid"


TURNS = (["Paying", call("pay", '{"amount": 3}')], ["Done"])
SHARED: dict[str, Any] = {"tools": [pay]}


@pytest.fixture
def pair(serve_pair: Pair) -> tuple[Served, Served]:
    pair = serve_pair(*TURNS, **SHARED)
    pair[1].provider.say(TURNS[1])  # a model that begins with the second turn
    return pair


def follow(served: Served, run_id: str, query: str = "", last: int | None = None) -> TestResponse:
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    return served.client.get(f"/api/v1/runs/{run_id}/events{query}", headers=headers)


def types(answer: TestResponse) -> list[str]:
    assert answer.status_code == 200
    return [event.type for event in read_events(answer.iter_encoded())]


def paused(served: Served) -> tuple[str, str]:
    """Start a run, and return its id and that of the action that it waits for."""
    answer = served.stream()
    answer.close()
    run_id = served.ended(answer.headers["X-Run-ID"])["run_id"]
    [action] = served.services.runs.open(run_id, OPERATOR).get().pending
    return run_id, action.id


def approve(served: Served, run_id: str, action_id: str) -> None:
    served.services.runs.answer(run_id, {action_id: Answer(decision="approve")}, OPERATOR)


def test_a_stream_ends_with_the_pause_and_says_what_the_run_waits_for(serve) -> None:
    served = serve(*TURNS, **SHARED)
    events = list(read_events(served.stream().iter_encoded()))
    assert [event.type for event in events] == UNTIL_PAUSED
    [pending] = json.loads(events[-1].data)["data"]["pending"]
    assert (pending["kind"], pending["tool_name"], pending["arguments"]) == ("approval", "pay", {"amount": 3})


@pytest.mark.parametrize("place", [0, 1], ids=["same worker", "other worker"])
def test_what_was_missed_of_a_paused_run_is_sent_and_then_the_stream_ends(
    pair: tuple[Served, Served], place: int
) -> None:
    run_id, _ = paused(pair[0])
    for last in (None, 1, 2):
        assert types(follow(pair[place], run_id, last=last)) == UNTIL_PAUSED[last or 0 :]


@pytest.mark.parametrize("place", [0, 1], ids=["same worker", "other worker"])
@pytest.mark.parametrize("resumes", [0, 1], ids=["resumed here", "resumed there"])
def test_a_client_that_has_seen_the_pause_waits_and_gets_the_rest_after_the_answer(
    pair: tuple[Served, Served], place: int, resumes: int
) -> None:
    run_id, action_id = paused(pair[0])
    answer = follow(pair[place], run_id, last=3)
    approval = threading.Timer(0.2, approve, [pair[resumes], run_id, action_id])
    approval.start()
    assert types(answer) == WHOLE[3:]
    approval.join()
    for served in pair:
        assert types(follow(served, run_id)) == WHOLE


def test_a_client_that_waits_at_a_paused_run_gets_heartbeats(serve) -> None:
    served = serve(*TURNS, **SHARED, heartbeat_interval=0.1)
    run_id, action_id = paused(served)
    reader, seen = SSEReader(), []
    for piece in follow(served, run_id, last=3).iter_encoded():
        seen += reader.feed(piece)
        if reader.comments.count("heartbeat") == 3 and not seen:
            approve(served, run_id, action_id)
    assert [event.type for event in seen] == WHOLE[3:]


def test_a_paused_run_is_never_204_and_an_ended_one_is(serve) -> None:
    served = serve(*TURNS, **SHARED)
    run_id, action_id = paused(served)
    waiting = follow(served, run_id, last=3)
    assert waiting.status_code == 200
    waiting.close()
    approve(served, run_id, action_id)
    served.ended(run_id)
    assert follow(served, run_id, last=len(WHOLE)).status_code == 204


def test_a_client_that_waits_at_a_paused_run_gets_the_end_if_it_is_cancelled(pair: tuple[Served, Served]) -> None:
    run_id, _ = paused(pair[0])
    answer = follow(pair[1], run_id, last=3)
    cancelled = pair[0].client.post(f"/api/v1/runs/{run_id}/cancel")
    assert (cancelled.status_code, cancelled.json["status"]) == (202, "cancelled")
    assert types(answer) == ["error"]


def test_servers_of_one_process_are_connected_by_shared_signals(serve_pair: Pair) -> None:
    shared = SharedSignals()
    here, there = serve_pair(*TURNS, **SHARED, plugins={"signals": shared}, signals="shared://")
    run_id, action_id = paused(here)
    answer = follow(there, run_id, last=3)
    approve(here, run_id, action_id)
    assert types(answer) == WHOLE[3:]
    assert here.services.signals.timers is not there.services.signals.timers
    with there.services.signals.listen("run:1") as wakeup:
        here.services.signals.notify("run:1")
        assert wakeup.wait(0)


@pytest.fixture
def waiting_pieces(serve) -> Iterator[Iterator[bytes]]:
    served = serve(*TURNS, **SHARED)
    run_id, _ = paused(served)
    answer = follow(served, run_id, last=3)
    yield answer.iter_encoded()
    until(lambda: answer.close() or not served.services.signals._listeners.get(f"run:{run_id}"))


def test_a_browser_that_waits_at_a_paused_run_has_its_headers_at_once(waiting_pieces: Iterator[bytes]) -> None:
    assert next(waiting_pieces) == b"retry: 1000\n\n"
