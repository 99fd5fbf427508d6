"""The tables of stored agents and their versions."""

from __future__ import annotations

from sqlalchemy import Integer, Text, text
from sqlalchemy.schema import Column, PrimaryKeyConstraint, Table

from agentos.storage.sqlalchemy.column_types import Json, Key, Time, metadata

# `version` counts only if `versioned_at` is `updated_at`, and `listed` only if `listed_at` is: workers of an earlier
# version write neither.
agents = Table(
    "agents",
    metadata,
    Column("id", Key, primary_key=True),
    Column("document", Json, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
    Column("listed", Json),
    Column("listed_at", Time),
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("versioned_at", Time),
)

# Of an agent that was deleted, the row of its last version stays, without a document: a number is never given twice.
# It refers to no agent, so that this row can stay.
agent_versions = Table(
    "agent_versions",
    metadata,
    Column("agent_id", Key, nullable=False),
    Column("version", Integer, nullable=False),
    Column("document", Json),
    Column("author", Text),
    Column("comment", Text),
    Column("created_at", Time, nullable=False),
    PrimaryKeyConstraint("agent_id", "version", name="pk_agent_versions"),
)
