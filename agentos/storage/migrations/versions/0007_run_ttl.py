"""An index of the runs without a session that have ended: they are deleted after their time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    alone = sa.text("session_id IS NULL AND ended_at IS NOT NULL")
    op.create_index("ix_runs_alone", "runs", ["ended_at"], sqlite_where=alone, postgresql_where=alone)
