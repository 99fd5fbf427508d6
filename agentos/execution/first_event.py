"""The event that an execution of a run begins with. It follows from what the run's log has."""

from __future__ import annotations

from agentos.domain.event import Paused, Resumed, RunStart
from agentos.domain.pending import Answer
from agentos.storage.admission import Admission


def first_event(admission: Admission) -> RunStart | Resumed:
    """Return what follows in the log.

    In an empty log, the run starts. After a pause it is resumed, even if the worker that resumed it before was lost
    without a word. Else the worker that wrote the log was lost, and the run starts once more, after the turns that its
    checkpoints have.
    """
    run = admission.run
    if admission.last_event == Paused.type:
        return Resumed([_shown(action.id, action.answer) for action in admission.actions if action.answer is not None])
    media = [media.describe() for media in run.media] or None
    if not admission.logged:
        return RunStart(run.input, run.session_id, media)
    kept = admission.checkpoints[-1].turns if admission.checkpoints else None
    return RunStart(run.input, run.session_id, media, run.attempt, kept)


def _shown(action_id: str, answer: Answer) -> dict[str, str]:
    shown = {"id": action_id}
    if answer.decision is not None:
        shown["decision"] = answer.decision
    return shown
