"""How transactions are run: the contract that SQLite and PostgreSQL fulfil, each in the module of its name."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

import sqlalchemy
from sqlalchemy import Engine, Executable
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from agentos.domain.activity import PoolUse
from agentos.errors import StorageError
from agentos.observability.repeated import RepeatedLines
from agentos.observability.slow import SlowLog
from agentos.storage.sqlalchemy.connection import NO_PARAMETERS, Connection, Parameters, Result, Statements

T = TypeVar("T")
Work = Callable[[Connection], T]
"""What is done in one transaction. It may be done again from its start, so it must change nothing but the database."""

Migration = Callable[[sqlalchemy.Connection], T]
"""The same for what changes the schema, which SQLAlchemy and Alembic do themselves."""

READ_ONLY = "25006"
"""SQLSTATE of a write that a server refuses because it is read-only: a standby, or a primary that was until now."""

logger = logging.getLogger(__name__)


class Database(ABC):
    """Runs work in short transactions; every failure of the database comes out as one neutral ``StorageError``.

    The engine connects when it is first used, which must be after the worker's fork.
    """

    dialect: ClassVar[str]
    ping: ClassVar[Executable]
    """A query that fails unless the database can be reached and used."""
    connections: ClassVar[int]
    """How many connections its pool has at most."""
    begin_snapshot: ClassVar[str]
    """The statement that begins a transaction in which all queries see the same state."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._operational_error: type[Exception] = engine.dialect.loaded_dbapi.OperationalError
        self.failures: tuple[type[Exception], ...] = (
            self._driver_error,
            SQLAlchemyError,  # of the pool and of migrations
            UnicodeError,  # the driver cannot encode a lone surrogate
            OverflowError,  # nor SQLite an integer beyond 64 bits
        )
        self._statements = Statements(engine)
        self._log = failures_of(name)
        self._closed = False

    def log_slow(self, seconds: float) -> None:
        """Warn of each statement that takes longer, with its text and without values; 0: of none."""
        self._statements.slow = SlowLog("statement", seconds)

    def exists(self) -> bool:
        """Return whether there is a database to connect to, without making one."""
        return True

    def pool(self) -> PoolUse:
        """Return how many of its connections are in use."""
        pool = cast("QueuePool", self.engine.pool)
        return PoolUse(used=max(0, pool.checkedout()), idle=pool.checkedin(), limit=self.connections)

    def check(self) -> None:
        """Raise :class:`~agentos.errors.StorageError` unless the database can be reached, read and written."""
        self.query(self.ping)

    def read(self, work: Work[T]) -> T:
        """Run one query, outside of any transaction."""
        with self._translated():
            # Without BEGIN and COMMIT, which would be two more journeys to a server.
            return self._read(work, begin=None)

    def query(self, statement: Executable, values: Parameters = NO_PARAMETERS) -> Result:
        """Run one query and return what it gave."""
        return self.read(lambda connection: connection.execute(statement, values))

    def execute(self, statement: Executable, values: Parameters = NO_PARAMETERS) -> Result:
        """Run one statement that changes something, commit, and return what it gave."""
        return self.write(lambda connection: connection.execute(statement, values))

    def snapshot(self, work: Work[T]) -> T:
        """Run several queries that see the same state."""
        with self._translated():
            return self._read(work, begin=self.begin_snapshot)

    def write(self, work: Work[T]) -> T:
        """Run work that changes something, and commit; roll back if it raises."""
        with self._translated():
            return self._write(work)

    def migrate(self, work: Migration[T]) -> T:
        """Run work that changes the schema in one transaction, alone among all processes, however long that takes."""
        with self._translated():
            return self._migrate(work)

    @property
    def directory(self) -> Path | None:
        """The directory of the file; ``None`` for a database that is elsewhere."""
        return None

    def shrink(self) -> bool:
        """Give free space back to the file system; ``False`` where the database does that by itself."""
        return False

    def close(self) -> None:
        """Close all connections; one that a thread uses now is closed when the thread gives it back."""
        self._closed = True
        self.engine.dispose()

    @abstractmethod
    def _read(self, work: Work[T], *, begin: str | None) -> T: ...

    @abstractmethod
    def _write(self, work: Work[T]) -> T: ...

    @abstractmethod
    def _migrate(self, work: Migration[T]) -> T: ...

    def _lend(self, engine: Engine, work: Work[T], *, begin: str | None) -> T:
        """Lend work a connection of an engine's pool; with ``begin``, in a transaction that this begins."""
        lent = engine.raw_connection()
        try:
            cursor = lent.cursor()
            if begin is None:
                return work(Connection(cursor, self._statements))
            cursor.execute(begin)
            done = work(Connection(cursor, self._statements))
            began = time.perf_counter()
            lent.commit()
            self._statements.note(time.perf_counter() - began, "COMMIT")
        except BaseException as error:
            if self._unusable(error, lent):
                lent.invalidate(error)
            raise
        finally:
            if self._closed and lent.is_valid:
                lent.detach()  # a pool that was disposed of would keep it open
            lent.close()  # rolls back what was not committed
        return done

    def _unusable(self, error: BaseException, lent: PoolProxiedConnection) -> bool:
        """Return whether the connection is lost, or was left in the middle of an exchange with the server."""
        if isinstance(error, self._driver_error):
            return self.engine.dialect.is_disconnect(cast("Any", error), lent, None)
        return not isinstance(error, Exception)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self.failures as error:
            said = _said(error)
            cause = _cause(said)
            self._log.failed(_kind(said), cause, outage=self._is_outage(said))
            logger.debug("the failure in full", exc_info=error)
            if getattr(said, "sqlstate", None) == READ_ONLY:
                raise StorageError("the database is read-only now; try again later", reason=cause) from error
            raise StorageError("the database did not take or give the data; try again later", reason=cause) from error
        if self._log.failing:
            self._log.works()

    def _is_outage(self, said: BaseException) -> bool:
        """Return whether a failure is of the database itself, and not of one statement or its values."""
        return isinstance(said, self._operational_error | PoolTimeout) or getattr(said, "sqlstate", None) == READ_ONLY


class SqlStore:
    """A store, or a part of one, in an SQL database."""

    def __init__(self, database: Database) -> None:
        self._database = database


def _said(error: Exception) -> Exception:
    """Return the driver's own error where SQLAlchemy has wrapped it."""
    return error.orig if isinstance(error, DBAPIError) and isinstance(error.orig, Exception) else error


def _kind(said: Exception) -> str:
    return f"{type(said).__name__} {getattr(said, 'sqlstate', None) or ''}".strip()


def _cause(said: Exception) -> str:
    """Return what the driver said, in one line. The lines after its first may quote rows, which the log must not."""
    lines = str(said).splitlines()
    # Where no statement was sent, there is none to quote from: each host of several has its line.
    if getattr(said, "pgconn", None) is None and getattr(said, "sqlstate", "") is None:
        return f"{type(said).__name__}: {' '.join(line.strip() for line in lines)[:500]}"
    return f"{type(said).__name__}: {lines[0] if lines else ''}"


class FailureLog:
    """Logs failures of one database, few of each kind, so that an outage does not fill the disk; and its end."""

    def __init__(self) -> None:
        self.failing = False
        """Whether there was an outage, and no success since. Read after each use of the database, without the lock."""
        self._lines = RepeatedLines(logger)
        self._lock = threading.Lock()
        self._began = 0.0
        self._failures = 0

    def failed(self, kind: str, cause: str, *, outage: bool) -> None:
        """Count a failure and log it, unless one of its kind was logged shortly before."""
        if outage:
            with self._lock:
                if not self.failing:
                    self._began, self._failures = time.monotonic(), 0
                self.failing = True
                self._failures += 1
        self._lines.log(logging.ERROR, "the database failed: %s", cause, kind=kind)

    def works(self) -> None:
        """Log that an outage is over."""
        with self._lock:
            if not self.failing:
                return
            self.failing = False
            fields = {"failures": self._failures, "seconds": round(time.monotonic() - self._began, 1)}
        self._lines.forget()
        logger.warning("the database works again", extra=fields)


@cache
def failures_of(name: str) -> FailureLog:  # noqa: ARG001 - the key of the cache
    """Return the log of a database; a worker that waits for it opens it again and again."""
    return FailureLog()
