"""How transactions are run: the contract that SQLite and PostgreSQL fulfil, each in the module of its name."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

from sqlalchemy import URL, Connection, Engine, Executable, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from agentos.errors import ConfigError, StorageError

T = TypeVar("T")
Work = Callable[[Connection], T]
"""What is done in one transaction. It may be done again from its start, so it must change nothing but the database."""

logger = logging.getLogger(__name__)


class Database(ABC):
    """Runs work in short transactions; every failure of the database comes out as one neutral ``StorageError``.

    The engine connects when it is first used, which must be after the worker's fork.
    """

    dialect: ClassVar[str]
    ping: ClassVar[Executable]
    """A query that fails unless the database can be reached and read."""
    failures: ClassVar[tuple[type[Exception], ...]] = (
        SQLAlchemyError,
        UnicodeError,  # the driver cannot encode a lone surrogate
        OverflowError,  # nor SQLite an integer beyond 64 bits
    )

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

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

    def migrate(self, work: Work[T]) -> T:
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
    def _migrate(self, work: Work[T]) -> T: ...

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
