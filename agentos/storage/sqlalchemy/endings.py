"""The one end of each run: all that it leaves behind, or nothing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BigInteger, Connection, Integer, bindparam, insert, null, update

from agentos.domain.event import Frame
from agentos.domain.message import Message
from agentos.domain.run import Run
from agentos.storage.sqlalchemy.events import append, rows_of
from agentos.storage.sqlalchemy.mapping import ending_values, message_values
from agentos.storage.sqlalchemy.store import Store
from agentos.storage.sqlalchemy.tables import messages, runs, sessions

_COUNT = (
    update(sessions)
    .where(sessions.c.id == bindparam("in_session"))
    .values(
        run_count=sessions.c.run_count + 1,
        total_tokens=sessions.c.total_tokens + bindparam("tokens", type_=BigInteger),
        turn_count=sessions.c.turn_count + bindparam("turns", type_=Integer),
        message_count=sessions.c.message_count + bindparam("new_messages", type_=Integer),
    )
    .returning(sessions.c.turn_count, sessions.c.message_count)
)

_SET = (
    "status",
    "turn",
    "content",
    "reasoning",
    "error",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "loops",
    "metadata",
    "ended_at",
)
_END = (
    update(runs)
    .where(runs.c.id == bindparam("run_id"), runs.c.attempt == bindparam("my_attempt"), runs.c.ended_at.is_(None))
    .values(
        {
            **{name: bindparam(f"new_{name}", type_=runs.c[name].type) for name in _SET},
            "lease_owner": null(),
            "lease_until": null(),
        }
    )
)
_ADD_MESSAGES = insert(messages)


class _Refused(Exception):
    """The run has ended, is another worker's, or is gone; the transaction is rolled back."""


class EndingStore(Store):
    """Ends runs."""

    def finish_run(self, run: Run, *, messages: Sequence[Message] = (), frames: Sequence[Frame] = ()) -> bool:
        end = {f"new_{name}": value for name, value in ending_values(run).items()}
        end.update(run_id=run.id, my_attempt=run.attempt)
        events = rows_of(run.id, frames)

        def work(connection: Connection) -> None:
            turn = None
            # The session before the run, as everywhere: two transactions that lock in one order never block each other.
            if run.session_id is not None:
                count = {
                    "in_session": run.session_id,
                    "tokens": run.usage.total_tokens,
                    "turns": int(bool(messages)),
                    "new_messages": len(messages),
                }
                counted = connection.execute(_COUNT, count).first()
                if counted is None:
                    raise _Refused
                turn, last = counted if messages else (None, 0)
            if not connection.execute(_END, {**end, "new_turn": turn}).rowcount:
                raise _Refused
            if turn is not None:
                connection.execute(_ADD_MESSAGES, message_values(run, messages, turn=turn, last=last))
            if events:
                append(connection, self._database.dialect, events)

        try:
            self._database.write(work)
        except _Refused:
            return False
        return True
