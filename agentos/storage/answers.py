"""Which answers to the actions of a run are taken: the same rules for every backend."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from agentos.domain.pending import EXPIRY, Answer, PendingAction
from agentos.domain.run import RunStatus
from agentos.errors import AlreadyAnswered, NotFound, PendingExpired, RunFinished


def new_answers(
    run_id: str,
    answers: Mapping[str, Answer],
    actions: Iterable[PendingAction],
    *,
    status: RunStatus,
    asked_to_stop: bool,
    expired: Collection[str],
    late: bool = False,
) -> Mapping[str, Answer]:
    """Return which of the answers are to be saved; the others were given before.

    ``actions`` are all of the run; ``expired`` has the ids of those that are too late, by database time. Raises what
    :meth:`~agentos.storage.runs.RunStore.answer` does, for the first answer that is not taken. ``late`` answers, which
    the server gives itself, are saved where no person has answered in time; the others are left out.
    """
    known = {action.id: action for action in actions}
    if late:
        if status is not RunStatus.PAUSED or asked_to_stop:
            return {}
        waiting = {action_id for action_id in expired if known[action_id].answer is None}
        return {action_id: answer for action_id, answer in answers.items() if action_id in waiting}
    new: dict[str, Answer] = {}
    for action_id, answer in answers.items():
        action = known.get(action_id)
        if action is None and not status.finished:
            raise NotFound(
                f"run {run_id!r} does not wait for {action_id!r}; GET /api/v1/runs/{run_id} shows what it does"
            )
        if action is not None and action.answer is not None:
            if action.answer.answered_by == EXPIRY:
                raise PendingExpired(f"{action_id!r} was not answered in time, and the call was rejected")
            if action.answer != answer:
                raise AlreadyAnswered(
                    f"{action_id!r} has another answer already, which counts; GET /api/v1/approvals/{action_id} and"
                    " 'agentos approvals show' show it"
                )
            continue
        if action is None or status is not RunStatus.PAUSED:
            raise RunFinished(f"run {run_id!r} has ended ({status.value}) and takes no answer any more")
        if asked_to_stop:
            raise RunFinished(f"run {run_id!r} is being cancelled and takes no answer any more")
        if action_id in expired:
            raise PendingExpired(f"{action_id!r} was not answered in time, and takes no answer any more")
        new[action_id] = answer
    return new
