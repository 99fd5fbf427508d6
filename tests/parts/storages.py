"""Every storage that lasts, by its URL."""

from agentos.config import Config
from agentos.storage.interface import Storage
from agentos.storage.sqlalchemy import open_sql
from parts.redis import open_redis_storage


def open_storage(url: str) -> Storage:
    """Open a storage as a worker does."""
    return open_redis_storage(url) if url.startswith("redis") else open_sql(url, Config(environ={}))
