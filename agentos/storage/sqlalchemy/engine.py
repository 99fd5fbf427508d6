"""How transactions are run: the contract that SQLite and PostgreSQL fulfil, each in the module of its name."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar, cast

import sqlalchemy
from sqlalchemy import URL, Engine, Executable, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import PoolProxiedConnection

from agentos.errors import ConfigError, StorageError
from agentos.storage.sqlalchemy.connection import Connection, Statements

T = TypeVar("T")
Work = Callable[[Connection], T]
"""What is done in one transaction. It may be done again from its start, so it must change nothing but the database."""

Migration = Callable[[sqlalchemy.Connection], T]
"""The same for what changes the schema, which SQLAlchemy and Alembic do themselves."""

logger = logging.getLogger(__name__)


class Database(ABC):
    """Runs work in short transactions; every failure of the database comes out as one neutral ``StorageError``.

    The engine connects when it is first used, which must be after the worker's fork.
    """

    dialect: ClassVar[str]
    ping: ClassVar[Executable]
    """A query that fails unless the database can be reached and read."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error
        self.failures: tuple[type[Exception], ...] = (
            self._driver_error,
            SQLAlchemyError,  # of the pool and of migrations
            UnicodeError,  # the driver cannot encode a lone surrogate
            OverflowError,  # nor SQLite an integer beyond 64 bits
        )
        self._statements = Statements(engine)

    def exists(self) -> bool:
        """Return whether there is a database to connect to, without making one."""
        return True

    def read(self, work: Work[T]) -> T:
        """Run one query, outside of any transaction."""
        with self._translated():
            return self._read(work)

    def snapshot(self, work: Work[T]) -> T:
        """Run several queries that see the same state."""
        with self._translated():
            return self._snapshot(work)

    def write(self, work: Work[T]) -> T:
        """Run work that changes something, and commit; roll back if it raises."""
        with self._translated():
            return self._write(work)

    def migrate(self, work: Migration[T]) -> T:
        """Run work that changes the schema in one transaction, alone among all processes, however long that takes."""
        with self._translated():
            return self._migrate(work)

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    @abstractmethod
    def _read(self, work: Work[T]) -> T: ...

    @abstractmethod
    def _snapshot(self, work: Work[T]) -> T: ...

    @abstractmethod
    def _write(self, work: Work[T]) -> T: ...

    @abstractmethod
    def _migrate(self, work: Migration[T]) -> T: ...

    def _lend(self, engine: Engine, work: Work[T], *, begin: str | None) -> T:
        """Lend work a connection of an engine's pool; with ``begin``, in a transaction that this begins."""
        lent = engine.raw_connection()
        try:
            cursor = lent.cursor()
            if begin is not None:
                cursor.execute(begin)
            done = work(Connection(cursor, self._statements))
            if begin is not None:
                lent.commit()
        except BaseException as error:
            if self._unusable(error, lent):
                lent.invalidate(error)
            raise
        finally:
            lent.close()  # the pool rolls back what was not committed
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
            logger.error("the database failed: %s", _cause(error))
            logger.debug("the failure in full", exc_info=error)
            raise StorageError("the database did not take or give the data; try again later") from error


def _cause(error: Exception) -> str:
    """Return what the driver said, in one line. The lines after its first may quote rows, which the log must not."""
    said: Any = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    lines = str(said).splitlines()
    return f"{type(said).__name__}: {lines[0] if lines else ''}"


def open_database(url: str) -> Database:
    """Return the database at a URL; nothing is connected to yet.

    Raises :class:`~agentos.errors.ConfigError` for a URL that is not accepted.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:  # the text of the URL may hold a password
        raise ConfigError(
            "AGENTOS_DATABASE_URL is no database URL; accepted: sqlite:///FILE or"
            " postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE"
        ) from error
    return _opener(parsed)(parsed)


def _opener(url: URL) -> Callable[[URL], Database]:
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        from agentos.storage.sqlalchemy.sqlite import open_sqlite

        return open_sqlite
    if url.drivername in ("postgresql", "postgresql+psycopg", "postgres"):
        from agentos.storage.sqlalchemy.postgresql import open_postgresql

        return open_postgresql
    raise ConfigError(
        f"AGENTOS_DATABASE_URL has the scheme {url.drivername!r}; accepted: 'sqlite' and 'postgresql+psycopg'"
    )
