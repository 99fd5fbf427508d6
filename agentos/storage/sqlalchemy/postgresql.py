"""PostgreSQL: a bounded pool, and a bound on every kind of waiting for a server that is busy, gone or unreachable.

Behind a pooler in transaction mode (pgbouncer), each transaction may reach another session of the server: nothing that
lasts longer than a transaction is used there, and settings are sent with the transaction that they are for.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import PoolProxiedConnection

from agentos.errors import ConfigError
from agentos.storage.sqlalchemy.database import READ_ONLY, Database, Migration, Work
from agentos.storage.sqlalchemy.libpq import postgresql_address

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

POOL_SIZE = 10
POOL_OVERFLOW = 10
POOL_TIMEOUT = 3.0
"""Seconds to wait for a connection. The pool's own default would be the whole time that a request has."""

ATTEMPTS = 3
"""How often a transaction is tried that the server ended in favour of another, or did not take as it is read-only."""

MIGRATION_LOCK = 0x6167656E746F73
"""The advisory lock that migrations run under: "agentos" in ASCII."""

CONNECT: dict[str, Any] = {
    "connect_timeout": 3,
    "application_name": "agentos",
    # A server on a machine that vanished answers nothing: notice within about 15 s, not when TCP gives up.
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
}

# Milliseconds. Our statements take a few; a worker that is stopped inside a transaction must not hold its locks.
LIMITS = {"statement_timeout": 10_000, "idle_in_transaction_session_timeout": 15_000}
_OPTIONS = " ".join(f"-c {name}={value}" for name, value in LIMITS.items())
# In the message of BEGIN, so that it costs no journey to the server. SET without LOCAL would stay in a session that the
# pooler gives to another client.
_SET_LOCAL = "".join(f"; SET LOCAL {name} = {value}" for name, value in LIMITS.items())

_REPEATABLE = frozenset({"40001", "40P01", READ_ONLY})  # serialization_failure, deadlock_detected
# The server shuts down, crashed, starts, dropped the database, or ended an idle session or transaction; and what a
# server says that became a standby: its connections are of no use, as those to a server that is gone.
_LOST = frozenset({READ_ONLY, "57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04"})
_CONNECTION_EXCEPTIONS = "08"

_FRESH = "agentos.fresh"


class PostgresqlDatabase(Database):
    """One PostgreSQL database. A connection that the server dropped, or that cannot write, is replaced when taken."""

    dialect = "postgresql"
    ping = text("SHOW transaction_read_only")
    connections = POOL_SIZE + POOL_OVERFLOW
    begin_snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ"

    def __init__(self, parameters: dict[str, Any], *, pooled: bool) -> None:
        self._parameters = parameters
        self.pooled = pooled
        """True where a pooler may give each transaction another session: as the setting says, or as was found out."""
        engine = create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_TIMEOUT,
            pool_use_lifo=True,  # lets the server's idle time-outs end what a quiet worker does not need
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",  # for the driver: what is a transaction, we say ourselves
        )
        event.listen(engine, "connect", _mark_fresh)
        event.listen(engine, "checkout", _check_before_use)
        super().__init__(engine, " ".join(str(parameters.get(name)) for name in ("host", "port", "dbname")))

    def _read(self, work: Work[T], *, begin: str | None) -> T:
        return self._lend(self.engine, work, begin=begin and self._begin(begin))

    def _write(self, work: Work[T]) -> T:
        for _ in range(ATTEMPTS - 1):
            try:
                return self._lend(self.engine, work, begin=self._begin("BEGIN"))
            except self._driver_error as error:
                if getattr(error, "sqlstate", None) not in _REPEATABLE:
                    raise
            time.sleep(random.uniform(0.005, 0.05))  # noqa: S311 - so that the two do not meet again
        return self._lend(self.engine, work, begin=self._begin("BEGIN"))

    def _begin(self, statement: str) -> str:
        return statement + _SET_LOCAL if self.pooled else statement

    def _migrate(self, work: Migration[T]) -> T:
        with self.engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
            # Another worker may take its time over the migration that this one waits for.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            return work(connection)

    def _unusable(self, error: BaseException, lent: PoolProxiedConnection) -> bool:
        state = getattr(error, "sqlstate", None) or ""
        return state in _LOST or state.startswith(_CONNECTION_EXCEPTIONS) or super()._unusable(error, lent)

    # --- connecting ----------------------------------------------------------------------------------------------

    def _connect(self) -> psycopg.Connection[Any]:
        """Return a new connection to a server that takes writes; find out whether there is a pooler before it."""
        import psycopg

        connection = None
        if not self.pooled:
            # What the URL gives comes later, and is stronger.
            options = f"{_OPTIONS} {self._parameters.get('options', '')}".strip()
            try:
                connection = psycopg.connect(autocommit=True, **{**self._parameters, "options": options})
            except psycopg.OperationalError as error:
                # pgbouncer takes few parameters at the start of a session, and `options` is none of them.
                if "unsupported startup parameter" not in str(error):
                    raise
                self.pooled = True
        if connection is None:
            connection = psycopg.connect(autocommit=True, **self._parameters)
        try:
            self._look_at(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _look_at(self, connection: psycopg.Connection[Any]) -> None:
        """Ask the server, once a connection, which of its processes it is and whether it takes writes."""
        import psycopg

        query = "SELECT pg_backend_pid(), current_setting('transaction_read_only')"
        pid, read_only = connection.execute(query).fetchone() or (0, "")
        if read_only == "on":
            raise psycopg.errors.ReadOnlySqlTransaction("the server is read-only: a standby, or set to be read-only")
        # A pooler that ignores `options` is known by this: the process that it named when the session began
        # is none of the server's.
        if pid != connection.info.backend_pid:
            self.pooled = True
        if self.pooled:
            connection.prepare_threshold = None  # a prepared statement belongs to one session of the server


def _mark_fresh(_: Any, record: Any) -> None:
    record.info[_FRESH] = True


def _check_before_use(connection: Any, record: Any, _: Any) -> None:
    """Ask whether a connection that lay in the pool leads to a server that is there and takes writes.

    Where it does not, the pool connects anew, once, and drops all other connections of that time.
    """
    if record.info.pop(_FRESH, False):
        return
    try:
        cursor = connection.cursor()
        cursor.execute("SHOW transaction_read_only")
        read_only = cursor.fetchone()[0] == "on"
        cursor.close()
    except Exception as error:
        raise InvalidatePoolError from error
    if read_only:
        raise InvalidatePoolError


def open_postgresql(url: str, *, pooler: str) -> PostgresqlDatabase:
    """Return the database at a URL. The URL's parameters (``?sslmode=require``) are stronger than ours."""
    parameters = postgresql_address(url).parameters
    pooled = pooler == "transaction"
    if pooled and "options" in parameters:
        raise ConfigError(
            "AGENTOS_DATABASE_URL has the parameter 'options', which a pooler in transaction mode"
            " (AGENTOS_DATABASE_POOLER) does not take; leave it out, or set it for the role: ALTER ROLE … SET …"
        )
    # They are tried one after the other, and all of it is part of the time that a request may take.
    several = {"connect_timeout": 2} if "," in parameters.get("host", "") else {}
    try:
        return PostgresqlDatabase({**CONNECT, **several, **parameters}, pooled=pooled)
    except ImportError as error:
        raise ConfigError(
            "AGENTOS_DATABASE_URL is PostgreSQL's, and its driver is missing; install it with"
            " pip install 'agentos-server[postgresql]'"
        ) from error
