"""What Alembic runs before a migration: it hands over the connection, whose owner locks, begins and commits."""

from __future__ import annotations

from alembic import context

from agentos.storage.sqlalchemy.tables import metadata

# Alembic must not begin or commit: on both databases the whole upgrade is one transaction, so that a process that dies
# in the middle leaves nothing behind.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
