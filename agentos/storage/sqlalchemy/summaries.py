"""The summaries of sessions."""

from __future__ import annotations

from sqlalchemy import bindparam, select, update

from agentos.domain.session import Summary
from agentos.errors import SessionNotFound
from agentos.storage.sqlalchemy.mapping import summary_of, summary_text
from agentos.storage.sqlalchemy.owned import Owned
from agentos.storage.sqlalchemy.store import Store
from agentos.storage.sqlalchemy.tables import sessions

_GIVEN = sessions.c.id == bindparam("session_id")
_PUT = Owned(update(sessions).where(_GIVEN).values(summary=bindparam("new_summary")), sessions.c.owner)
_GET = Owned(select(sessions.c.summary).where(_GIVEN), sessions.c.owner)


class SummaryStore(Store):
    """The one summary that each session has or has not."""

    def put_summary(self, session_id: str, summary: Summary, *, owner: str | None) -> None:
        put = _PUT.of(owner, session_id=session_id, new_summary=summary_text(summary))
        if not self._database.write(lambda connection: connection.execute(*put).rowcount):
            raise SessionNotFound(session_id)

    def get_summary(self, session_id: str, *, owner: str | None) -> Summary | None:
        get = _GET.of(owner, session_id=session_id)
        row = self._database.read(lambda connection: connection.execute(*get).first())
        if row is None:
            raise SessionNotFound(session_id)
        return None if row.summary is None else summary_of(row.summary)
