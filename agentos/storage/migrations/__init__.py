"""The schema's revisions, and how a database is brought to the newest.

To change the schema: change :mod:`agentos.storage.sqlalchemy.tables`, add ``versions/NNNN_what.py`` that makes the same
change (``down_revision`` is the revision before), and name it in :data:`HEAD`. Revisions are whole numbers of four
digits, by which a worker knows what is newer. A test compares the result of the migrations with the tables.

Migrations only add: columns that are nullable or have a default, tables, indexes, statuses of runs that are under way.
So workers of the version before go on working during an upgrade and after it. A migration that cannot keep to this
calls :func:`needs_at_least`: older workers are not ready from then on, instead of writing what is wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD = "0013"
"""The newest revision, so that a worker can see without Alembic that there is nothing to do."""

COMPATIBILITY = "schema_compatibility"
"""The table with the least revision that a version must know to work with the schema; made when one is too old."""


def needs_at_least(revision: str) -> None:
    """Say, within a migration, that versions which do not know ``revision`` cannot work with the schema any more."""
    from alembic import op

    op.execute(f"CREATE TABLE IF NOT EXISTS {COMPATIBILITY} (least TEXT NOT NULL)")
    op.execute(f"DELETE FROM {COMPATIBILITY}")  # noqa: S608 - a constant
    op.execute(f"INSERT INTO {COMPATIBILITY} (least) VALUES ('{int(revision):04}')")  # noqa: S608 - a number


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
