"""Storage in SQLite (``sqlite:///FILE``) and PostgreSQL (``postgresql+psycopg://…``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentos.errors import ConfigError
from agentos.storage.sqlalchemy.address import POSTGRESQL, SQLITE, scheme_of

if TYPE_CHECKING:
    from agentos.config import Config
    from agentos.storage.interface import Storage
    from agentos.storage.sqlalchemy.database import Database


def open_sql(url: str, config: Config) -> Storage:
    """Return the storage at a database URL; nothing is connected to yet. Raises ``ConfigError`` for a bad URL."""
    # Imported here, so that a server on another backend does not pay for SQLAlchemy.
    from agentos.storage.sqlalchemy.storage import SqlStorage

    database = open_database(url, pooler=config.database_pooler)
    database.log_slow(config.slow_statement)
    return SqlStorage(database, search=config.search)


def open_database(url: str, *, pooler: str = "auto") -> Database:
    """Return the database at a URL; nothing is connected to yet.

    ``pooler`` is ``transaction`` where one in transaction mode is before PostgreSQL, or ``auto`` to find out. Raises
    :class:`~agentos.errors.ConfigError` for a URL that is not accepted; its message has no piece of the URL but a
    scheme.
    """
    scheme = scheme_of(url)
    if scheme in SQLITE:
        from agentos.storage.sqlalchemy.sqlite import open_sqlite

        return open_sqlite(url)
    if scheme in POSTGRESQL:
        from agentos.storage.sqlalchemy.postgresql import open_postgresql

        return open_postgresql(url, pooler=pooler)
    raise ConfigError(
        f"AGENTOS_DATABASE_URL has {f'the scheme {scheme!r}' if scheme else 'no scheme'}; accepted: sqlite:///FILE or"
        " postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE"
    )
