"""AgentOS on Redis or Valkey. Each part works without the others, and loads the client when it is used."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from agentos import (
    AgentOSError,
    RegisterRateLimitStore,
    RegisterSetting,
    RegisterSignals,
    RegisterStorageBackend,
    Server,
    hookimpl,
    kinds,
)

if TYPE_CHECKING:
    from agentos import Config, RateLimitStore, Signals, Storage

SCHEMES = ("redis", "rediss", "unix", "redis+sentinel")
"""What addresses of Redis begin with."""

logger = logging.getLogger(__name__)


@hookimpl
def register_settings(register: RegisterSetting) -> None:
    """Register how the server is reached, and what its keys begin with."""
    register(
        "redis_prefix",
        kinds.TEXT,
        "agentos:",
        "What all keys and channels in Redis begin with; two deployments on one server need two.",
    )
    register("redis_timeout", kinds.seconds(0.1, 60), "5", "Seconds until a command of Redis without a reply fails.")
    register("redis_connections", kinds.whole(1, 1000), "20", "Most connections of a worker to Redis, of each part.")
    register(
        "strict_storage",
        kinds.FLAG,
        "0",
        "Whether storage in Redis refuses to work while a setting of the server breaks a promise, instead of warning.",
    )


@hookimpl
def register_storage_backends(register: RegisterStorageBackend) -> None:
    """Register Redis by the schemes of its addresses."""
    for scheme in SCHEMES:
        register(scheme, _open)


@hookimpl
def register_signals(register: RegisterSignals) -> None:
    """Register signals by the schemes of its addresses."""
    for scheme in SCHEMES:
        register(scheme, _open_signals)


@hookimpl
def register_rate_limit_stores(register: RegisterRateLimitStore) -> None:
    """Register the store of rate limits by the schemes of its addresses."""
    for scheme in SCHEMES:
        register(scheme, _open_rate_limits)


@hookimpl
def server_start(server: Server) -> None:
    """Warn, where the storage is in Redis, of settings that break a promise."""
    if server.config.database_url.partition("://")[0] not in SCHEMES:
        return
    storage = _open(server.config.database_url, server.config)
    try:
        for found in storage.durability() or ():
            logger.warning("a setting of Redis breaks a promise", extra={"reason": found})
    except AgentOSError:
        return  # Redis is away, which every request says; /ready asks for its settings when it is back.
    finally:
        storage.close()


def _open_signals(url: str, config: Config) -> Signals:
    from agentos_redis.signals import RedisSignals  # Late, as below.

    return RedisSignals(url, config)


def _open_rate_limits(url: str, config: Config) -> RateLimitStore:
    from agentos_redis.rate_limits import RedisRateLimitStore  # Late, as below.

    return RedisRateLimitStore(url, config)


def _open(url: str, config: Config) -> Storage:
    from agentos_redis.storage import open_redis  # Late: a server on another storage does not load it.

    return open_redis(url, config)
