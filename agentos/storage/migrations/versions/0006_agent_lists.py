"""Agents whose rows have what a list shows of them beside the whole document, which can be large."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

LISTED = ("name", "description", "model", "tools")

agents = sa.table(
    "agents",
    sa.column("id"),
    sa.column("document"),
    sa.column("updated_at"),
    sa.column("listed"),
    sa.column("listed_at"),
)


def upgrade() -> None:
    # `listed` counts only where `listed_at` is the row's `updated_at`: workers of an earlier version write neither.
    op.add_column("agents", sa.Column("listed", sa.Text))
    op.add_column("agents", sa.Column("listed_at", sa.BigInteger))
    connection = op.get_bind()
    for (agent_id,) in connection.execute(sa.select(agents.c.id)).all():
        found = connection.execute(sa.select(agents).where(agents.c.id == agent_id)).one()
        document = json.loads(found.document)
        listed = json.dumps({name: document[name] for name in LISTED if name in document}, separators=(",", ":"))
        connection.execute(
            sa.update(agents).where(agents.c.id == agent_id).values(listed=listed, listed_at=found.updated_at)
        )
