"""Runs that know how their model's answer ended, and messages with fields that their provider wants to see again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("runs", sa.Column("model", sa.Text))
    op.add_column("runs", sa.Column("finish_reason", KEY))
    op.add_column("runs", sa.Column("cached_tokens", sa.BigInteger))
    op.add_column("messages", sa.Column("provider_details", sa.Text))
