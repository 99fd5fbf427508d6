"""Runs that a run made are found by it. Workers of an earlier version go on without the index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    children = sa.text("parent_run_id IS NOT NULL")
    op.create_index(
        "ix_runs_parent",
        "runs",
        ["parent_run_id", "created_at", "id"],
        sqlite_where=children,
        postgresql_where=children,
    )
