"""Signals of several workers on one server."""

from collections.abc import Callable, Iterator

import pytest
from agentos_redis.signals import RedisSignals

from parts.postgres import fresh_postgresql_url, postgres_server
from parts.redis import RedisServer, fresh_redis_url, redis_config, redis_server

__all__ = ["fresh_postgresql_url", "fresh_redis_url", "postgres_server", "redis_server"]

Connect = Callable[[], RedisSignals]


@pytest.fixture
def connector() -> Iterator[Callable[[RedisServer], Connect]]:
    """Make what makes the signals of one more worker of a server; all are closed behind the test."""
    made: list[RedisSignals] = []

    def connector(server: RedisServer) -> Connect:
        def connect() -> RedisSignals:
            signals = RedisSignals(server.url, redis_config())
            signals.begin(f"worker-{len(made)}")
            made.append(signals)
            return signals

        return connect

    yield connector
    for signals in made:
        signals.close()
