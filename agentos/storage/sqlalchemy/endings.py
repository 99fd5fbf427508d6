"""The one end of each run: all that it leaves behind, or nothing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BigInteger, Integer, and_, bindparam, func, insert, null, select, update

from agentos.domain.event import Frame
from agentos.domain.message import Message
from agentos.domain.run import Run
from agentos.domain.session_state import StateChange
from agentos.storage.admission import Ended
from agentos.storage.attachments import digests_of, read_in_messages
from agentos.storage.json_text import dumps
from agentos.storage.records import Record
from agentos.storage.runs import RunStore
from agentos.storage.sqlalchemy.attachments import keep_attachments
from agentos.storage.sqlalchemy.columns import object_of
from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.events import append, rows_of
from agentos.storage.sqlalchemy.message_rows import message_values
from agentos.storage.sqlalchemy.pause_rows import HAS_ACTIONS, HAS_CHECKPOINTS, delete_unneeded
from agentos.storage.sqlalchemy.record_rows import put_records
from agentos.storage.sqlalchemy.run_rows import OUTCOME, ending_values
from agentos.storage.sqlalchemy.tables import IS_UNCLAIMED, messages, run_events, runs, sessions

_COUNT = (
    update(sessions)
    .where(sessions.c.id == bindparam("in_session"))
    .values(
        run_count=sessions.c.run_count + 1,
        total_tokens=sessions.c.total_tokens + bindparam("tokens", type_=BigInteger),
        turn_count=sessions.c.turn_count + bindparam("turns", type_=Integer),
        message_count=sessions.c.message_count + bindparam("new_messages", type_=Integer),
    )
    .returning(sessions.c.turn_count, sessions.c.message_count, sessions.c.next_position)
)
# Asked only when runs were placed in the session after the one that ends.
_NEXT = (
    select(runs.c.id, and_(IS_UNCLAIMED, ~runs.c.cancel_requested).label("is_to_be_claimed"))
    .where(runs.c.session_id == bindparam("in_session"), runs.c.ended_at.is_(None))
    .order_by(runs.c.position)
    .limit(1)
)

# After the session's row was locked above.
_STATE = select(sessions.c.version, sessions.c.state).where(sessions.c.id == bindparam("in_session"))
_PUT_STATE = (
    update(sessions)
    .where(sessions.c.id == bindparam("in_session"))
    .values(state=bindparam("new_state"), version=sessions.c.version + 1)
)

_SET = ("status", "turn", "ended_at", "steps", *OUTCOME)
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
    # Of a plain run there is nothing to delete, which this says without a statement more.
    .returning(runs.c.forget_requested, HAS_CHECKPOINTS, HAS_ACTIONS)
)
_ADD_MESSAGES = insert(messages)

_logged = run_events.alias("logged")
_END_LOG = (
    update(run_events)
    .where(
        run_events.c.run_id == bindparam("log_of"),
        run_events.c.first
        == select(func.max(_logged.c.first)).where(_logged.c.run_id == bindparam("log_of")).scalar_subquery(),
    )
    .values(ended_at=bindparam("log_ended_at", type_=BigInteger))
)


class _Refused(Exception):
    """The run has ended, is another worker's, or is gone; the transaction is rolled back."""


class _Forgotten(Exception):
    """The run was asked to leave nothing behind; the transaction, which counted its turn, is rolled back."""


class SqlEndings(SqlStore, RunStore):
    """Ends runs."""

    def finish(
        self,
        run: Run,
        *,
        messages: Sequence[Message] = (),
        frames: Sequence[Frame] = (),
        state: StateChange | None = None,
        records: Sequence[Record] = (),
    ) -> Ended | None:
        end = {f"new_{name}": value for name, value in ending_values(run).items()}
        end.update(run_id=run.id, my_attempt=run.attempt)
        events = rows_of(run.id, frames, ended_at=end["new_ended_at"])
        messages, new = read_in_messages(messages)
        attached = [media for message in messages for media in message.media]
        # Those of the run itself are there since its admission.
        more = attached if digests_of(attached) - digests_of(run.media) else []

        def work(connection: Connection) -> Ended:
            turn = None
            has_later = False
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
                turn, last = (counted.turn_count, counted.message_count) if messages else (None, 0)
                has_later = counted.next_position - 1 > (run.position or 0)
            ended = connection.execute(_END, {**end, "new_turn": turn}).first()
            if ended is None:
                raise _Refused
            if ended.forget_requested and (messages or state):
                raise _Forgotten
            if ended.has_checkpoints or ended.has_actions:
                delete_unneeded(connection, run.id)
            if state is not None and run.session_id is not None:
                _save_state(connection, run.session_id, state)
            if turn is not None:
                keep_attachments(connection, run, more, new, owner=run.owner)
                connection.execute(_ADD_MESSAGES, message_values(run, messages, turn=turn, last=last))
            if events:
                append(connection, events)
            else:
                connection.execute(_END_LOG, {"log_of": run.id, "log_ended_at": end["new_ended_at"]})
            if records:
                put_records(connection, records)
            return Ended(_next_unclaimed(connection, run.session_id) if has_later else None)

        try:
            return self._database.write(work)
        except _Refused:
            return None
        except _Forgotten:
            # Only the locked row knows: the request may be committed while this end is being written. It is never taken
            # back, so the second time nothing can differ.
            return self.finish(run, frames=frames, records=records)


def _next_unclaimed(connection: Connection, session_id: str | None) -> str | None:
    """Return the first unfinished run of a session that is locked, if it is there for any worker to claim."""
    following = connection.execute(_NEXT, {"in_session": session_id}).first()
    return following.id if following is not None and following.is_to_be_claimed else None


def _save_state(connection: Connection, session_id: str, change: StateChange) -> None:
    """Save what a run did to its session's state, while the session's row is locked."""
    present = connection.execute(_STATE, {"in_session": session_id}).first()
    assert present is not None
    outcome = change.outcome(present.version, object_of(present.state))
    connection.execute(_PUT_STATE, {"in_session": session_id, "new_state": dumps(outcome)})
