"""Storage in SQLite (``sqlite:///FILE``) and PostgreSQL (``postgresql+psycopg://…``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentos.config import Config
    from agentos.storage.interface import Storage


def open_sql(url: str, config: Config) -> Storage:
    """Return the storage at a database URL; nothing is connected to, created or changed yet.

    Raises :class:`~agentos.errors.ConfigError` for a URL that is not accepted.
    """
    # Imported here, so that a server on another backend does not pay for SQLAlchemy.
    from agentos.storage.sqlalchemy.engine import open_database
    from agentos.storage.sqlalchemy.storage import SqlStorage

    return SqlStorage(open_database(url, pooler=config.database_pooler))
