"""The tables of attachments: their bytes, and which runs and messages have them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, LargeBinary
from sqlalchemy.schema import Column, ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table

from agentos.storage.sqlalchemy.column_types import Key, Time, metadata

# The bytes of attachments, once per owner and content; `digest` is their SHA-256. A trigger, which the migration makes,
# deletes them with the last row of `run_attachments` or `message_attachments` that refers to them: no way of deleting a
# run or a message leaves them behind.
attachments = Table(
    "attachments",
    metadata,
    Column("digest", Key, nullable=False),
    Column("owner", Key, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", Time, nullable=False),
    PrimaryKeyConstraint("digest", "owner", name="pk_attachments"),
)
_CONTENT = (["digest", "owner"], ["attachments.digest", "attachments.owner"])

# In pieces, so that reading a large one is many short reads.
attachment_pieces = Table(
    "attachment_pieces",
    metadata,
    Column("digest", Key, nullable=False),
    Column("owner", Key, nullable=False),
    Column("number", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("digest", "owner", "number", name="pk_attachment_pieces"),
    ForeignKeyConstraint(*_CONTENT, name="fk_attachment_pieces_attachment", ondelete="CASCADE"),
)

run_attachments = Table(
    "run_attachments",
    metadata,
    Column("run_id", Key, nullable=False),
    Column("digest", Key, nullable=False),
    Column("owner", Key, nullable=False),
    PrimaryKeyConstraint("run_id", "digest", name="pk_run_attachments"),
    ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_attachments_run", ondelete="CASCADE"),
    ForeignKeyConstraint(*_CONTENT, name="fk_run_attachments_attachment"),
    Index("ix_run_attachments_attachment", "digest", "owner"),
)

# Of messages that were added to a session. Those of a run's messages are in `run_attachments`.
message_attachments = Table(
    "message_attachments",
    metadata,
    Column("session_id", Key, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("digest", Key, nullable=False),
    Column("owner", Key, nullable=False),
    PrimaryKeyConstraint("session_id", "sequence", "digest", name="pk_message_attachments"),
    ForeignKeyConstraint(
        ["session_id", "sequence"],
        ["messages.session_id", "messages.sequence"],
        name="fk_message_attachments_message",
        ondelete="CASCADE",
    ),
    ForeignKeyConstraint(*_CONTENT, name="fk_message_attachments_attachment"),
    Index("ix_message_attachments_attachment", "digest", "owner"),
)
