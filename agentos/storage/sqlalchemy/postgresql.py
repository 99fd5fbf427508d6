"""PostgreSQL: a bounded pool, and a bound on every kind of waiting for a server that is busy, gone or unreachable."""

from __future__ import annotations

import random
import time
from typing import Any, TypeVar

from sqlalchemy import URL, create_engine, text

from agentos.errors import ConfigError
from agentos.storage.sqlalchemy.engine import Database, Migration, Work

T = TypeVar("T")

POOL_SIZE = 10
POOL_OVERFLOW = 10
POOL_TIMEOUT = 3.0
"""Seconds to wait for a connection. The pool's own default would be the whole time that a request has."""

ATTEMPTS = 3
"""How often a transaction is tried that the server ended in favour of another."""

MIGRATION_LOCK = 0x6167656E746F73
"""The advisory lock that migrations run under: "agentos" in ASCII."""

CONNECT: dict[str, Any] = {
    "connect_timeout": 3,
    "application_name": "agentos",
    # Milliseconds. Our statements take a few; a worker that is stopped inside a transaction must not hold its locks.
    "options": "-c statement_timeout=10000 -c idle_in_transaction_session_timeout=15000",
    # A server whose machine vanished answers nothing: notice within about 15 s, not when TCP gives up.
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
}

_REPEATABLE = frozenset({"40001", "40P01"})  # serialization_failure, deadlock_detected


class PostgresqlDatabase(Database):
    """One PostgreSQL database. A connection that the server dropped is replaced when it is next taken."""

    dialect = "postgresql"
    ping = text("SELECT 1")

    def _read(self, work: Work[T]) -> T:
        # A single query needs no BEGIN and COMMIT around it, which would be two more journeys to the server.
        return self._lend(self.engine, work, begin=None)

    def _snapshot(self, work: Work[T]) -> T:
        return self._lend(self.engine, work, begin="BEGIN ISOLATION LEVEL REPEATABLE READ")

    def _write(self, work: Work[T]) -> T:
        for _ in range(ATTEMPTS - 1):
            try:
                return self._lend(self.engine, work, begin="BEGIN")
            except self._driver_error as error:
                if getattr(error, "sqlstate", None) not in _REPEATABLE:
                    raise
            time.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - so that the two do not meet again
        return self._lend(self.engine, work, begin="BEGIN")

    def _migrate(self, work: Migration[T]) -> T:
        with self.engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
            # Another worker may take its time over the migration that this one waits for.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            return work(connection)


def open_postgresql(url: URL) -> PostgresqlDatabase:
    """Return the database at a URL, whose own parameters (``?sslmode=require``) are stronger than ours."""
    if not url.database:
        raise ConfigError(
            "AGENTOS_DATABASE_URL names no database; accepted: postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE"
        )
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args={name: value for name, value in CONNECT.items() if name not in url.query},
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_TIMEOUT,
            pool_pre_ping=True,
            pool_use_lifo=True,  # lets the server's idle time-outs end what a quiet worker does not need
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",  # for the driver: what is a transaction, we say ourselves
        )
    except ImportError as error:
        raise ConfigError(
            "AGENTOS_DATABASE_URL is PostgreSQL's, whose driver is missing; install it with"
            " pip install 'agentos-server[postgresql]'"
        ) from error
    return PostgresqlDatabase(engine)
