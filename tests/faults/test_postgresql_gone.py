"""PostgreSQL is stopped under the server, and started again."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import requests

from faults.conftest import visible_within
from parts.client import Client
from parts.outage import Following, timed
from parts.postgres import PostgresServer, running_postgres
from parts.server import AgentOSServer
from parts.shop import BOUGHT, LOOK_AND_PAY, Shop, answers_to, log_of, paused, resume, start
from parts.soak import full
from parts.waiting import until

OUTAGE = full(3, 20)
LEASE = 2.0
VISIBLE = visible_within(LEASE)


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    return postgres.create_database()


def check_alive_and_unready(client: Client) -> None:
    """Check that a server without its database says that it is well, soon, and that nobody should be sent to it."""
    before = time.monotonic()
    assert timed("GET", f"{client.url}/health").status_code == 200
    assert time.monotonic() - before < 1
    assert timed("GET", f"{client.url}/ready").status_code == 503


def test_an_outage_fails_what_needs_the_database_and_nothing_else(
    postgres: PostgresServer, serve: Callable[..., AgentOSServer]
) -> None:
    server = serve(AGENTOS_LEASE_SECONDS="60")
    client = Client(server.url)
    short = client.register(model="scripted:slow-15x0.1")
    long = client.register(model=f"scripted:slow-{OUTAGE * 5 + 15}x0.2")
    session = client.session(short)
    over = Following(client.stream(f"/agents/{long}/run/stream", {"input": "go"}))
    within = Following(client.stream(f"/agents/{short}/run/stream", {"input": "go", "session_id": session}))
    plain: list[requests.Response] = []
    asking = threading.Thread(
        target=lambda: plain.append(client.request("POST", f"/agents/{short}/run", {"input": "go"})), daemon=True
    )
    asking.start()
    time.sleep(0.5)

    postgres.stop()
    back = time.monotonic() + OUTAGE
    while time.monotonic() < back:
        check_alive_and_unready(client)
        for method, path, body in (
            ("POST", "/sessions", {"agent_id": short}),
            ("POST", f"/agents/{short}/run", {"input": "go"}),
            ("POST", f"/agents/{short}/run/stream", {"input": "go"}),
            ("GET", f"/runs/{over.run_id}", None),
            ("GET", f"/sessions/{session}", None),
        ):
            answer = timed(method, f"{client.url}/api/v1{path}", body)
            assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_ERROR"), (method, path)
            assert int(answer.headers["Retry-After"]) >= 1
        time.sleep(0.2)
    # What was to end in this time could not be saved, and so did not complete.
    last = within.last()
    assert (last.type, last.data["code"]) == ("error", "STORAGE_ERROR")
    asking.join(30)
    assert (plain[0].status_code, plain[0].json()["code"]) == (503, "STORAGE_ERROR")

    postgres.start()
    for _ in range(10):  # each worker, with each connection that it held
        assert timed("POST", f"{client.url}/api/v1/sessions", {"agent_id": short}).status_code == 201
    assert requests.get(f"{client.url}/ready", timeout=5).status_code == 200
    assert over.last().type == "complete"
    assert client.get(f"/runs/{over.run_id}")["content"] == over.last().data["output"]
    assert client.get(f"/runs/{within.run_id}")["status"] != "completed"
    assert client.said(session) == []


def test_an_outage_is_said_in_few_lines_and_so_is_its_end(
    postgres: PostgresServer, serve: Callable[..., AgentOSServer]
) -> None:
    workers, seconds = 2, 12.0
    server = serve(workers=workers, AGENTOS_LEASE_SECONDS="3")
    client = Client(server.url)
    agent = client.register(model="scripted:slow-400x0.05")
    session = client.session(agent)
    runs = [client.post(f"/agents/{agent}/run", {"input": "go", "background": True, "session_id": session})["run_id"]]
    runs += [client.post(f"/agents/{agent}/run", {"input": "go", "background": True})["run_id"] for _ in range(3)]
    time.sleep(0.5)
    before = len(server.records())
    postgres.stop()
    back = time.monotonic() + seconds
    while time.monotonic() < back:
        assert client.request("POST", "/sessions", {"agent_id": agent}).status_code == 503
        assert requests.get(f"{client.url}/ready", timeout=5).status_code == 503
    during = len(server.records())
    postgres.start()
    server.wait_for(lambda: server.log().count("the database works again") == workers, 15, "back")

    lines = [one for one in server.records()[before:during] if one["logger"] != "agentos.requests"]
    per_kind = Counter((one["logger"], one["message"]) for one in lines)
    assert max(per_kind.values()) <= workers * (seconds / 5 + 1), per_kind
    assert any("connection refused" in message.lower() for _, message in per_kind), per_kind
    assert any(one.get("repeated", 0) > 5 for one in lines)
    ends = [one for one in server.records() if one["message"] == "the database works again"]
    assert [one["seconds"] > seconds / 2 and one["failures"] > 10 for one in ends] == [True] * workers
    for run_id in runs:
        client.request("POST", f"/runs/{run_id}/cancel", None)


def test_a_run_whose_end_could_not_be_saved_does_not_stay_running(
    postgres: PostgresServer, serve: Callable[..., AgentOSServer]
) -> None:
    server = serve(workers=1, AGENTOS_LEASE_SECONDS=str(LEASE))
    client = Client(server.url)
    short = client.register(model="scripted:slow-10x0.1")
    session = client.session(short)
    # The worker goes on with another run all the time, so it has leases to renew.
    other = client.register(model="scripted:slow-200x0.1")
    over = Following(client.stream(f"/agents/{other}/run/stream", {"input": "go"}))
    within = Following(client.stream(f"/agents/{short}/run/stream", {"input": "go", "session_id": session}))
    postgres.stop()
    assert within.last().data["code"] == "STORAGE_ERROR"
    postgres.start()

    run = client.ended(within.run_id, timeout=VISIBLE)
    assert run["status"] == "failed"
    assert client.post("/agents/assistant/run", {"input": "hi", "session_id": session})["content"] == "hi"
    assert client.said(session) == [("user", "hi"), ("assistant", "hi")]
    assert over.is_alive(), "the other run must have gone on all the time"
    client.post(f"/runs/{over.run_id}/cancel", None)
    assert over.last().data["code"] == "RUN_CANCELLED"


def test_a_worker_that_begins_during_an_outage_waits_for_its_end(
    postgres: PostgresServer, serve: Callable[..., AgentOSServer]
) -> None:
    server = serve()
    client = Client(server.url)
    postgres.stop()
    old = set(server.worker_pids())
    os.kill(min(old), signal.SIGKILL)
    server.wait_for(lambda: len(set(server.worker_pids()) - old) == 1, what="whole again")
    back = time.monotonic() + 2
    while time.monotonic() < back:
        check_alive_and_unready(client)
        time.sleep(0.1)
    postgres.start()
    server.wait_for(lambda: server.log().count("worker ready") == 3, 15, "whole again")
    for _ in range(10):
        assert client.post("/agents/assistant/run", {"input": "hi"})["content"] == "hi"


def test_a_run_that_would_pause_while_the_database_is_away_has_one_visible_end_or_its_pause(
    postgres: PostgresServer, shop: Shop
) -> None:
    server = shop.open(lease=LEASE)
    client = Client(server.url)
    waiting = paused(client)
    shop.hold("shoes")
    run_id = start(client, LOOK_AND_PAY)
    until(lambda: shop.calls(run_id))
    postgres.stop()
    shop.release("shoes")
    answer = timed("POST", f"{client.url}/api/v1/runs/{waiting['run_id']}/resume", answers_to(waiting))
    assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_ERROR")
    time.sleep(OUTAGE)
    postgres.start()
    server.wait_for(lambda: requests.get(f"{server.url}/ready", timeout=10).status_code == 200, VISIBLE, "ready")

    resume(client, waiting)
    assert client.ended(waiting["run_id"])["content"] == BOUGHT
    run = client.ended(run_id, timeout=VISIBLE)
    if run["status"] == "paused":
        resume(client, run)
        run = client.ended(run_id)
        assert run["content"] == BOUGHT
    else:
        assert (run["status"], run["error"]["code"]) == ("failed", "STORAGE_ERROR")
        assert shop.calls(run_id, "pay") == []
    log_of(client, run_id)
