"""The schema's revision, and bringing it up to date."""

from __future__ import annotations

import sqlalchemy
from sqlalchemy import inspect, text

from agentos.errors import StorageError
from agentos.storage.migrations import HEAD, migrate
from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.store import Store
from agentos.storage.values import SchemaState

_TABLE = "alembic_version"
_REVISION = text(f"SELECT version_num FROM {_TABLE}")  # noqa: S608 - a constant


class SchemaStore(Store):
    """What concerns the database itself."""

    def upgrade(self) -> None:
        if not self.schema().ready:
            self._database.migrate(_migrate_under_lock)

    def schema(self) -> SchemaState:
        if not self._database.exists():
            return SchemaState(None, HEAD)
        return SchemaState(self._database.read(self._revision), HEAD)

    def check(self) -> None:
        self._database.check()

    def close(self) -> None:
        self._database.close()

    def _revision(self, connection: Connection) -> str | None:
        """Return the revision with one query; only a database without a schema needs a second."""
        try:
            revision: str | None = connection.execute(_REVISION).scalar()
        except self._database.failures:
            if inspect(self._database.engine).has_table(_TABLE):
                raise
            return None
        return revision


def _migrate_under_lock(connection: sqlalchemy.Connection) -> None:
    """Migrate unless another worker did so while this one waited for the lock."""
    # A query that fails would end a transaction of PostgreSQL, so this one asks for the table first.
    current = connection.execute(_REVISION).scalar() if inspect(connection).has_table(_TABLE) else None
    if current is not None and current > HEAD:
        raise StorageError(
            f"the database's schema is at revision {current!r}, this version of AgentOS knows up to {HEAD!r}: a newer"
            " version has upgraded it; run that version",
        )
    if current != HEAD:
        migrate(connection)
