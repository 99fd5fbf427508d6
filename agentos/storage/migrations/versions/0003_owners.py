"""Sessions and runs that have an owner, and API keys that say who that is; runs without a session in fewer indexes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    # A constant default is a change of the catalogue alone on both databases: no row is written.
    for table in ("sessions", "runs"):
        op.add_column(table, sa.Column("owner", KEY, nullable=False, server_default="anonymous"))
    op.create_index("ix_sessions_owner", "sessions", ["owner", "updated_at", "id"])
    op.create_index("ix_sessions_owner_agent", "sessions", ["owner", "agent_id", "updated_at", "id"])
    for name in ("user", "team", "workflow"):
        given = sa.text(f"{name}_id IS NOT NULL")
        columns = ["owner", f"{name}_id", "updated_at", "id"]
        op.create_index(f"ix_sessions_owner_{name}", "sessions", columns, sqlite_where=given, postgresql_where=given)
    op.create_index("ix_runs_owner", "runs", ["owner", "created_at", "id"])
    op.create_index("ix_runs_owner_agent", "runs", ["owner", "agent_id", "created_at", "id"])
    op.create_index("ix_runs_owner_status", "runs", ["owner", "status", "created_at", "id"])

    # A run without a session is in none of the indexes that begin with it, so that its commits write fewer pages.
    _make_again("ux_runs_position", ["session_id", "position"], "session_id IS NOT NULL", unique=True)
    _make_again("ix_runs_session", ["session_id", "created_at", "id"], "session_id IS NOT NULL")
    _make_again("ix_runs_open", ["session_id", "position"], "session_id IS NOT NULL AND ended_at IS NULL")

    op.create_table(
        "api_keys",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("owner", KEY, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
    )
    op.create_index("ix_api_keys_created", "api_keys", ["created_at", "id"])


def _make_again(name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.drop_index(name, "runs")
    op.create_index(name, "runs", columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
