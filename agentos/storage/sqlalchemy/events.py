"""The event logs of runs: many frames a row, many runs a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import chain, islice
from typing import Any

from sqlalchemy import Integer, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from agentos.domain.event import Frame
from agentos.storage.sqlalchemy.connection import Connection
from agentos.storage.sqlalchemy.mapping import Values, frames_of, frames_text
from agentos.storage.sqlalchemy.store import Store
from agentos.storage.sqlalchemy.tables import run_events, runs
from agentos.storage.turn import check_consecutive
from agentos.storage.values import FrameBatch

ROW_FRAMES = 256
"""Most frames in one row. A reader who wants frame N on need not look at rows that begin earlier than N - 256."""


def _append(dialect: Any) -> Any:
    """Build the statement that appends. What is written a second time, for its first answer was lost, counts once."""
    statement = dialect.insert(run_events)
    given = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[run_events.c.run_id, run_events.c.first],
        set_={"last": given.last, "events": given.events, "ended_at": given.ended_at},
        where=given.last >= run_events.c.last,
    )


_APPEND = {"sqlite": _append(sqlite), "postgresql": _append(postgresql)}

# Locked against their end, after which nothing may be appended, and in one order against deadlocks with heartbeats.
_UNDER_WAY = (
    select(runs.c.id, runs.c.attempt)
    .where(runs.c.id.in_(bindparam("run_ids", expanding=True)), runs.c.ended_at.is_(None))
    .order_by(runs.c.id)
    .with_for_update(read=True)
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


def rows_of(run_id: str, frames: Sequence[Frame], *, ended_at: int | None = None) -> list[Values]:
    """Return the rows of consecutive frames; ``ended_at`` is for those that the end of the run writes."""
    if frames:
        check_consecutive(run_id, frames)
    parts = (frames[start : start + ROW_FRAMES] for start in range(0, len(frames), ROW_FRAMES))
    rows: list[Values] = [
        {
            "run_id": run_id,
            "first": part[0].number,
            "last": part[-1].number,
            "events": frames_text(part),
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


class EventStore(Store):
    """Frames by run and number."""

    def append_frames(self, batches: Sequence[FrameBatch]) -> Set[str]:
        logs = [(batch, rows_of(batch.run_id, batch.frames)) for batch in batches if batch.frames]
        run_ids = sorted({batch.run_id for batch, _ in logs})

        def work(connection: Connection) -> Set[str]:
            found = connection.execute(_UNDER_WAY, {"run_ids": run_ids}).all()
            attempts = {row.id: row.attempt for row in found}
            kept = [(batch, rows) for batch, rows in logs if _accepted(batch, attempts.get(batch.run_id))]
            if kept:
                append(connection, list(chain.from_iterable(rows for _, rows in kept)))
            return set(run_ids) - {batch.run_id for batch, _ in kept}

        return self._database.write(work) if logs else set()

    def read_frames(self, run_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Frame]:
        values = {"run_id": run_id, "after": after, "earliest": after - ROW_FRAMES, "latest": after + limit}
        rows = self._database.read(lambda connection: connection.execute(_READ, values).all())
        frames = chain.from_iterable(frames_of(row.events) for row in rows)
        return list(islice(_following(frames, after), limit))


def _following(frames: Iterable[Frame], after: int) -> Iterator[Frame]:
    """Yield each frame behind ``after`` once, though rows may overlap."""
    for frame in frames:
        if frame.number > after:
            after = frame.number
            yield frame


def _accepted(batch: FrameBatch, attempt: int | None) -> bool:
    """Return whether a run under way takes the batch: it does, unless the run has passed to another attempt."""
    return attempt is not None and batch.attempt in (None, attempt)
