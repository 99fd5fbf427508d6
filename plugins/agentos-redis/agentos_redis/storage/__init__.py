"""Storage in Redis or Valkey: what SQL storage promises, as far as the server's settings let it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentos import Config
    from agentos.backends import Storage


def open_redis(url: str, config: Config) -> Storage:
    """Return the storage at an address; nothing is connected to yet. Raises ``ConfigError`` for a bad address."""
    # Late: a server on another backend does not load the client.
    from agentos_redis.connection import Address, connect
    from agentos_redis.storage.storage import RedisStorage

    settings = config.plugin_settings
    client = connect(
        Address.of(url, "AGENTOS_DATABASE_URL"),
        timeout=settings["redis_timeout"],
        connections=settings["redis_connections"],
    )
    return RedisStorage(client, settings["redis_prefix"], strict=settings["strict_storage"])
