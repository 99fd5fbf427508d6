"""The tables of runs that pause, and of those that another worker continues."""

from __future__ import annotations

from sqlalchemy import Integer
from sqlalchemy.schema import Column, ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table

from agentos.storage.sqlalchemy.column_types import Json, Key, Time, metadata, only

# What an unfinished run needs so that another worker can continue it: increments that are only added.
run_checkpoints = Table(
    "run_checkpoints",
    metadata,
    Column("run_id", Key, nullable=False),
    Column("number", Integer, nullable=False),
    Column("document", Json, nullable=False),
    PrimaryKeyConstraint("run_id", "number", name="pk_run_checkpoints"),
    ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_checkpoints_run", ondelete="CASCADE"),
)

# What paused runs wait for, and what they waited for. `place` counts a run's actions from 1. `attempt` is that of the
# pause: all of one pause have the same, and no two pauses of a run have. What lists filter by is copied from the run.
pending_actions = Table(
    "pending_actions",
    metadata,
    Column("id", Key, primary_key=True),
    Column("run_id", Key, nullable=False),
    Column("place", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("agent_id", Key, nullable=False),
    Column("owner", Key, nullable=False),
    Column("session_id", Key),
    Column("user_id", Key),
    Column("kind", Key, nullable=False),
    Column("document", Json, nullable=False),
    Column("answer", Json),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time),
    ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_pending_actions_run", ondelete="CASCADE"),
    Index("ux_pending_actions_place", "run_id", "place", unique=True),
)

# Those that wait are few, however many were answered.
_waits = only(pending_actions.c.answer.is_(None))
Index("ix_pending_actions_created", pending_actions.c.created_at, pending_actions.c.id, **_waits)
for _name, _column in (
    *(("agent", pending_actions.c.agent_id), ("owner", pending_actions.c.owner), ("kind", pending_actions.c.kind)),
    *(("run", pending_actions.c.run_id), ("session", pending_actions.c.session_id)),
):
    Index(f"ix_pending_actions_{_name}", _column, pending_actions.c.created_at, pending_actions.c.id, **_waits)
