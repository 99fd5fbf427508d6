"""Runs that are paused while everything else ends: workers, servers, days."""

import threading
import time
from typing import Any

import pytest

from parts.client import Client
from parts.shop import BOUGHT, DAY, LOOK_AND_PAY, Shop, answers_to, asking, log_of, paused, resume, start

SWEEPS = 1.5
"""Seconds in which a server with a short lease has looked several times for runs that need something."""


def pause_by(way: str, client: Client, agent: str) -> dict[str, Any]:
    """Start a run in one of the ways that there are, and return it once it is paused."""
    if way == "background":
        run_id = start(client, LOOK_AND_PAY, agent)
    elif way == "stream":
        *_, last = client.stream(f"/agents/{agent}/run/stream", asking(LOOK_AND_PAY))
        assert last.type == "paused"
        run_id = last.run_id
    else:
        run_id = paused(client, agent=agent)["run_id"]
    run: dict[str, Any] = client.ended(run_id)
    return run


@pytest.mark.parametrize("way", ["run", "stream", "background"])
@pytest.mark.parametrize("agent", ["shop", "again"])
def test_a_paused_run_survives_the_end_of_all_workers_and_a_day(shop: Shop, agent: str, way: str) -> None:
    first = shop.open(workers=2)
    run = pause_by(way, Client(first.url), agent)
    assert (run["status"], [one["kind"] for one in run["pending"]]) == ("paused", ["approval"])
    first.kill()
    shop.database.move_clock(DAY)

    client = Client(shop.open().url)
    time.sleep(SWEEPS)
    found = client.get(f"/runs/{run['run_id']}")
    assert found["status"] == "paused"
    assert [one["id"] for one in found["pending"]] == [one["id"] for one in run["pending"]]
    assert [call["tool"] for call in shop.calls(run["run_id"])] == ["look_up"]
    resume(client, run)

    ended = client.ended(run["run_id"])
    assert (ended["status"], ended["content"]) == ("completed", BOUGHT)
    assert [call["tool"] for call in shop.calls(run["run_id"])] == ["look_up", "pay"]
    types = [event.type for event in log_of(client, run["run_id"])]
    assert (types.count("run_start"), types.count("paused"), types.count("resumed")) == (1, 1, 1)


def test_what_it_said_before_the_pause_is_in_its_session_after_the_restart(shop: Shop) -> None:
    first = shop.open()
    client = Client(first.url)
    session = client.session("shop")
    turns = [{"say": "I pay now. ", "calls": [["pay", {"amount": 1, "to": "bob"}]]}, "$results"]
    run = paused(client, turns, session_id=session)
    first.kill()
    client = Client(shop.open().url)
    resume(client, run)
    client.ended(run["run_id"])
    roles = [(role, text) for role, text in client.said(session) if role != "user"]
    assert roles == [("assistant", "I pay now. "), ("tool", "paid 1 to bob"), ("assistant", "paid 1 to bob")]


def test_its_record_and_its_changes_of_the_state_are_whole_after_the_restart(shop: Shop) -> None:
    first = shop.open()
    client = Client(first.url)
    session = client.session("shop")
    turns = [
        [["remember", {"what": "hat"}], ["pay", {"amount": 1, "to": "bob"}]],
        [["remember", {"what": "coat"}]],
        "$results",
    ]
    run = paused(client, turns, session_id=session)
    assert client.get(f"/sessions/{session}")["state"] == {}, "it is saved when the run completes"
    first.kill()
    client = Client(shop.open().url)
    resume(client, run)
    ended = client.ended(run["run_id"])
    assert ended["content"] == "remembered hat | paid 1 to bob | remembered coat"
    assert client.get(f"/sessions/{session}")["state"] == {"hat": True, "coat": True}
    tools = [(step["number"], step.get("tool_name"), step["status"]) for step in ended["steps"]]
    assert tools == [
        (1, None, "completed"),
        (2, "remember", "completed"),
        (3, "pay", "completed"),
        (4, None, "completed"),
        (5, "remember", "completed"),
        (6, None, "completed"),
    ]
    assert ended["loops"] == 3


def test_a_question_is_asked_once_more_from_its_start_and_gets_the_answer(shop: Shop) -> None:
    first = shop.open()
    run = paused(Client(first.url), [[["order", {"what": "shoes"}]], "$results"])
    (asked,) = run["pending"]
    assert (asked["kind"], asked["message"]) == ("input", "Which size of shoes?")
    first.kill()
    shop.database.move_clock(DAY)
    client = Client(shop.open().url)
    resume(client, run)
    assert client.ended(run["run_id"])["content"] == "ordered large shoes"
    assert len(shop.calls(run["run_id"])) == 3, "begun, asked; begun again, answered"
    events = [event.data["status"] for event in log_of(client, run["run_id"]) if event.type == "tool_call"]
    assert events == ["started", "completed"]


def test_a_tool_of_the_client_is_answered_after_the_restart(shop: Shop) -> None:
    first = shop.open()
    tool = {"name": "local_time", "description": "The time where the client is.", "parameters": {"type": "object"}}
    turns = [[["local_time", {}], ["look_up", {"what": "trains"}]], "$results"]
    run = paused(Client(first.url), turns, overrides={"client_tools": [tool]})
    assert [(one["kind"], one["tool_name"]) for one in run["pending"]] == [("client_tool", "local_time")]
    first.kill()
    client = Client(shop.open().url)
    resume(client, run)
    assert client.ended(run["run_id"])["content"] == "noon | found trains"
    assert len(shop.calls(run["run_id"])) == 1


def test_a_repeat_with_the_same_key_finds_the_paused_run_after_the_restart(shop: Shop) -> None:
    first = shop.open()
    key = {"Idempotency-Key": "once"}
    path, body = "/agents/shop/run", asking(LOOK_AND_PAY)
    run = Client(first.url).request("POST", path, body, headers=key).json()
    first.kill()
    client = Client(shop.open().url)
    repeat = client.request("POST", path, body, headers=key)
    assert (repeat.status_code, repeat.headers["Idempotency-Replayed"]) == (202, "true")
    assert repeat.json() == run
    resume(client, run)
    client.ended(run["run_id"])
    assert client.request("POST", path, body, headers=key).json()["content"] == BOUGHT
    assert len(shop.calls(run["run_id"])) == 2


def test_a_run_that_pauses_twice_survives_a_restart_at_each_pause(shop: Shop) -> None:
    turns = [
        [["look_up", {"what": "a"}], ["pay", {"amount": 1, "to": "a"}], ["ship", {"what": "a"}]],
        [["order", {"what": "b"}], ["look_up", {"what": "b"}]],
        "$results",
    ]
    settings = {"AGENTOS_MAX_ATTEMPTS": "1"}  # a pause is no lost worker
    server = shop.open(**settings)
    run = paused(Client(server.url), turns, "again")
    for kinds in (["approval", "approval"], ["input"]):
        server.kill()
        server = shop.open(**settings)
        client = Client(server.url)
        run = client.get(f"/runs/{run['run_id']}")
        assert [one["kind"] for one in run["pending"]] == kinds
        resume(client, run)
        client.ended(run["run_id"])
    server.kill()
    ended = Client(shop.open().url).get(f"/runs/{run['run_id']}")
    assert ended["crashes"] == 0
    assert ended["content"] == "found a | paid 1 to a | shipped a | ordered large b | found b"
    called = sorted(call["tool"] for call in shop.calls(run["run_id"], what="ended"))
    assert called == ["look_up", "look_up", "order", "pay", "ship"]


def test_a_pause_uses_up_no_time_and_each_part_has_the_whole_limit(shop: Shop) -> None:
    client = Client(shop.open(AGENTOS_REQUEST_TIMEOUT="2").url)
    turns = [
        {"say": "one two three ", "pause": 0.4, "calls": [["pay", {"amount": 1, "to": "bob"}]]},
        {"say": "four five six", "pause": 0.4},
    ]
    run = paused(client, turns)
    time.sleep(1.2)
    resume(client, run)
    ended = client.ended(run["run_id"])
    assert (ended["status"], ended["content"]) == ("completed", "four five six")
    assert ended["duration"] > 3.4

    late = paused(client, [turns[0], {"say": "word " * 20, "pause": 0.4}])
    resume(client, late)
    ended = client.ended(late["run_id"])
    assert (ended["status"], ended["error"]["details"]["cause"]) == ("failed", "TIMEOUT")


def test_expiry_that_came_while_no_server_ran_rejects_the_call_once(shop: Shop) -> None:
    settings = {"AGENTOS_PAUSE_TIMEOUT": str(DAY)}
    first = shop.open(**settings)
    run = paused(Client(first.url))
    first.kill()
    shop.database.move_clock(2 * DAY)
    servers = [shop.open(workers=2, **settings) for _ in range(2)]
    client = Client(servers[1].url)
    client_there = Client(servers[0].url)
    servers[0].wait_for(lambda: client.get(f"/runs/{run['run_id']}")["status"] != "paused", 20, "aware of the expiry")

    ended = client.ended(run["run_id"])
    assert (ended["status"], ended["error"]) == ("completed", None)
    for one in (client, client_there):
        late = one.request("POST", f"/runs/{run['run_id']}/resume", answers_to(run))
        assert late.json()["code"] == "PENDING_EXPIRED"
    kinds = [event.type for event in log_of(client, run["run_id"])]
    assert (kinds.count("resumed"), kinds[-1]) == (1, "complete")
    assert shop.calls(run["run_id"], "pay") == []


def test_an_answer_that_meets_the_expiry_either_counts_or_is_refused(shop: Shop) -> None:
    servers = [shop.open(AGENTOS_PAUSE_TIMEOUT="2") for _ in range(2)]
    clients = [Client(server.url) for server in servers]
    runs = [paused(clients[0]) for _ in range(4)]
    answered: dict[str, int] = {}

    def answer(run: dict[str, Any], delay: float) -> None:
        time.sleep(delay)
        done = clients[1].request("POST", f"/runs/{run['run_id']}/resume", answers_to(run))
        answered[run["run_id"]] = done.status_code

    threads = [threading.Thread(target=answer, args=(run, n * 0.9)) for n, run in enumerate(runs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run in runs:
        servers[0].wait_for(
            lambda run=run: clients[0].get(f"/runs/{run['run_id']}")["status"] in ("completed", "failed"), 20, "done"
        )
        ended = clients[0].get(f"/runs/{run['run_id']}")
        counted = answered[run["run_id"]] == 202
        assert (ended["status"], len(shop.calls(run["run_id"], "pay"))) == ("completed", 1 if counted else 0)
        log_of(clients[0], run["run_id"])
    assert answered[runs[0]["run_id"]] == 202
    assert answered[runs[-1]["run_id"]] in (409, 410)
