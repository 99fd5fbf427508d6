"""Messages that are added to a session without a run, and their attachments.

Workers of an earlier version give models these messages in their place. They leave them out of histories, which show
there only what runs said.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_UNUSED = """NOT EXISTS (SELECT 1 FROM run_attachments WHERE owner = OLD.owner AND digest = OLD.digest)
    AND NOT EXISTS (SELECT 1 FROM message_attachments WHERE owner = OLD.owner AND digest = OLD.digest)"""

# The last run or message that has an attachment takes it along, however it is deleted.
SQLITE = """
CREATE TRIGGER {table}_deleted AFTER DELETE ON {table}
WHEN {unused}
BEGIN
    DELETE FROM attachments WHERE owner = OLD.owner AND digest = OLD.digest;
END
"""
# The lock first: the second statement then sees what a transaction that had it has committed, such as another run with
# this attachment, or the deletion of one.
POSTGRESQL = (
    f"""
CREATE OR REPLACE FUNCTION delete_unused_attachment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM attachments WHERE owner = OLD.owner AND digest = OLD.digest FOR UPDATE;
    DELETE FROM attachments WHERE owner = OLD.owner AND digest = OLD.digest
        AND {_UNUSED};
    RETURN NULL;
END
$$
""",  # noqa: S608 - constants
    """
CREATE TRIGGER message_attachments_deleted AFTER DELETE ON message_attachments
FOR EACH ROW EXECUTE FUNCTION delete_unused_attachment()
""",
)


def upgrade() -> None:
    op.add_column("messages", sa.Column("position", sa.Integer))
    op.create_table(
        "message_attachments",
        sa.Column("session_id", KEY, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("digest", KEY, nullable=False),
        sa.Column("owner", KEY, nullable=False),
        sa.PrimaryKeyConstraint("session_id", "sequence", "digest", name="pk_message_attachments"),
        sa.ForeignKeyConstraint(
            ["session_id", "sequence"],
            ["messages.session_id", "messages.sequence"],
            name="fk_message_attachments_message",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["digest", "owner"],
            ["attachments.digest", "attachments.owner"],
            name="fk_message_attachments_attachment",
        ),
    )
    op.create_index("ix_message_attachments_attachment", "message_attachments", ["digest", "owner"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER run_attachments_deleted")
        for table in ("run_attachments", "message_attachments"):
            op.execute(SQLITE.format(table=table, unused=_UNUSED))
    else:
        for statement in POSTGRESQL:
            op.execute(statement)
