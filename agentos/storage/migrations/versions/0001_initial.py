"""The first schema."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Written out rather than taken from the tables of today, which will have moved on when this runs.
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
CHANGING: Any = {"postgresql_with": {"fillfactor": 80}}


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    _create_sessions()
    _create_runs()
    _create_parts()
    op.create_table(
        "idempotency_keys",
        sa.Column("owner", KEY, nullable=False),
        sa.Column("route", KEY, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.Column("fingerprint", KEY, nullable=False),
        sa.Column("run_id", KEY),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("owner", "route", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created", "idempotency_keys", ["created_at"])


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("agent_id", KEY, nullable=False),
        sa.Column("user_id", KEY),
        sa.Column("team_id", KEY),
        sa.Column("workflow_id", KEY),
        sa.Column("name", sa.Text),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("summary", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("run_count", sa.Integer, nullable=False),
        sa.Column("total_tokens", sa.BigInteger, nullable=False),
        sa.Column("next_position", sa.Integer, nullable=False),
        sa.Column("turn_count", sa.Integer, nullable=False),
        sa.Column("message_count", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        **CHANGING,
    )
    op.create_index("ix_sessions_activity", "sessions", ["updated_at", "id"])
    op.create_index("ix_sessions_agent", "sessions", ["agent_id", "updated_at", "id"])
    for name in ("user", "team", "workflow"):
        given = sa.text(f"{name}_id IS NOT NULL")
        columns = [f"{name}_id", "updated_at", "id"]
        op.create_index(f"ix_sessions_{name}", "sessions", columns, sqlite_where=given, postgresql_where=given)


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("agent_id", KEY, nullable=False),
        sa.Column("session_id", KEY, sa.ForeignKey("sessions.id", name="fk_runs_session", ondelete="CASCADE")),
        sa.Column("user_id", KEY),
        sa.Column("position", sa.Integer),
        sa.Column("turn", sa.Integer),
        sa.Column("status", KEY, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("lease_owner", KEY),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("input", sa.Text, nullable=False),
        sa.Column("content", sa.Text),
        sa.Column("reasoning", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
        sa.Column("completion_tokens", sa.BigInteger, nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger, nullable=False),
        sa.Column("loops", sa.Integer, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        **CHANGING,
    )
    op.create_index("ux_runs_position", "runs", ["session_id", "position"], unique=True)
    op.create_index("ix_runs_session", "runs", ["session_id", "created_at", "id"])
    op.create_index("ix_runs_agent", "runs", ["agent_id", "created_at", "id"])
    op.create_index("ix_runs_status", "runs", ["status", "created_at", "id"])
    op.create_index("ix_runs_created", "runs", ["created_at", "id"])
    under_way = sa.text("ended_at IS NULL")
    for name, columns in (("ix_runs_open", ["session_id", "position"]), ("ix_runs_lease", ["lease_owner"])):
        op.create_index(name, "runs", columns, sqlite_where=under_way, postgresql_where=under_way)


def _create_parts() -> None:
    op.create_table(
        "run_media",
        sa.Column("run_id", KEY, sa.ForeignKey("runs.id", name="fk_run_media_run", ondelete="CASCADE")),
        sa.Column("media", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_table(
        "messages",
        sa.Column("session_id", KEY, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("role", KEY, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("tool_calls", sa.Text),
        sa.Column("tool_call_id", sa.Text),
        sa.Column("shares_media", sa.Boolean, nullable=False),
        sa.Column("media", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("session_id", "sequence", name="pk_messages"),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name="fk_messages_session", ondelete="CASCADE"),
    )
    op.create_index("ix_messages_turn", "messages", ["session_id", "turn", "sequence"])
    op.create_table(
        "run_events",
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("first", sa.Integer, nullable=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.Column("events", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "first", name="pk_run_events"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_events_run", ondelete="CASCADE"),
    )
