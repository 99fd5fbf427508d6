"""Runs that can be asked to stop and be forgotten, event logs that expire, keys that outlive what they made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("runs", sa.Column("forget_requested", sa.Boolean, nullable=False, server_default=sa.false()))
    for name, to_stop in (("sqlite", "cancel_requested = 1"), ("postgresql", "cancel_requested")):
        if op.get_bind().dialect.name == name:
            where = sa.text(f"ended_at IS NULL AND {to_stop}")
            op.create_index("ix_runs_to_stop", "runs", ["lease_owner"], sqlite_where=where, postgresql_where=where)

    op.add_column("run_events", sa.Column("ended_at", sa.BigInteger))
    op.execute(
        "UPDATE run_events SET ended_at = (SELECT runs.ended_at FROM runs WHERE runs.id = run_events.run_id)"
        " WHERE first = (SELECT max(log.first) FROM run_events AS log WHERE log.run_id = run_events.run_id)"
    )
    ended = sa.text("ended_at IS NOT NULL")
    op.create_index("ix_run_events_ended", "run_events", ["ended_at"], sqlite_where=ended, postgresql_where=ended)

    # Made anew, not changed: no version before this one has written to it.
    op.drop_table("idempotency_keys")
    op.create_table(
        "idempotency_keys",
        sa.Column("owner", KEY, nullable=False),
        sa.Column("route", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("fingerprint", KEY, nullable=False),
        sa.Column("made_id", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("owner", "route", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created", "idempotency_keys", ["created_at"])
