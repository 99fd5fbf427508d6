"""Storage in the memory of one process (``memory://``): for tests and trying out; everything is gone at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentos.errors import ConfigError
from agentos.storage.memory.admission import MemoryAdmission
from agentos.storage.memory.deleting import MemoryDeleting
from agentos.storage.memory.housekeeping import MemoryHousekeeping
from agentos.storage.memory.keys import MemoryKeys
from agentos.storage.memory.runs import MemoryRuns
from agentos.storage.memory.sessions import MemorySessions

if TYPE_CHECKING:
    from agentos.config import Config
    from agentos.storage.interface import Storage


class MemoryStorage(MemoryKeys, MemorySessions, MemoryAdmission, MemoryRuns, MemoryDeleting, MemoryHousekeeping):
    """Keeps what the SQL storage keeps, and promises what it promises, to the threads of one process."""


def open_memory(url: str, config: Config) -> Storage:  # noqa: ARG001 - the signature of the hook
    """Return a new, empty storage."""
    if url.partition("://")[2].strip("/"):
        raise ConfigError("AGENTOS_DATABASE_URL names a host or path after memory://, which takes none")
    return MemoryStorage()
