"""The event logs of runs: many frames a row, many runs a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import datetime
from itertools import chain, islice
from typing import Any

from sqlalchemy import BigInteger, Integer, bindparam, delete, select

from agentos.domain.event import Frame
from agentos.storage.events import EventStore, FrameBatch, check_consecutive
from agentos.storage.sqlalchemy.columns import Values, microseconds
from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.database import SqlStore
from agentos.storage.sqlalchemy.dialects import for_each_dialect
from agentos.storage.sqlalchemy.pause_rows import add_checkpoints, checkpoint_values
from agentos.storage.sqlalchemy.tables import run_events, runs

ROW_FRAMES = 256
"""Most frames in one row. To read from frame N on, no row is needed that begins earlier than N - 256."""


def _append(dialect: Any) -> Any:
    """Build the statement that appends. What is written a second time, for its first answer was lost, counts once."""
    statement = dialect.insert(run_events)
    given = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[run_events.c.run_id, run_events.c.first],
        set_={"last": given.last, "events": given.events, "ended_at": given.ended_at},
        where=given.last >= run_events.c.last,
    )


_APPEND = for_each_dialect(_append)

# Locked against their end, after which nothing may be appended, and in one order against deadlocks with heartbeats.
_UNDER_WAY = (
    select(runs.c.id, runs.c.attempt)
    .where(runs.c.id.in_(bindparam("run_ids", expanding=True)), runs.c.ended_at.is_(None))
    .order_by(runs.c.id)
    .with_for_update(read=True)
)

_LAST_ROW = (
    select(run_events.c.events)
    .where(run_events.c.run_id == bindparam("run_id"))
    .order_by(run_events.c.first.desc())
    .limit(1)
)

_READ = (
    select(run_events.c.events)
    .where(
        run_events.c.run_id == bindparam("run_id"),
        run_events.c.first > bindparam("earliest", type_=Integer),
        run_events.c.first <= bindparam("latest", type_=Integer),
        run_events.c.last > bindparam("after", type_=Integer),
    )
    .order_by(run_events.c.first)
)

# The run is locked too, against the deletion of its session, which comes to its log from there. What another worker is
# deleting is skipped.
_OLD_LOGS = (
    select(run_events.c.run_id)
    .join_from(run_events, runs, runs.c.id == run_events.c.run_id)
    .where(run_events.c.ended_at < bindparam("ended_before", type_=BigInteger))
    .order_by(run_events.c.ended_at)
    .limit(bindparam("delete_limit", type_=Integer))
    .with_for_update(key_share=True, skip_locked=True)
)
_DELETE_LOGS = delete(run_events).where(run_events.c.run_id.in_(bindparam("run_ids", expanding=True)))


def rows_of(run_id: str, frames: Sequence[Frame], *, ended_at: int | None = None) -> list[Values]:
    """Return the rows of consecutive frames; ``ended_at`` is for those that the end of the run writes."""
    check_consecutive(run_id, frames)
    parts = (frames[start : start + ROW_FRAMES] for start in range(0, len(frames), ROW_FRAMES))
    rows: list[Values] = [
        {
            "run_id": run_id,
            "first": part[0].number,
            "last": part[-1].number,
            "events": _frames_text(part),
            "ended_at": None,
        }
        for part in parts
    ]
    if rows:
        rows[-1]["ended_at"] = ended_at
    return rows


def append(connection: Connection, rows: Sequence[Values]) -> None:
    """Write rows to the logs, in the caller's transaction."""
    connection.execute(_APPEND[connection.dialect], rows)


def last_frame(connection: Connection, run_id: str) -> tuple[int, str | None]:
    """Return the number and the type of the last event in a run's log; 0 and ``None`` for an empty log."""
    events = connection.execute(_LAST_ROW, {"run_id": run_id}).scalar()
    if events is None:
        return 0, None
    number, kind, _ = events.rpartition("\n")[2].split(" ", 2)
    return int(number), kind


class SqlEventStore(SqlStore, EventStore):
    """Frames by run and number."""

    def append(self, batches: Sequence[FrameBatch]) -> Set[str]:
        logs = [
            (batch, rows_of(batch.run_id, batch.frames), checkpoint_values(batch.run_id, batch.checkpoints))
            for batch in batches
            if batch.frames or batch.checkpoints
        ]
        run_ids = sorted({batch.run_id for batch, _, _ in logs})

        def work(connection: Connection) -> Set[str]:
            found = connection.execute(_UNDER_WAY, {"run_ids": run_ids}).all()
            attempts = {row.id: row.attempt for row in found}
            kept = [one for one in logs if one[0].is_accepted_at(attempts.get(one[0].run_id))]
            if rows := list(chain.from_iterable(rows for _, rows, _ in kept)):
                append(connection, rows)
            add_checkpoints(connection, list(chain.from_iterable(checkpoints for _, _, checkpoints in kept)))
            return set(run_ids) - {batch.run_id for batch, _, _ in kept}

        return self._database.write(work) if logs else set()

    def read(self, run_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Frame]:
        values = {"run_id": run_id, "after": after, "earliest": after - ROW_FRAMES, "latest": after + limit}
        rows = self._database.query(_READ, values).all()
        frames = chain.from_iterable(_frames_of(row.events) for row in rows)
        return list(islice(_following(frames, after), limit))

    def delete_old(self, *, ended_before: datetime, limit: int) -> int:
        values = {"ended_before": microseconds(ended_before), "delete_limit": limit}

        def work(connection: Connection) -> int:
            run_ids = [row.run_id for row in connection.execute(_OLD_LOGS, values).all()]
            if run_ids:
                connection.execute(_DELETE_LOGS, {"run_ids": run_ids})
            return len(run_ids)

        return self._database.write(work)


def _following(frames: Iterable[Frame], after: int) -> Iterator[Frame]:
    """Yield each frame behind ``after`` once, though rows may overlap."""
    for frame in frames:
        if frame.number > after:
            after = frame.number
            yield frame


def _frames_text(frames: Iterable[Frame]) -> str:
    """Return frames as one text: a line each of number, type and data, which is one line of UTF-8 itself."""
    return "\n".join(f"{frame.number} {frame.type} {frame.data.decode()}" for frame in frames)


def _frames_of(text: str) -> Iterator[Frame]:
    """Yield the frames of :func:`_frames_text`, byte for byte."""
    for line in text.split("\n"):  # not splitlines(): the data may hold U+2028 and its like
        number, kind, data = line.split(" ", 2)
        yield Frame(int(number), kind, data.encode())
