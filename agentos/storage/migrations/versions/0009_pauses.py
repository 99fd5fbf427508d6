"""Runs that pause, runs that no worker has claimed yet, checkpoints, and records with a due time.

Workers of an earlier version stay safe beside newer ones:

- A paused run has a status that they do not know. They show it, and neither execute nor end it. Asked to cancel or
  interrupt it, they save the request; the next sweep of a newer worker ends the run.
- A run that was paused says so in `request`, as something that they do not know. If they find such a run without a
  worker, they end it as lost. They never start it over, so no call that needed an approval is made without one.
- A queued run that no worker claims in time looks to them like one of a lost worker. They execute it, if it was never
  paused; for the attempt that they count up, it is theirs alone.
- A lost run of an agent with `retry_on_crash` starts over at such a worker, as it always did there. Its checkpoints are
  unused then, and go with the run's end at a newer worker or with the run.
- Rows that they write have no crashes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("runs", sa.Column("crashes", sa.Integer, nullable=False, server_default=sa.text("0")))
    unclaimed = sa.text("CASE WHEN (status = 'queued' AND lease_owner IS NULL) THEN 1 ELSE 0 END = 1")
    op.create_index(
        "ix_runs_unclaimed", "runs", ["created_at", "id"], sqlite_where=unclaimed, postgresql_where=unclaimed
    )
    op.create_table(
        "run_checkpoints",
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "number", name="pk_run_checkpoints"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_checkpoints_run", ondelete="CASCADE"),
    )
    _pending_actions()
    _records()


def _pending_actions() -> None:
    op.create_table(
        "pending_actions",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("agent_id", KEY, nullable=False),
        sa.Column("owner", KEY, nullable=False),
        sa.Column("session_id", KEY),
        sa.Column("user_id", KEY),
        sa.Column("kind", KEY, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_pending_actions_run", ondelete="CASCADE"),
    )
    op.create_index("ux_pending_actions_place", "pending_actions", ["run_id", "place"], unique=True)
    waits = sa.text("answer IS NULL")
    by = {"agent": "agent_id", "owner": "owner", "kind": "kind", "run": "run_id", "session": "session_id"}
    for name, columns in {"created": [], **{name: [column] for name, column in by.items()}}.items():
        op.create_index(
            f"ix_pending_actions_{name}",
            "pending_actions",
            [*columns, "created_at", "id"],
            sqlite_where=waits,
            postgresql_where=waits,
        )


def _records() -> None:
    op.create_table(
        "records",
        sa.Column("collection", KEY, nullable=False),
        sa.Column("owner", KEY, nullable=False),
        sa.Column("id", KEY, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.Column("worker_id", KEY),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("collection", "owner", "id", name="pk_records"),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index("ix_records_created", "records", ["collection", "created_at", "id", "owner"])
    op.create_index("ix_records_owner", "records", ["owner", "collection", "created_at", "id"])
    due = sa.text("due_at IS NOT NULL")
    op.create_index("ix_records_due", "records", ["collection", "due_at"], sqlite_where=due, postgresql_where=due)
