"""What the stores share."""

from __future__ import annotations

from agentos.storage.interface import Storage
from agentos.storage.sqlalchemy.engine import Database


class Store(Storage):
    """One concern of the storage; they are put together in :class:`~agentos.storage.sqlalchemy.storage.SqlStorage`."""

    def __init__(self, database: Database) -> None:
        self._database = database
