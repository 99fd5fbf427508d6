"""What ``doctor`` says of a deployment on Redis."""

import pytest

from parts.redis import SAFE, RedisServer, running_redis

from .test_doctor import diagnose


@pytest.fixture
def on_redis(monkeypatch: pytest.MonkeyPatch) -> RedisServer:
    with running_redis(**SAFE) as server:
        monkeypatch.setenv("AGENTOS_PLUGINS", "redis")
        for name in ("DATABASE_URL", "SIGNALS", "RATE_LIMIT_STORE"):
            monkeypatch.setenv(f"AGENTOS_{name}", server.url)
        yield server


def test_the_settings_of_redis_and_the_shared_rate_limits_are_checked(cli, on_redis):
    cli.ok("db", "upgrade")
    found = diagnose(cli)
    assert found["database"] == ("ok", f"{on_redis.url}: the database answers")
    assert found["durability"] == ("ok", "the settings of the database let every promise hold")
    assert found["rate limits"] == ("ok", "all workers count together")


def test_a_setting_of_redis_that_breaks_a_promise_is_a_warning(cli, on_redis):
    cli.ok("db", "upgrade")
    with on_redis.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    status, detail = diagnose(cli)["durability"]
    assert (status, "maxmemory-policy" in detail) == ("warning", True)
