"""Runs that keep their whole request, and aliases: ids of other protocols that stand for sessions.

A worker of an earlier version writes runs without these columns, and executes one that it takes over without them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("runs", sa.Column("request", sa.Text))
    op.add_column("runs", sa.Column("caller_id", KEY))
    op.add_column("runs", sa.Column("parent_run_id", KEY))
    op.create_table(
        "run_conversations",
        sa.Column("run_id", KEY, sa.ForeignKey("runs.id", name="fk_run_conversations_run", ondelete="CASCADE")),
        sa.Column("messages", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_table(
        "aliases",
        sa.Column("owner", KEY, nullable=False),
        sa.Column("door", KEY, nullable=False),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("session_id", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("owner", "door", "digest", name="pk_aliases"),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name="fk_aliases_session", ondelete="CASCADE"),
    )
    op.create_index("ix_aliases_session", "aliases", ["session_id"])
