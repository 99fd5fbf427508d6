"""Where a session was forked from. Workers of an earlier version show forks as any other session."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("sessions", sa.Column("forked_from", sa.Text))
