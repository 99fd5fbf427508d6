"""Runs that pause: agents that ask, and the answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from agentos.domain.event import Yielded
from agentos.domain.ids import new_id
from agentos.domain.message import ToolCall
from agentos.domain.pending import Answer, PauseRequested, PendingAction, PendingKind
from agentos.domain.run import Run, RunStatus
from agentos.domain.times import utc_now
from agentos.runtime.context import RunContext
from agentos.storage.interface import Storage
from parts.waiting import until


def action(*, expires_in: float | None = None, created_at: datetime | None = None) -> PendingAction:
    """Return an approval that somebody has to give."""
    now = created_at or utc_now()
    return PendingAction(
        id=new_id(),
        kind=PendingKind.APPROVAL,
        call=ToolCall(new_id(), "transfer", '{"amount":5}'),
        arguments_hash="hash",
        created_at=now,
        expires_at=None if expires_in is None else now + timedelta(seconds=expires_in),
    )


class Asks:
    """An agent that speaks, pauses, and speaks again after the answer; ``rounds`` times."""

    def __init__(
        self, rounds: int = 1, *, actions: int = 1, expires_in: float | None = None, **settings: object
    ) -> None:
        self.rounds, self.actions, self.expires_in = rounds, actions, expires_in
        self.contexts: list[RunContext] = []
        vars(self).update(settings)

    def stream(self, context: RunContext) -> Iterator[Yielded]:
        self.contexts.append(context)
        answered = len(context.actions) // self.actions
        if answered < self.rounds:
            yield f"before {answered} "
            raise PauseRequested([action(expires_in=self.expires_in) for _ in range(self.actions)])
        yield f"after {answered}"


def paused(storage: Storage, run_id: str) -> Run:
    """Wait until a run has paused, and return it."""

    def found() -> Run | None:
        run = storage.runs.get(run_id, owner=None)
        return run if run is not None and run.status is RunStatus.PAUSED else None

    until(found)
    run = found()
    assert run is not None
    return run


def approvals(run: Run) -> Mapping[str, Answer]:
    """Return an approval of everything that a run waits for."""
    return {one.id: Answer(decision="approve") for one in run.pending}
