"""SQLite as a server's database: short writes one at a time, and waiting that never blocks a whole worker."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import sqlalchemy
from sqlalchemy import Engine, QueuePool, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from agentos.domain.text import folded
from agentos.errors import ConfigError, StorageError
from agentos.fair_lock import FairLock
from agentos.storage.sqlalchemy.address import check_writable, sqlite_file
from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.database import Database, Migration, Work
from agentos.storage.sqlalchemy.dialects import FOLD

T = TypeVar("T")

BUSY_TIMEOUT = 20
"""Milliseconds that SQLite itself waits for a lock. Under gevent this stops the whole worker, so it is short."""

LOCK_WAIT = 4.0
"""Seconds without any write of this process after which those that wait for their turn are a ``StorageError``."""

MIGRATION_WAIT = 300.0
"""Seconds that a starting worker waits for another one's migration."""

_VACUUM = text("VACUUM")
_CHECKPOINT = text("PRAGMA wal_checkpoint(TRUNCATE)")
"""Writes the vacuumed pages, which are in the WAL, into the file and shortens both. Not where another process reads."""


class SqliteDatabase(Database):
    """One SQLite file in WAL mode, where readers never wait for the writer."""

    dialect = "sqlite"
    ping = text("PRAGMA schema_version")
    begin_snapshot = "BEGIN"
    connections = 20

    def __init__(self, path: Path) -> None:
        super().__init__(_engine(path, connections=self.connections), str(path))
        self._path = path
        # One connection for all writes: its cache holds the pages that the next write changes. SQLite drops the cache
        # of every other connection at each of them.
        self._writer = _engine(path, connections=1)
        # Held around each write transaction and around the waiting for one: of all threads of this process, one at a
        # time tries to write. Nothing inside a transaction yields to another greenlet, which would find the lock taken.
        # Fair: many that wait to write must not keep the event loop from its sockets.
        self._writing = FairLock()

    def exists(self) -> bool:
        return self._path.exists()

    @property
    def directory(self) -> Path | None:
        return self._path.parent

    def check(self) -> None:
        try:
            check_writable(self._path)
        except ConfigError as error:  # names the file, which is no business of those who may ask whether we are ready
            raise StorageError("the database's file cannot be written; 'flask agentos doctor' says why") from error
        super().check()

    def _read(self, work: Work[T], *, begin: str | None) -> T:
        return _retried(lambda: self._lend(self.engine, work, begin=begin), wait=LOCK_WAIT)

    def _write(self, work: Work[T]) -> T:
        start = time.monotonic()
        if not self._writing.acquire(timeout=LOCK_WAIT):
            raise sqlite3.OperationalError("database is locked: other writes of this process did not end in time")
        locked = False

        def begun(connection: Connection) -> T:
            self._statements.note(time.monotonic() - start, "BEGIN IMMEDIATE")  # with the wait for other writes
            return work(connection)

        try:
            # IMMEDIATE, for a transaction that only comes to write later fails at once if another one writes. While
            # writes succeed, the time in the queue does not count; once none does, all that wait fail together.
            return _retried(
                lambda: self._lend(self._writer, begun, begin="BEGIN IMMEDIATE"),
                wait=LOCK_WAIT - (time.monotonic() - max(start, self._writing.moved)),
            )
        except Exception as error:
            locked = _locked(error)
            raise
        finally:
            self._writing.release(moved=not locked)

    def shrink(self) -> bool:
        with self._translated(), self._writing:
            for statement in (_VACUUM, _CHECKPOINT):
                _retried(
                    lambda: self._lend(self._writer, lambda connection: connection.execute(statement), begin=None),  # noqa: B023
                    wait=MIGRATION_WAIT,
                )
        return True

    def close(self) -> None:
        super().close()
        self._writer.dispose()

    def _migrate(self, work: Migration[T]) -> T:
        # Conversations are private: a new file, and the WAL that takes its mode, can be read by this user alone.
        try:
            self._path.touch(mode=0o600)
        except OSError as error:
            raise ConfigError(
                f"AGENTOS_DATABASE_URL names {self._path}, which cannot be made: {error.strerror}"
            ) from error
        # Changing a table may mean to make it anew, and dropping the old one would delete the rows that refer to it.
        engine = _engine(self._path, connections=1, foreign_keys=False)
        event.listen(engine, "begin", _begin)
        try:
            with self._writing:
                return _retried(lambda: _committed(engine, work), wait=MIGRATION_WAIT)
        finally:
            engine.dispose()


def _committed(engine: Engine, work: Migration[T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def _retried(call: Callable[[], T], *, wait: float) -> T:
    """Call until the database is not locked by another process, for at most ``wait`` seconds."""
    deadline = time.monotonic() + wait
    while True:
        try:
            return call()
        except (sqlite3.OperationalError, DBAPIError) as error:
            if not _locked(error) or time.monotonic() >= deadline:
                raise
        time.sleep(random.uniform(0.005, 0.025))  # noqa: S311 - so that two waiting processes do not stay in step


def _locked(error: Exception) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _engine(path: Path, *, connections: int, foreign_keys: bool = True) -> Engine:
    # mode=rw: only a migration makes the file, never a question about it.
    address = f"file:{quote(str(path))}?mode=rw"

    def connect() -> sqlite3.Connection:
        # isolation_level None: the driver would send no BEGIN before a SELECT and a deferred one before an UPDATE.
        connection = sqlite3.connect(
            address, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT / 1000
        )
        try:
            _retried(lambda: connection.execute("PRAGMA journal_mode = WAL"), wait=LOCK_WAIT)
            # The WAL is synced at checkpoints: what was committed survives any end of the process, though perhaps not
            # the last moments before a power failure.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.create_function(FOLD, 1, _folded, deterministic=True)
            connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        except BaseException:
            connection.close()
            raise
        return connection

    kept = min(connections, 5)
    return create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=kept,
        max_overflow=connections - kept,
        pool_timeout=LOCK_WAIT,
        pool_use_lifo=True,  # the one that was used last has the most in its cache
        hide_parameters=True,
    )


def _folded(text: str | None) -> str | None:
    return None if text is None else folded(text)


def _begin(connection: sqlalchemy.Connection) -> None:
    """Begin a migration, which SQLAlchemy leaves to the driver and ours leaves to us."""
    driver: Any = connection.connection.dbapi_connection
    driver.execute("BEGIN IMMEDIATE")


def open_sqlite(url: str) -> SqliteDatabase:
    """Return the database in the file that a URL names, if this process may write there."""
    path = sqlite_file(url)
    check_writable(path)
    return SqliteDatabase(path)
