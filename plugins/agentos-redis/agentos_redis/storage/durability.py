"""Which settings of the server break a promise of the storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis.exceptions
from redis import Redis

KEEPS_ALL = "noeviction"


def broken_promises(client: Redis) -> Sequence[str]:
    """Ask a server for its settings, and return what they break, a sentence each. Raises the client's errors."""
    info: dict[str, Any] = {}
    for section in ("persistence", "memory", "cluster"):
        info |= client.info(section)
    found = []
    if not info.get("aof_enabled"):
        found.append("appendonly is off: when Redis restarts, what it has acknowledged is gone; set it to yes")
    elif _fsync(client) == "no":
        found.append("appendfsync is 'no': when the machine fails, the last half minute is gone; set it to everysec")
    policy = info.get("maxmemory_policy", KEEPS_ALL)
    if policy != KEEPS_ALL:
        found.append(
            f"maxmemory-policy is {policy!r:.40}: when memory is short, Redis deletes data; set it to noeviction"
        )
    if info.get("cluster_enabled"):
        found.append("Redis is a cluster, which is not supported: most operations will fail; use a single primary")
    return found


def _fsync(client: Redis) -> str | None:
    """Return ``appendfsync``; ``None`` where the server does not say, as many hosted ones."""
    try:
        found = client.config_get("appendfsync")
    except redis.exceptions.ResponseError:
        return None
    value = found.get("appendfsync")
    return value.decode() if isinstance(value, bytes) else value
