"""Storage in the memory of one process (``memory://``): for tests and trying out; everything is gone at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentos.errors import ConfigError
from agentos.storage.memory.storage import MemoryStorage

if TYPE_CHECKING:
    from agentos.config import Config
    from agentos.storage.interface import Storage

__all__ = ["MemoryStorage", "open_memory"]


def open_memory(url: str, config: Config) -> Storage:  # noqa: ARG001 - the signature of the hook
    """Return a new, empty storage."""
    if url.partition("://")[2].strip("/"):
        raise ConfigError("AGENTOS_DATABASE_URL names a host or path after memory://, which takes none")
    return MemoryStorage()
