"""A worker that stands still longer than its lease, and then goes on as if nothing had been."""

import os
import random
import signal
import time
from collections.abc import Callable

import pytest

from faults.conftest import visible_within
from parts.client import Client, Event, tokens_of
from parts.server import AgentOSServer
from parts.shop import BOUGHT, LOOK_AND_PAY, Shop, log_of, paused, resume, start
from parts.waiting import until

LEASE = 1.0
VISIBLE = visible_within(LEASE)
TRANSACTION = 15.0  # how long PostgreSQL lets a worker keep its locks that was stopped within a transaction


def stop_between_transactions(worker: int, client: Client) -> None:
    """Stop a worker, but not while it holds the lock of an SQLite file: then nobody could write until it goes on."""
    for _ in range(10):
        os.kill(worker, signal.SIGSTOP)
        if client.request("POST", "/sessions", {"agent_id": "assistant"}).status_code == 201:
            return
        os.kill(worker, signal.SIGCONT)
        time.sleep(random.uniform(0, 0.2))
    raise AssertionError("the worker could not be stopped between two transactions")


def test_what_it_writes_after_its_run_was_ended_is_refused(serve: Callable[..., AgentOSServer]) -> None:
    stopped, other = (serve(workers=1, AGENTOS_LEASE_SECONDS=str(LEASE)) for _ in range(2))
    client = Client(other.url)
    agent = client.register(model="scripted:slow-12x0.1")
    session = client.session(agent)
    stream = Client(stopped.url).stream(f"/agents/{agent}/run/stream", {"input": "go", "session_id": session})
    seen = [next(stream) for _ in range(5)]
    (worker,) = stopped.worker_pids()
    stop_between_transactions(worker, client)
    run = client.ended(seen[0].run_id, timeout=VISIBLE + TRANSACTION)
    assert run["error"]["details"]["cause"] == "WORKER_LOST"
    log = list(client.follow(run["run_id"]))
    assert [event.type for event in log].count("error") == 1
    assert client.post("/agents/assistant/run", {"input": "hi", "session_id": session})["content"] == "hi"

    os.kill(worker, signal.SIGCONT)
    seen += stream
    assert [event.id for event in seen] == list(range(1, len(seen) + 1))
    assert seen[-1].data["details"]["cause"] == "WORKER_LOST", "it told its client another end"
    assert client.get(f"/runs/{run['run_id']}") == run
    assert list(client.follow(run["run_id"])) == list(Client(stopped.url).follow(run["run_id"])) == log
    assert client.said(session) == [("user", "hi"), ("assistant", "hi")]


def test_what_it_writes_while_another_worker_executes_its_run_is_refused(serve: Callable[..., AgentOSServer]) -> None:
    stopped, other = (serve(workers=1, AGENTOS_LEASE_SECONDS=str(LEASE)) for _ in range(2))
    client = Client(other.url)
    agent = client.register(model="scripted:slow-15x0.1", retry_on_crash=True)
    session = client.session(agent)
    stream = Client(stopped.url).stream(f"/agents/{agent}/run/stream", {"input": "go", "session_id": session})
    seen = [next(stream) for _ in range(5)]
    run_id = seen[0].run_id
    (worker,) = stopped.worker_pids()
    stop_between_transactions(worker, client)
    log: list[Event] = []
    for event in client.follow(run_id):
        log.append(event)
        if event.type == "run_start" and event.data.get("attempt"):
            os.kill(worker, signal.SIGCONT)
    seen += stream

    words = "".join(f"word{number} " for number in range(15))
    assert [event.id for event in log] == list(range(1, len(log) + 1))
    assert [event.type for event in log].count("run_start") == 2
    assert (log[-1].type, log[-1].data["output"], tokens_of(log)) == ("complete", words, words)
    assert seen == log, "the old worker's client must see what the new one does"
    assert list(client.follow(run_id)) == list(Client(stopped.url).follow(run_id)) == log
    assert client.said(session) == [("user", "go"), ("assistant", words)]


@pytest.mark.parametrize("tool", ["look_up", "pay"])
def test_a_worker_that_was_stopped_changes_no_pause_of_the_worker_that_has_its_run(shop: Shop, tool: str) -> None:
    stopped, other = shop.open(), shop.open()
    client = Client(other.url)
    key = "shoes" if tool == "look_up" else "ann"
    if tool == "pay":
        run_id = paused(Client(stopped.url), agent="again")["run_id"]
        shop.hold(key)
        resume(Client(stopped.url), client.get(f"/runs/{run_id}"))
    else:
        shop.hold(key)
        run_id = start(Client(stopped.url), LOOK_AND_PAY, "again")
    until(lambda: shop.calls(run_id, tool))
    (worker,) = stopped.worker_pids()
    stop_between_transactions(worker, client)
    shop.release(key)
    until(lambda: len(shop.calls(run_id, tool)) == 2, VISIBLE + TRANSACTION)
    run = client.ended(run_id)
    assert run["status"] == ("paused" if tool == "look_up" else "completed")

    os.kill(worker, signal.SIGCONT)
    until(lambda: len(shop.calls(run_id, tool, "ended")) == 2)
    time.sleep(1)
    assert client.get(f"/runs/{run_id}") == run, "it has the same state and waits for the same"
    if tool == "look_up":
        resume(client, run)
    assert client.ended(run_id)["content"] == BOUGHT
    log = log_of(client, run_id)
    assert list(Client(stopped.url).follow(run_id)) == log
    assert [event.type for event in log].count("paused") == 1
