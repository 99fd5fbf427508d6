"""Counts what waits in the whole deployment."""

from __future__ import annotations

from sqlalchemy import func, literal_column, select

from agentos.domain.activity import Backlog
from agentos.domain.pending import PendingKind
from agentos.domain.run import RunStatus
from agentos.storage.runs import RunStore
from agentos.storage.sqlalchemy.columns import time_or_none
from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.pause_tables import pending_actions
from agentos.storage.sqlalchemy.tables import runs

_QUEUED, _PAUSED = RunStatus.QUEUED.value, RunStatus.PAUSED.value

# Answered by `ix_runs_status` alone: it has both columns, and of all runs it is asked for these few.
_WAITING = (
    select(runs.c.status, func.count().label("runs"), func.min(runs.c.created_at).label("oldest"))
    .where(runs.c.status.in_([literal_column(f"'{_QUEUED}'"), literal_column(f"'{_PAUSED}'")]))
    .group_by(runs.c.status)
)
# The first entry of `ix_pending_actions_kind`, which has those without an answer.
_OLDEST_APPROVAL = select(func.min(pending_actions.c.created_at)).where(
    pending_actions.c.kind == literal_column(f"'{PendingKind.APPROVAL.value}'"), pending_actions.c.answer.is_(None)
)


class SqlBacklog(SqlStore, RunStore):
    """Reads the backlog."""

    def backlog(self) -> Backlog | None:
        def work(connection: Connection) -> Backlog:
            found = {row.status: row for row in connection.execute(_WAITING).all()}
            queued, paused = found.get(_QUEUED), found.get(_PAUSED)
            # Without paused runs there is nothing to ask for.
            oldest = None if paused is None else connection.execute(_OLDEST_APPROVAL).scalar()
            return Backlog(
                queued=0 if queued is None else queued.runs,
                oldest_queued_at=None if queued is None else time_or_none(queued.oldest),
                paused=0 if paused is None else paused.runs,
                oldest_approval_at=time_or_none(oldest),
            )

        return self._database.read(work)
