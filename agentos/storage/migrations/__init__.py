"""The schema's revisions, and how a database is brought to the newest.

To change the schema: change :mod:`agentos.storage.sqlalchemy.tables`, add ``versions/NNNN_what.py`` that makes the same
change (``down_revision`` is the revision before), and name it in :data:`HEAD`. Migrations only add, so that workers of
the version before go on working meanwhile; a test compares their result with the tables.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD = "0006"
"""The newest revision, so that a worker can see without Alembic that there is nothing to do."""


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring the schema to a revision, in the transaction that the connection is in."""
    # Alembic takes a tenth of a second to import, which workers and commands on an up-to-date database do not spend.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
