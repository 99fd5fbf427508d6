"""Rate limits that all workers and machines share: one script counts a request under all its keys."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from agentos import Config, Rate, RateLimitRefusal, RateLimitStore
from agentos_redis.connection import Address, connect

TIMEOUT = 0.5
"""Seconds that a request waits for Redis at most; the worker's own count holds then."""

MICROSECONDS = 1_000_000


class RedisRateLimitStore(RateLimitStore):
    """Keeps for each key the time at which its bucket is full again, until then (GCRA), by the clock of Redis."""

    def __init__(self, url: str, config: Config) -> None:
        settings = config.plugin_settings
        address = Address.of(url, "AGENTOS_RATE_LIMIT_STORE")
        self._client = connect(
            address, timeout=min(TIMEOUT, settings["redis_timeout"]), connections=settings["redis_connections"]
        )
        self._prefix = f"{settings['redis_prefix']}rate:"
        source = files("agentos_redis").joinpath("rate_limits.lua").read_text("utf-8")
        self._script = self._client.register_script(source)

    def take(self, counted: Sequence[tuple[str, Rate]]) -> RateLimitRefusal | None:
        """Count one request under several keys, in one step."""
        keys = [self._prefix + key for key, _ in counted]
        arguments = [value for _, rate in counted for value in (_interval(rate), rate.count)]
        place, wait = self._script(keys=keys, args=arguments)
        return RateLimitRefusal(place - 1, int(wait) / MICROSECONDS) if place else None

    def check(self) -> None:
        """Raise unless Redis answers."""
        self._client.ping()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _interval(rate: Rate) -> int:
    """Return after how many microseconds a token comes back."""
    return max(1, round(rate.seconds * MICROSECONDS / rate.count))
