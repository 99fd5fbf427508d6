"""Checkpoints and pending actions to rows and back, in the transactions of others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, exists, func, insert, select

from agentos.domain.checkpoint import Checkpoint
from agentos.domain.pending import PendingAction
from agentos.storage.pause_documents import action_of, action_text, checkpoint_of, checkpoint_text
from agentos.storage.sqlalchemy.columns import Values, microseconds
from agentos.storage.sqlalchemy.connection import Connection, Row
from agentos.storage.sqlalchemy.dialects import database_now, for_each_dialect
from agentos.storage.sqlalchemy.pause_tables import pending_actions, run_checkpoints


def _add_checkpoints(dialect: Any) -> Any:
    """Build the statement that adds checkpoints; one that is there already counts once."""
    return dialect.insert(run_checkpoints).on_conflict_do_nothing()


_ADD_CHECKPOINTS = for_each_dialect(_add_checkpoints)
_CHECKPOINTS = (
    select(run_checkpoints.c.document)
    .where(run_checkpoints.c.run_id == bindparam("run_id"))
    .order_by(run_checkpoints.c.number)
)
_DELETE_CHECKPOINTS = delete(run_checkpoints).where(run_checkpoints.c.run_id == bindparam("run_id"))

_of_run = pending_actions.c.run_id == bindparam("run_id")
_ADD_ACTIONS = insert(pending_actions)
_LAST_PLACE = select(func.coalesce(func.max(pending_actions.c.place), 0)).where(_of_run)
_ACTIONS = (
    select(
        *(pending_actions.c[name] for name in ("id", "attempt", "document", "answer")),
        (pending_actions.c.expires_at <= database_now()).label("expired"),
    )
    .where(_of_run)
    .order_by(pending_actions.c.place)
)
_PENDING = (
    select(pending_actions.c.run_id, pending_actions.c.document)
    .where(
        pending_actions.c.run_id.in_(bindparam("run_ids", expanding=True)),
        pending_actions.c.answer.is_(None),
    )
    .order_by(pending_actions.c.run_id, pending_actions.c.place)
)
_DELETE_UNANSWERED = delete(pending_actions).where(_of_run, pending_actions.c.answer.is_(None))

HAS_CHECKPOINTS = exists().where(run_checkpoints.c.run_id == bindparam("run_id")).label("has_checkpoints")
HAS_ACTIONS = exists().where(_of_run).label("has_actions")
"""Whether the run ``run_id`` was paused. Its checkpoints and actions are looked for only if it has some."""


def checkpoint_values(run_id: str, checkpoints: Iterable[Checkpoint]) -> list[Values]:
    """Return the rows of a run's checkpoints. May take its time: belongs before the transaction."""
    return [{"run_id": run_id, "number": one.number, "document": checkpoint_text(one)} for one in checkpoints]


def add_checkpoints(connection: Connection, rows: Sequence[Values]) -> None:
    """Add rows of checkpoints, if there are some."""
    if rows:
        connection.execute(_ADD_CHECKPOINTS[connection.dialect], rows)


def read_checkpoints(connection: Connection, run_id: str) -> tuple[Checkpoint, ...]:
    """Return the checkpoints of a run, in order."""
    return tuple(checkpoint_of(row.document) for row in connection.execute(_CHECKPOINTS, {"run_id": run_id}).all())


def action_values(run_id: str, actions: Iterable[PendingAction]) -> list[Values]:
    """Return what the rows of a run's new actions are given by themselves."""
    return [
        {
            "id": action.id,
            "run_id": run_id,
            "kind": action.kind.value,
            "document": action_text(action),
            "answer": None,
            "created_at": microseconds(action.created_at),
            "expires_at": None if action.expires_at is None else microseconds(action.expires_at),
        }
        for action in actions
    ]


def add_actions(connection: Connection, rows: Sequence[Values], run: Row) -> None:
    """Add actions to those that a run had before; ``run`` is its locked row."""
    last = connection.execute(_LAST_PLACE, {"run_id": run.id}).scalar()
    copied = {name: getattr(run, name) for name in ("attempt", "agent_id", "owner", "session_id", "user_id")}
    connection.execute(_ADD_ACTIONS, [{**row, **copied, "place": place} for place, row in enumerate(rows, last + 1)])


def action_rows(connection: Connection, run_id: str) -> Sequence[Row]:
    """Return the rows of all actions of a run, in the order of their making."""
    return connection.execute(_ACTIONS, {"run_id": run_id}).all()


def actions_of(rows: Iterable[Row]) -> tuple[PendingAction, ...]:
    """Return the actions of rows, with their answers."""
    return tuple(action_of(row.document, row.answer) for row in rows)


def actions_of_last_pause(rows: Sequence[Row]) -> tuple[PendingAction, ...]:
    """Return those of the last pause: no two pauses of a run were at the same attempt."""
    return actions_of(row for row in rows if row.attempt == rows[-1].attempt)


def read_pending(connection: Connection, run_ids: Sequence[str]) -> Mapping[str, Sequence[PendingAction]]:
    """Return the actions of runs that wait for an answer, by run."""
    found: dict[str, list[PendingAction]] = defaultdict(list)
    for row in connection.execute(_PENDING, {"run_ids": list(run_ids)}).all() if run_ids else ():
        found[row.run_id].append(action_of(row.document))
    return found


def delete_unneeded(connection: Connection, run_id: str) -> None:
    """Delete what only an unfinished run needs: its checkpoints, and actions without an answer."""
    connection.execute(_DELETE_CHECKPOINTS, {"run_id": run_id})
    connection.execute(_DELETE_UNANSWERED, {"run_id": run_id})
