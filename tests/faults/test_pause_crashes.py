"""Workers that are killed right before and right after each thing that a pause and its answer write."""

import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
import requests

from faults.conftest import visible_within
from parts.client import Client, tokens_of
from parts.server import AgentOSServer
from parts.shop import BOUGHT, LOOK_AND_PAY, Shop, answers_to, log_of, paused, resume, start
from parts.soak import full

VISIBLE = visible_within(1.0)
COMMITTED = 0.5
"""Seconds after which what a run did is in the database: it goes with the next commit of the event log."""
ROUNDS = range(full(1, 5))

Servers = tuple[AgentOSServer, AgentOSServer]

ONCE = "shop"
"""An agent without ``retry_on_crash``: no tool of it may be called twice."""
AGAIN = "again"


@pytest.fixture(scope="module")
def doomed(lasting_shop: Shop) -> Servers:
    return lasting_shop.open(dying=True), lasting_shop.open(dying=True)


@pytest.fixture
def servers(doomed: Servers) -> Servers:
    """Two servers, whose workers the test before may have killed: the masters have replaced them."""
    for server in doomed:
        assert requests.get(f"{server.url}/ready", timeout=60).status_code == 200
    return doomed


@pytest.fixture
def shop(lasting_shop: Shop) -> Shop:
    return lasting_shop


def kill_worker(server: AgentOSServer) -> None:
    for pid in server.worker_pids():
        os.kill(pid, signal.SIGKILL)


def wait_for(client: Client, run_id: str, *statuses: str) -> dict[str, Any]:
    deadline = time.monotonic() + VISIBLE
    while (run := client.get(f"/runs/{run_id}"))["status"] not in statuses:
        assert time.monotonic() < deadline, f"run {run_id} is {run['status']}, not {' or '.join(statuses)}"
        time.sleep(0.05)
    return dict(run)


def tools_of(shop: Shop, run_id: str) -> list[str]:
    return [call["tool"] for call in shop.calls(run_id)]


def check_lost(client: Client, run: Mapping[str, Any]) -> None:
    assert (run["status"], run["error"]["details"]["cause"]) == ("failed", "WORKER_LOST")
    assert log_of(client, run["run_id"])[-1].data["details"]["cause"] == "WORKER_LOST"


# --- the pause -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("round", ROUNDS)
@pytest.mark.parametrize("agent", [ONCE, AGAIN])
def test_killed_before_the_pause_is_saved(shop: Shop, servers: Servers, agent: str, round: int) -> None:
    client = Client(servers[1].url)
    shop.die_at("before pause")
    run_id = start(Client(servers[0].url), LOOK_AND_PAY, agent)
    servers[0].wait_for(lambda: shop.died, what="killed")
    run = wait_for(client, run_id, "paused", "failed")
    if agent == ONCE:
        check_lost(client, run)
        assert tools_of(shop, run_id) == ["look_up"]
        return
    assert run["status"] == "paused"
    resume(client, run)
    assert client.ended(run_id)["content"] == BOUGHT
    # The step had not ended: of it, calls that need no approval may be made again.
    assert tools_of(shop, run_id) == ["look_up", "look_up", "pay"]
    log_of(client, run_id)


@pytest.mark.parametrize("round", ROUNDS)
@pytest.mark.parametrize("agent", [ONCE, AGAIN])
def test_killed_after_the_pause_was_saved(shop: Shop, servers: Servers, agent: str, round: int) -> None:
    client = Client(servers[1].url)
    shop.die_at("after pause")
    run_id = start(Client(servers[0].url), LOOK_AND_PAY, agent)
    servers[0].wait_for(lambda: shop.died, what="killed")
    time.sleep(1.5)
    run = client.get(f"/runs/{run_id}")
    assert run["status"] == "paused"
    resume(client, run)
    assert client.ended(run_id)["content"] == BOUGHT
    assert tools_of(shop, run_id) == ["look_up", "pay"]
    assert [event.type for event in log_of(client, run_id)].count("run_start") == 1


# --- the answer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("round", ROUNDS)
@pytest.mark.parametrize("moment", ["before answer", "after answer", "before claim"])
@pytest.mark.parametrize("agent", [ONCE, AGAIN])
def test_killed_with_an_answer(shop: Shop, servers: Servers, agent: str, moment: str, round: int) -> None:
    here, there = (Client(server.url) for server in servers)
    run = paused(here, agent=agent)
    shop.die_at(moment)
    with suppress(requests.ConnectionError):
        here.request("POST", f"/runs/{run['run_id']}/resume", answers_to(run))
    servers[0].wait_for(lambda: shop.died, what="killed")
    status = there.get(f"/runs/{run['run_id']}")["status"]
    assert status == ("paused" if moment == "before answer" else "queued")
    # The client has no response, so it sends its answer again: it is the same one.
    resume(there, run)
    if moment != "before answer":
        shop.database.expect_claims()
    assert wait_for(there, run["run_id"], "completed")["content"] == BOUGHT
    assert tools_of(shop, run["run_id"]) == ["look_up", "pay"]
    types = [event.type for event in log_of(there, run["run_id"])]
    assert (types.count("resumed"), types.count("run_start")) == (1, 1)


@pytest.mark.parametrize("round", ROUNDS)
@pytest.mark.parametrize("agent", [ONCE, AGAIN])
def test_killed_right_after_it_was_claimed_again(shop: Shop, servers: Servers, agent: str, round: int) -> None:
    here, there = (Client(server.url) for server in servers)
    run = paused(here, agent=agent)
    shop.die_at("after claim")
    with suppress(requests.ConnectionError):
        here.request("POST", f"/runs/{run['run_id']}/resume", answers_to(run))
    servers[0].wait_for(lambda: shop.died, what="killed")
    ended = wait_for(there, run["run_id"], "completed", "failed")
    if agent == AGAIN:
        assert ended["content"] == BOUGHT
        assert tools_of(shop, run["run_id"]) == ["look_up", "pay"]
        log_of(there, run["run_id"])
    else:
        check_lost(there, ended)
        assert tools_of(shop, run["run_id"]) == ["look_up"]


# --- what was approved, and after it ---------------------------------------------------------------------------------


@pytest.mark.parametrize("round", ROUNDS)
@pytest.mark.parametrize("agent", [ONCE, AGAIN])
def test_killed_in_the_approved_tool(shop: Shop, servers: Servers, agent: str, round: int) -> None:
    here, there = (Client(server.url) for server in servers)
    run = paused(here, agent=agent)
    shop.hold("ann")
    resume(here, run)
    servers[0].wait_for(lambda: shop.calls(run["run_id"], "pay"), what="paying")
    time.sleep(COMMITTED)
    kill_worker(servers[0])
    shop.release("ann")
    ended = wait_for(there, run["run_id"], "completed", "failed")
    if agent == ONCE:
        check_lost(there, ended)
        assert tools_of(shop, run["run_id"]) == ["look_up", "pay"]
        return
    assert ended["content"] == BOUGHT
    # What was approved is not asked again, and a call that had not ended is made again.
    assert tools_of(shop, run["run_id"]) == ["look_up", "pay", "pay"]
    types = [event.type for event in log_of(there, run["run_id"])]
    assert (types.count("paused"), types.count("resumed"), types.count("run_start")) == (1, 1, 2)


@pytest.mark.parametrize("round", ROUNDS)
@pytest.mark.parametrize("agent", [ONCE, AGAIN])
def test_killed_while_the_model_speaks_after_the_approved_tool(
    shop: Shop, servers: Servers, agent: str, round: int
) -> None:
    here, there = (Client(server.url) for server in servers)
    session = here.session(agent)
    last = {"say": "$results " + "and so on " * 10, "pause": 0.1}
    run = paused(here, [LOOK_AND_PAY[0], last], agent=agent, session_id=session)
    resume(here, run)
    stream = there.follow(run["run_id"])
    for _ in range(8):
        next(event for event in stream if event.type == "token")
    stream.close()
    kill_worker(servers[0])
    ended = wait_for(there, run["run_id"], "completed", "failed")
    assert tools_of(shop, run["run_id"]) == ["look_up", "pay"]
    if agent == ONCE:
        check_lost(there, ended)
        assert ended["content"].startswith("found shoes |")
        assert there.said(session) == []
        return
    assert ended["content"] == f"{BOUGHT} " + "and so on " * 10
    events = log_of(there, run["run_id"])
    assert tokens_of(events) == ended["content"]
    again = [event.data for event in events if event.type == "run_start"][1]
    assert again["kept_turns"] == 1
    assert there.said(session)[-1] == ("assistant", ended["content"])


@pytest.mark.parametrize("round", ROUNDS)
@pytest.mark.parametrize("moment", ["before finish", "after finish"])
@pytest.mark.parametrize("agent", [ONCE, AGAIN])
def test_killed_at_the_end_of_a_run_that_had_paused(
    shop: Shop, servers: Servers, agent: str, moment: str, round: int
) -> None:
    here, there = (Client(server.url) for server in servers)
    run = paused(here, [LOOK_AND_PAY[0], {"say": "$results", "pause": 0.1}], agent=agent)
    shop.die_at(moment)
    resume(here, run)
    servers[0].wait_for(lambda: shop.died, what="killed")
    ended = wait_for(there, run["run_id"], "completed", "failed")
    assert tools_of(shop, run["run_id"]) == ["look_up", "pay"]
    if agent == ONCE and moment == "before finish":
        check_lost(there, ended)
    else:
        assert ended["content"] == BOUGHT
        log_of(there, run["run_id"])
