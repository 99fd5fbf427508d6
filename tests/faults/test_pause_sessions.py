"""New messages in a session that has a paused run, from either worker."""

import threading
from typing import Any

import pytest
import requests

from parts.client import Client
from parts.pair import Pair
from parts.shop import BOUGHT, LOOK_AND_PAY, Shop, answers_to, asking, log_of, paused, resume, start
from parts.waiting import until

HELLO = ["hello"]


@pytest.fixture(params=["same worker", "other worker"])
def other(open_shop: tuple[Shop, Pair], request: pytest.FixtureRequest) -> Client:
    """The worker that the later message reaches."""
    pair = open_shop[1]
    return pair.here if request.param == "same worker" else pair.there


def say(client: Client, session: str, concurrency: str, path: str = "/run") -> requests.Response:
    return client.request("POST", f"/agents/shop{path}", asking(HELLO, session_id=session, concurrency=concurrency))


@pytest.mark.parametrize("path", ["/run", "/run/stream"])
@pytest.mark.parametrize("concurrency", ["enqueue", "reject"])
def test_a_message_that_would_wait_is_refused_with_what_is_pending(
    open_shop: tuple[Shop, Pair], other: Client, concurrency: str, path: str
) -> None:
    pair = open_shop[1]
    session = pair.here.session("shop")
    run = paused(pair.here, session_id=session)
    refused = say(other, session, concurrency, path)
    assert (refused.status_code, refused.json()["code"]) == (409, "SESSION_BUSY")
    assert run["pending"][0]["id"] in refused.text
    assert int(refused.headers["Retry-After"]) >= 1
    assert len(pair.here.get(f"/runs?session_id={session}")["runs"]) == 1, "it left no run"

    resume(other, run)
    assert pair.here.ended(run["run_id"])["content"] == BOUGHT
    assert say(other, session, concurrency).json()["content"] == "hello"


def test_interrupt_ends_the_paused_run_and_keeps_what_it_had_said(open_shop: tuple[Shop, Pair], other: Client) -> None:
    shop, pair = open_shop
    session = pair.here.session("shop")
    turns = [{"say": "Let me see. ", "calls": LOOK_AND_PAY[0]}, "$results"]
    run = paused(pair.here, turns, session_id=session)
    assert say(other, session, "interrupt").json()["content"] == "hello"

    ended = pair.here.get(f"/runs/{run['run_id']}")
    assert (ended["status"], ended["content"]) == ("cancelled", "Let me see. ")
    assert log_of(pair.here, run["run_id"])[-1].data["code"] == "RUN_CANCELLED"
    messages = pair.there.get(f"/sessions/{session}/history")["messages"]
    assert [one["content"] for one in messages if one["role"] == "assistant" and one["content"]] == [
        "Let me see. ",
        "hello",
    ]
    called = [call["id"] for one in messages for call in one.get("tool_calls") or ()]
    results = [one["tool_call_id"] for one in messages if one["role"] == "tool"]
    assert called == results == ["call_0_0"], "each call has a result"
    late = other.request("POST", f"/runs/{run['run_id']}/resume", answers_to(run))
    assert (late.status_code, late.json()["code"]) == (409, "RUN_FINISHED")
    assert shop.calls(run["run_id"], "pay") == []
    assert other.get(f"/approvals?session_id={session}")["approvals"] == []


def test_rollback_ends_the_paused_run_and_forgets_it(open_shop: tuple[Shop, Pair], other: Client) -> None:
    shop, pair = open_shop
    session = pair.here.session("shop")
    run = paused(pair.here, session_id=session)
    assert say(other, session, "rollback").json()["content"] == "hello"
    assert pair.here.get(f"/runs/{run['run_id']}")["status"] == "cancelled"
    assert [text for role, text in pair.there.said(session) if role == "assistant"] == ["hello"]
    assert shop.calls(run["run_id"], "pay") == []


def test_those_that_wait_behind_a_run_that_pauses_end_and_background_runs_stay(
    open_shop: tuple[Shop, Pair], other: Client
) -> None:
    shop, pair = open_shop
    session = pair.here.session("shop")
    shop.hold("shoes")
    first = start(pair.here, LOOK_AND_PAY, session_id=session)
    until(lambda: shop.calls(first))
    inline: list[Any] = []
    thread = threading.Thread(target=lambda: inline.append(say(other, session, "enqueue")))
    thread.start()
    until(lambda: len(pair.here.get(f"/runs?session_id={session}")["runs"]) == 2)
    stream = other.stream("/agents/shop/run/stream", asking(HELLO, session_id=session))
    streamed: list[Any] = []
    reader = threading.Thread(target=lambda: streamed.extend(stream))
    reader.start()
    until(lambda: len(pair.here.get(f"/runs?session_id={session}")["runs"]) == 3)
    background = start(other, HELLO, session_id=session)
    shop.release("shoes")

    thread.join(30)
    reader.join(30)
    assert (inline[0].status_code, inline[0].json()["code"]) == (409, "SESSION_BUSY")
    assert streamed[-1].data["code"] == "SESSION_BUSY"
    run = pair.here.get(f"/runs/{first}")
    assert run["status"] == "paused"
    assert pair.here.get(f"/runs/{background}")["status"] == "queued"
    resume(other, run)
    assert pair.here.ended(first)["content"] == BOUGHT
    assert pair.there.ended(background)["content"] == "hello"
    assert [text for role, text in pair.there.said(session) if role == "assistant" and text][-2:] == [BOUGHT, "hello"]


@pytest.mark.parametrize("how", ["cancel", "delete", "delete session"])
def test_a_paused_run_ends_at_either_worker(open_shop: tuple[Shop, Pair], other: Client, how: str) -> None:
    shop, pair = open_shop
    session = pair.here.session("shop")
    run = paused(pair.here, session_id=session)
    address = f"/runs/{run['run_id']}"
    if how == "cancel":
        assert other.request("POST", f"{address}/cancel").status_code == 202
        assert pair.here.ended(run["run_id"])["status"] == "cancelled"
        assert log_of(pair.there, run["run_id"])[-1].data["code"] == "RUN_CANCELLED"
        assert say(other, session, "reject").json()["content"] == "hello"
    elif how == "delete":
        assert other.request("DELETE", address).status_code == 200
        assert pair.here.request("GET", address).status_code == 404
        assert say(other, session, "reject").json()["content"] == "hello"
    else:
        assert other.request("DELETE", f"/sessions/{session}").status_code == 200
        assert pair.here.request("GET", address).status_code == 404
    late = other.request("POST", f"{address}/resume", answers_to(run))
    assert late.status_code == (409 if how == "cancel" else 404)
    assert shop.calls(run["run_id"], "pay") == []
