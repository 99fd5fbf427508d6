"""What the stores share."""

from __future__ import annotations

from agentos.storage.sqlalchemy.database import Database


class SqlStore:
    """A store, or a part of one, in an SQL database."""

    def __init__(self, database: Database) -> None:
        self._database = database
