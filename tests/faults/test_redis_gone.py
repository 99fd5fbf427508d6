"""Redis is killed, filled, slowed down, emptied and failed over under the server."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import requests

from faults.conftest import visible_within
from parts.client import Client
from parts.outage import Following, timed
from parts.redis import SAFE, RedisServer, Sentinel, running_redis
from parts.server import AgentOSServer
from parts.shop import BOUGHT, LOOK_AND_PAY, Shop, answers_to, log_of, paused, resume, start
from parts.soak import full
from parts.waiting import until

OUTAGE = full(3, 20)
LEASE = 2.0
VISIBLE = visible_within(LEASE)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with running_redis(**SAFE) as server:
        yield server


@pytest.fixture
def database(redis: RedisServer) -> str:
    return redis.url


def check_refused(client: Client, agent: str) -> None:
    """Check that what needs Redis is refused in time, and that the server lives."""
    for method, path, body in (
        ("POST", "/sessions", {"agent_id": agent}),
        ("POST", f"/agents/{agent}/run", {"input": "go"}),
        ("POST", f"/agents/{agent}/run/stream", {"input": "go"}),
    ):
        answer = timed(method, f"{client.url}/api/v1{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_ERROR"), (method, path)
    assert timed("GET", f"{client.url}/health").status_code == 200


def check_well(client: Client, agent: str) -> None:
    """Check that each worker, with each connection that it held, works."""
    for _ in range(10):
        assert timed("POST", f"{client.url}/api/v1/sessions", {"agent_id": agent}).status_code == 201
    assert requests.get(f"{client.url}/ready", timeout=5).status_code == 200


def test_an_outage_fails_what_needs_redis_and_nothing_else(
    redis: RedisServer, serve: Callable[..., AgentOSServer]
) -> None:
    server = serve(AGENTOS_LEASE_SECONDS="60")
    client = Client(server.url)
    short = client.register(model="scripted:slow-15x0.1")
    long = client.register(model=f"scripted:slow-{OUTAGE * 5 + 15}x0.2")
    session = client.session(short)
    over = Following(client.stream(f"/agents/{long}/run/stream", {"input": "go"}))
    within = Following(client.stream(f"/agents/{short}/run/stream", {"input": "go", "session_id": session}))
    time.sleep(0.5)

    redis.stop()
    back = time.monotonic() + OUTAGE
    while time.monotonic() < back:
        check_refused(client, short)
        assert timed("GET", f"{client.url}/ready").status_code == 503
        time.sleep(0.2)
    last = within.last()
    assert (last.type, last.data["code"]) == ("error", "STORAGE_ERROR")

    redis.start()
    check_well(client, short)
    assert over.last().type == "complete"
    assert client.get(f"/runs/{over.run_id}")["content"] == over.last().data["output"]
    assert client.get(f"/runs/{within.run_id}")["status"] != "completed"
    assert client.said(session) == []


def test_a_run_whose_end_could_not_be_saved_does_not_stay_running(
    redis: RedisServer, serve: Callable[..., AgentOSServer]
) -> None:
    server = serve(workers=1, AGENTOS_LEASE_SECONDS=str(LEASE))
    client = Client(server.url)
    short = client.register(model="scripted:slow-10x0.1")
    within = Following(client.stream(f"/agents/{short}/run/stream", {"input": "go"}))
    redis.stop()
    assert within.last().data["code"] == "STORAGE_ERROR"
    redis.start()
    assert client.ended(within.run_id, timeout=VISIBLE)["status"] == "failed"


def test_a_full_server_refuses_new_runs_and_those_under_way_end_visibly(
    redis: RedisServer, serve: Callable[..., AgentOSServer]
) -> None:
    server = serve()
    client = Client(server.url)
    agent = client.register(model="scripted:slow-15x0.1")
    under_way, unwanted = (Following(client.stream(f"/agents/{agent}/run/stream", {"input": "go"})) for _ in range(2))
    with redis.client() as admin:
        admin.config_set("maxmemory", 1)
        assert client.post(f"/runs/{unwanted.run_id}/cancel", {})["run_id"] == unwanted.run_id
        assert client.ended(unwanted.run_id)["status"] == "cancelled"
        check_refused(client, agent)
        last = under_way.last()
        assert last.type in ("complete", "error")
        run = client.ended(under_way.run_id, timeout=VISIBLE)
        assert run["status"] == ("completed" if last.type == "complete" else "failed")
        admin.config_set("maxmemory", 0)
    check_well(client, agent)


@contextmanager
def away(redis: RedisServer) -> Iterator[None]:
    redis.stop()
    yield
    redis.start()


@contextmanager
def full_of_data(redis: RedisServer) -> Iterator[None]:
    with redis.client() as admin:
        admin.config_set("maxmemory", 1)
        yield
        admin.config_set("maxmemory", 0)


@pytest.mark.parametrize("trouble", [away, full_of_data])
def test_a_run_that_would_pause_in_trouble_has_one_visible_end_or_its_pause(
    redis: RedisServer, shop: Shop, trouble: Callable[[RedisServer], AbstractContextManager[None]]
) -> None:
    server = shop.open(lease=LEASE)
    client = Client(server.url)
    waiting = paused(client)
    shop.hold("shoes")
    run_id = start(client, LOOK_AND_PAY)
    until(lambda: shop.calls(run_id))
    with trouble(redis):
        shop.release("shoes")
        answer = timed("POST", f"{client.url}/api/v1/runs/{waiting['run_id']}/resume", answers_to(waiting))
        assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_ERROR")
        time.sleep(OUTAGE)
    server.wait_for(lambda: requests.get(f"{server.url}/ready", timeout=10).status_code == 200, VISIBLE, "ready")

    resume(client, waiting)
    assert client.ended(waiting["run_id"])["content"] == BOUGHT
    run = client.ended(run_id, timeout=VISIBLE)
    if run["status"] == "paused":
        resume(client, run)
        assert client.ended(run_id)["content"] == BOUGHT
    else:
        assert (run["status"], run["error"]["code"]) == ("failed", "STORAGE_ERROR")
        assert shop.calls(run_id, "pay") == []
    log_of(client, run_id)


def test_a_server_that_does_not_reply_is_given_up_in_time_and_used_again(
    redis: RedisServer, serve: Callable[..., AgentOSServer]
) -> None:
    server = serve(AGENTOS_REDIS_TIMEOUT="0.5")
    client = Client(server.url)
    agent = client.register(model="scripted:echo")
    with redis.client() as admin:
        admin.client_pause(4000, all=True)
        check_refused(client, agent)
    until(lambda: requests.get(f"{client.url}/ready", timeout=10).status_code == 200)
    check_well(client, agent)


def test_when_all_data_is_deleted_runs_end_and_the_workers_go_on(
    redis: RedisServer, serve: Callable[..., AgentOSServer]
) -> None:
    server = serve(AGENTOS_LEASE_SECONDS=str(LEASE))
    client = Client(server.url)
    agent = client.register(model="scripted:slow-50x0.1")
    lost = [Following(client.stream(f"/agents/{agent}/run/stream", {"input": "go"})) for _ in range(4)]
    time.sleep(0.5)
    with redis.client() as admin:
        admin.flushall()
    for one in lost:
        assert one.last().type == "error"
        assert client.request("GET", f"/runs/{one.run_id}", None).status_code == 404
    assert client.post("/agents/assistant/run", {"input": "hi"})["content"] == "hi"
    check_well(client, "assistant")


class TestFailover:
    @pytest.fixture
    def replica(self, redis: RedisServer) -> Iterator[RedisServer]:
        with redis.client() as client:
            client.config_set("repl-diskless-sync-delay", 0)  # else it waits five seconds for further replicas
        with running_redis(replicaof=f"127.0.0.1 {redis.port}", **SAFE) as server:
            with server.client() as client:
                until(lambda: client.info("replication")["master_link_status"] == "up", seconds=30)
            yield server

    @pytest.fixture
    def database(self, redis: RedisServer, replica: RedisServer) -> Iterator[str]:
        sentinel = Sentinel(redis)
        try:
            until(sentinel.knows_a_replica, seconds=30)
            yield sentinel.url
        finally:
            sentinel.stop()

    def test_the_replica_that_a_sentinel_makes_the_primary_is_used(
        self, redis: RedisServer, serve: Callable[..., AgentOSServer]
    ) -> None:
        server = serve(AGENTOS_LEASE_SECONDS="60")
        client = Client(server.url)
        agent = client.register(model="scripted:echo")
        run = client.post(f"/agents/{agent}/run", {"input": "hi"})
        with redis.client() as primary:
            assert primary.wait(1, 10_000) == 1  # The replica follows within milliseconds, but nothing waits for it.
        redis.stop()
        assert timed("POST", f"{client.url}/api/v1/sessions", {"agent_id": agent}).status_code == 503
        until(lambda: requests.get(f"{client.url}/ready", timeout=10).status_code == 200, seconds=30)
        check_well(client, agent)
        assert client.get(f"/runs/{run['run_id']}")["content"] == "hi"
