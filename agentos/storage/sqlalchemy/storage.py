"""The storage in an SQL database: its stores, and the schema that they need."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import sqlalchemy
from sqlalchemy import TextClause, inspect, select, text

from agentos.domain.activity import PoolUse
from agentos.errors import StorageError
from agentos.storage.interface import Storage
from agentos.storage.migrations import COMPATIBILITY, HEAD, migrate
from agentos.storage.schema import SchemaState
from agentos.storage.sqlalchemy.agents import SqlAgentStore
from agentos.storage.sqlalchemy.aliases import SqlAliasStore
from agentos.storage.sqlalchemy.attachments import SqlAttachmentStore
from agentos.storage.sqlalchemy.columns import time_of
from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.database import Database
from agentos.storage.sqlalchemy.dialects import database_now
from agentos.storage.sqlalchemy.events import SqlEventStore
from agentos.storage.sqlalchemy.idempotency import SqlIdempotencyStore
from agentos.storage.sqlalchemy.keys import SqlKeyStore
from agentos.storage.sqlalchemy.records import SqlRecordStore
from agentos.storage.sqlalchemy.runs import SqlRunStore
from agentos.storage.sqlalchemy.sessions import SqlSessionStore
from agentos.storage.sqlalchemy.text_search import INDEX, is_prepared, prepare

_TABLE = "alembic_version"
_REVISION = text(f"SELECT version_num FROM {_TABLE}")  # noqa: S608 - a constant
_LEAST = text(f"SELECT least FROM {COMPATIBILITY}")  # noqa: S608 - a constant
_NOW = select(database_now())


class SqlStorage(Storage):
    """Keeps everything in SQLite or PostgreSQL."""

    def __init__(self, database: Database, *, search: bool = False) -> None:
        self._database = database
        self._search = search
        self._prepared = False
        super().__init__(
            agents=SqlAgentStore(database),
            keys=SqlKeyStore(database),
            sessions=SqlSessionStore(database),
            runs=SqlRunStore(database),
            events=SqlEventStore(database),
            idempotency=SqlIdempotencyStore(database),
            attachments=SqlAttachmentStore(database),
            aliases=SqlAliasStore(database),
            records=SqlRecordStore(database),
        )

    def upgrade(self) -> None:
        schema = self._revision()
        if schema.older:
            self._database.migrate(_migrate_under_lock)
        elif not schema.ready:
            raise StorageError(schema.description)
        if self._search:
            prepare(self._database)

    def schema(self) -> SchemaState:
        state = self._revision()
        if not self._search or not state.ready:
            return state
        # Once it is there, only an operator's own hand takes it away.
        self._prepared = self._prepared or is_prepared(self._database)
        return state if self._prepared else replace(state, lacks=INDEX)

    def _revision(self) -> SchemaState:
        if not self._database.exists():
            return SchemaState(None, HEAD)
        state = SchemaState(self._value(_REVISION, _TABLE), HEAD)
        # Only a schema that this version does not know is asked what it takes to work with it.
        return replace(state, least=self._value(_LEAST, COMPATIBILITY)) if state.newer else state

    def check(self) -> None:
        self._database.check()

    def pool(self) -> PoolUse:
        return self._database.pool()

    def now(self) -> datetime:
        return time_of(self._database.query(_NOW).scalar())

    @property
    def directory(self) -> Path | None:
        return self._database.directory

    def shrink(self) -> bool:
        return self._database.shrink()

    def close(self) -> None:
        self._database.close()

    def _value(self, query: TextClause, table: str) -> str | None:
        """Return the one value in a table that may not be there, which alone takes a second query."""

        def work(connection: Connection) -> str | None:
            try:
                value: str | None = connection.execute(query).scalar()
            except self._database.failures:
                if not inspect(self._database.engine).has_table(table):
                    return None
                # Either another worker has made it meanwhile, or this fails again.
                value = connection.execute(query).scalar()
            return value

        return self._database.read(work)


def _migrate_under_lock(connection: sqlalchemy.Connection) -> None:
    """Migrate unless another worker did so while this one waited for the lock."""
    # A query that fails would end a transaction of PostgreSQL, so this one asks for the table first.
    current = connection.execute(_REVISION).scalar() if inspect(connection).has_table(_TABLE) else None
    if SchemaState(current, HEAD).older:
        migrate(connection)
