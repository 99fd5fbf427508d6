"""Rate limits that workers count together, on a real server."""

import logging
import time
from collections.abc import Callable, Iterator

import pytest
from agentos_redis.rate_limits import RedisRateLimitStore
from flask.testing import FlaskClient

from agentos import AgentOS, Config, ConfigError, Rate, RateLimitRefusal
from parts.redis import RedisServer, redis_config, running_redis
from parts.waiting import until

MANY = Rate(1000, 3600.0)


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def store(own_server: RedisServer) -> Iterator[RedisRateLimitStore]:
    store = RedisRateLimitStore(own_server.url, redis_config())
    yield store
    store.close()


@pytest.fixture
def serve(own_server: RedisServer) -> Iterator[Callable[..., AgentOS]]:
    made: list[AgentOS] = []

    def serve(**settings: object) -> AgentOS:
        config = Config(
            environ={},
            database_url="memory://",
            rate_limit_store=own_server.url,
            **{"rate_limit": "4/hour", **settings},
        )
        made.append(AgentOS(config))
        return made[-1]

    yield serve
    for server in made:
        server.app.extensions["agentos"].close()


def statuses(*servers: AgentOS, count: int) -> list[int]:
    clients = [server.app.test_client() for server in servers]
    return [clients[number % len(clients)].get("/api/v1/agents").status_code for number in range(count)]


def test_workers_count_the_requests_of_an_address_together(serve: Callable[..., AgentOS]) -> None:
    assert statuses(serve(), serve(), count=6) == [200, 200, 200, 200, 429, 429]


def test_a_refusal_says_when_the_request_may_come_again(serve: Callable[..., AgentOS]) -> None:
    here, there = serve(rate_limit="2/hour"), serve(rate_limit="2/hour")
    statuses(here, there, count=2)
    answer = here.app.test_client().get("/api/v1/agents")
    assert answer.status_code == 429
    assert 1700 < int(answer.headers["Retry-After"]) <= 1800
    assert "AGENTOS_RATE_LIMIT" in answer.get_data(as_text=True)


def test_a_request_is_one_script(serve: Callable[..., AgentOS], own_server: RedisServer) -> None:
    server = serve(address_rate_limit="100/hour", failed_auth_rate_limit="50/hour", auth=["api_key"])
    statuses(server, count=1)  # Redis learns the script
    before = _calls(own_server)
    assert statuses(server, count=3) == [401, 401, 401]
    assert _calls(own_server) - before == 3


def test_several_limits_are_counted_in_one_step_and_the_first_that_refuses_is_named(store: RedisRateLimitStore) -> None:
    few = Rate(1, 60.0)
    assert store.take([("a", MANY), ("b", few), ("c", few)]) is None
    refused = store.take([("a", MANY), ("b", few), ("c", MANY)])
    assert refused is not None
    assert (refused.place, round(refused.retry_after)) == (1, 60)


def test_a_bucket_fills_again_at_its_rate(store: RedisRateLimitStore) -> None:
    rate = Rate(2, 0.4)
    taken = [store.take([("a", rate)]) for _ in range(3)]
    assert taken[:2] == [None, None]
    assert isinstance(taken[2], RateLimitRefusal)
    time.sleep(taken[2].retry_after + 0.01)
    assert store.take([("a", rate)]) is None


def test_nothing_stays_of_a_bucket_that_is_full_again(store: RedisRateLimitStore, own_server: RedisServer) -> None:
    store.take([("a", Rate(10, 0.5))])
    with own_server.client() as client:
        assert client.keys("*") == [b"agentos:rate:a"]
        until(lambda: client.keys("*") == [])


def test_the_script_comes_back_after_redis_has_forgotten_it(
    store: RedisRateLimitStore, own_server: RedisServer
) -> None:
    store.take([("a", MANY)])
    with own_server.client() as client:
        client.script_flush()
    assert store.take([("a", MANY)]) is None


def test_without_redis_each_worker_counts_for_itself_and_says_so_once(
    serve: Callable[..., AgentOS], own_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = serve(), serve()
    statuses(here, there, count=2)
    own_server.stop()
    with caplog.at_level(logging.INFO, "agentos.auth.shared_limits"):
        started = time.monotonic()
        assert statuses(here, count=5) == [200, 200, 200, 429, 429]
        assert time.monotonic() - started < 2
        checks = {one["name"]: one for one in here.app.test_client().get("/ready").json["checks"]}
        assert checks["rate limits"]["status"] == "warning"
        assert here.app.test_client().get("/ready").status_code == 200
        assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_worker_counts_with_the_others_again_once_redis_is_back(
    serve: Callable[..., AgentOS], own_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(rate_limit="1000/hour")
    own_server.stop()
    statuses(server, count=1)
    own_server.start()
    with caplog.at_level(logging.INFO, "agentos.auth.shared_limits"):
        until(lambda: statuses(server, count=1) and "is back" in caplog.text)
    with own_server.client() as client:
        assert client.keys("agentos:rate:*")


def test_ready_says_that_redis_is_away_before_a_request_finds_out(
    serve: Callable[..., AgentOS], own_server: RedisServer
) -> None:
    client = serve().app.test_client()
    assert _status(client) == "ok"
    own_server.stop()
    assert _status(client) == "warning"


@pytest.mark.parametrize("url", ["redis://", "http://host", "nonsense"])
def test_an_address_that_cannot_be_right_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="AGENTOS_RATE_LIMIT_STORE"):
        AgentOS(Config(environ={}, database_url="memory://", rate_limit_store=url)).app  # noqa: B018


def _status(client: FlaskClient) -> str:
    checks = {one["name"]: one for one in client.get("/ready").json["checks"]}
    return str(checks["rate limits"]["status"])


def _calls(server: RedisServer) -> int:
    with server.client() as client:
        stats = client.info("commandstats")
    # What a script calls is counted too, but not as a script.
    return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "eval", "fcall"))
