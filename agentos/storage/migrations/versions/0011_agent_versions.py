"""Stored agents with versions, and runs that name theirs. What is stored becomes version 1, of an unknown author.

Workers of an earlier version stay safe beside newer ones:

- They store and replace agents without a version. A newer worker that reads such an agent makes it one: the document
  is in the row, and `versioned_at` is not `updated_at`.
- They delete an agent without its versions. If it is registered again, the numbers continue after these.
- Runs that they accept name no version, and execute with the agent as it is when a worker claims them. So do all runs
  that they claim.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("runs", sa.Column("agent_version", sa.Integer))
    op.add_column("agents", sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("agents", sa.Column("versioned_at", sa.BigInteger))
    op.create_table(
        "agent_versions",
        sa.Column("agent_id", KEY, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.Text),
        sa.Column("author", sa.Text),
        sa.Column("comment", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("agent_id", "version", name="pk_agent_versions"),
    )
    op.execute(
        "INSERT INTO agent_versions (agent_id, version, document, created_at)"
        " SELECT id, 1, document, updated_at FROM agents"
    )
    op.execute("UPDATE agents SET version = 1, versioned_at = updated_at")
