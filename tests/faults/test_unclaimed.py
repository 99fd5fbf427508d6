"""Background runs that no worker has claimed, while workers are killed, stop, and start."""

import os
import signal
import time
from typing import Any

import pytest

from faults.conftest import visible_within
from parts.client import Client
from parts.server import AgentOSServer
from parts.shop import Shop, log_of, start
from parts.soak import full
from parts.waiting import until

VISIBLE = visible_within(1.0)
MANY = 50
NARROW = {"AGENTOS_BACKGROUND_LIMIT": "1", "AGENTOS_BACKGROUND_QUEUE": "100"}
LOOK = [[["look_up", {"what": "a"}]], "$results"]
HELD = [[["look_up", {"what": "held"}]], "$results"]


def backlog(shop: Shop, client: Client, count: int, agent: str = "shop") -> tuple[str, list[str]]:
    """Start a run that is held, and so many that wait behind it for its worker."""
    shop.hold("held")
    held = start(client, HELD, agent)
    until(lambda: shop.calls(held))
    waiting = [start(client, LOOK, agent) for _ in range(count)]
    assert {client.get(f"/runs/{run_id}")["status"] for run_id in waiting} == {"queued"}
    return held, waiting


def ended(client: Client, run_ids: list[str]) -> list[dict[str, Any]]:
    runs = [client.ended(run_id, timeout=60) for run_id in run_ids]
    for run_id in run_ids:
        log_of(client, run_id)
    return runs


def check_done_once(shop: Shop, client: Client, run_ids: list[str]) -> None:
    assert {(run["status"], run["content"]) for run in ended(client, run_ids)} == {("completed", "found a")}
    called = [call["run"] for call in shop.calls() if call["run"] in run_ids]
    assert sorted(called) == sorted(run_ids), "each was executed once"


@pytest.mark.parametrize("round", range(full(1, 5)))
def test_those_of_a_killed_worker_are_executed_once_by_others(shop: Shop, round: int) -> None:
    doomed, other = shop.open(**NARROW), shop.open(AGENTOS_BACKGROUND_QUEUE="100")
    client = Client(other.url)
    held, waiting = backlog(shop, Client(doomed.url), MANY)
    doomed.kill()
    shop.release("held")
    shop.database.expect_claims()
    check_done_once(shop, client, waiting)
    lost = client.ended(held, timeout=VISIBLE)
    assert (lost["status"], lost["error"]["details"]["cause"]) == ("failed", "WORKER_LOST")
    assert len(shop.calls(held)) == 1


def test_a_replaced_worker_of_the_same_server_takes_them_too(shop: Shop) -> None:
    server = shop.open(**NARROW)
    client = Client(server.url)
    held, waiting = backlog(shop, client, 10, "again")
    (victim,) = server.worker_pids()
    os.kill(victim, signal.SIGKILL)
    shop.release("held")
    server.wait_for(lambda: victim not in server.worker_pids() and server.worker_pids(), what="whole again")
    shop.database.expect_claims()
    check_done_once(shop, client, waiting)
    assert client.ended(held)["content"] == "found held"


def test_a_stop_leaves_them_for_the_next_start(shop: Shop) -> None:
    server = shop.open(**NARROW, AGENTOS_DRAIN_TIMEOUT="20")
    held, waiting = backlog(shop, Client(server.url), 20)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    shop.release("held")
    assert server.process.wait(15) == 0, "it waits for the run that it has, and not for those that it has not"
    assert "SIGKILL" not in server.log()

    next_one = shop.open(workers=2, **NARROW)
    client = Client(next_one.url)
    assert client.get(f"/runs/{held}")["content"] == "found held"
    assert {client.get(f"/runs/{run_id}")["status"] for run_id in waiting} <= {"queued", "running", "completed"}
    shop.database.expect_claims()
    check_done_once(shop, client, waiting)


def test_a_stop_leaves_them_to_a_worker_that_serves(shop: Shop) -> None:
    server, other = shop.open(**NARROW), shop.open(**NARROW)
    _, waiting = backlog(shop, Client(server.url), 10)
    server.process.send_signal(signal.SIGTERM)
    shop.release("held")
    server.process.wait(15)
    shop.database.expect_claims()
    client = Client(other.url)
    check_done_once(shop, client, waiting)
    pid = other.worker_pids()
    executed_by = [call["pid"] for call in shop.calls() if call["run"] in waiting]
    assert set(executed_by) <= {*pid, executed_by[0]}
    assert pid[0] in executed_by


def test_two_workers_share_one_backlog(shop: Shop) -> None:
    busy, idle = shop.open(**NARROW), shop.open(**NARROW)
    held, waiting = backlog(shop, Client(busy.url), 20)
    shop.database.expect_claims()
    # The worker that accepted them still has its one run: all others are executed by the other worker.
    check_done_once(shop, Client(idle.url), waiting)
    assert {call["pid"] for call in shop.calls() if call["run"] in waiting} == set(idle.worker_pids())
    shop.release("held")
    assert Client(idle.url).ended(held)["content"] == "found held"


def test_the_limit_of_those_that_wait_counts_the_whole_deployment(shop: Shop) -> None:
    settings = {"AGENTOS_BACKGROUND_LIMIT": "1", "AGENTOS_BACKGROUND_QUEUE": "4"}
    here, there = (Client(shop.open(**settings).url) for _ in range(2))
    _, waiting = backlog(shop, here, 4)
    for client in (here, there):
        refused = client.request("POST", "/agents/shop/run", {"input": '["hi"]', "background": True})
        assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
        assert int(refused.headers["Retry-After"]) >= 1
    assert there.post("/agents/shop/run", {"input": '["hi"]'})["content"] == "hi"
    assert len(there.get("/runs?agent_id=shop")["runs"]) == 6, "what is refused leaves no run"
    shop.release("held")
    check_done_once(shop, there, waiting)


def test_runs_of_one_session_are_executed_in_their_order_by_whichever_worker(shop: Shop) -> None:
    servers: list[AgentOSServer] = [shop.open(), shop.open()]
    clients = [Client(server.url) for server in servers]
    session = clients[0].session("shop")
    runs = [start(clients[n % 2], [[["look_up", {"what": str(n)}]], "$results"], session_id=session) for n in range(12)]
    assert [one["content"] for one in ended(clients[0], runs)] == [f"found {n}" for n in range(12)]
    assert [call["key"] for call in shop.calls()] == [str(n) for n in range(12)]
