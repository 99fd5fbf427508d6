"""Attachments that are kept once per owner and content, apart from runs and messages.

What the versions before this one wrote stays where it is. They read new rows too: `run_media.media` has each new
attachment without its bytes, and `messages.media` only those that have an address alone.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

# The last run that has an attachment takes it along, however it is deleted: by any version of the server, or by hand.
SQLITE = """
CREATE TRIGGER run_attachments_deleted AFTER DELETE ON run_attachments
WHEN NOT EXISTS (SELECT 1 FROM run_attachments WHERE owner = OLD.owner AND digest = OLD.digest)
BEGIN
    DELETE FROM attachments WHERE owner = OLD.owner AND digest = OLD.digest;
END
"""
# The lock first: the second statement then sees what a transaction that had it has committed, such as another run with
# this attachment, or the deletion of one.
POSTGRESQL = (
    """
CREATE FUNCTION delete_unused_attachment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM attachments WHERE owner = OLD.owner AND digest = OLD.digest FOR UPDATE;
    DELETE FROM attachments WHERE owner = OLD.owner AND digest = OLD.digest
        AND NOT EXISTS (SELECT 1 FROM run_attachments WHERE owner = OLD.owner AND digest = OLD.digest);
    RETURN NULL;
END
$$
""",
    """
CREATE TRIGGER run_attachments_deleted AFTER DELETE ON run_attachments
FOR EACH ROW EXECUTE FUNCTION delete_unused_attachment()
""",
)


def upgrade() -> None:
    op.create_table(
        "attachments",
        sa.Column("digest", KEY, nullable=False),
        sa.Column("owner", KEY, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("digest", "owner", name="pk_attachments"),
    )
    op.create_table(
        "attachment_pieces",
        sa.Column("digest", KEY, nullable=False),
        sa.Column("owner", KEY, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("digest", "owner", "number", name="pk_attachment_pieces"),
        sa.ForeignKeyConstraint(
            ["digest", "owner"],
            ["attachments.digest", "attachments.owner"],
            name="fk_attachment_pieces_attachment",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "run_attachments",
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("owner", KEY, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "digest", name="pk_run_attachments"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_attachments_run", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["digest", "owner"], ["attachments.digest", "attachments.owner"], name="fk_run_attachments_attachment"
        ),
    )
    op.create_index("ix_run_attachments_attachment", "run_attachments", ["digest", "owner"])
    op.add_column("run_media", sa.Column("attachments", sa.Text))
    op.add_column("messages", sa.Column("attachments", sa.Text))
    if op.get_bind().dialect.name == "sqlite":
        op.execute(SQLITE)
    else:
        for statement in POSTGRESQL:
            op.execute(statement)
