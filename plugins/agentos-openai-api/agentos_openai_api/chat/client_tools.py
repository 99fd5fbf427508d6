"""Tools that the client executes: its results find the run that waits for them, and a new message ends the wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentos import Answer, PendingAction, PendingKind, Run, RunStatus
from agentos.web import (
    AlreadyAnswered,
    NotFound,
    PendingExpired,
    RunFinished,
    RunHandle,
    RunNotFound,
    SessionBusy,
    caller,
    server,
)
from agentos_openai_api.chat.mapper import Conversation
from agentos_openai_api.ids import read_tool_call_id
from agentos_openai_api.overrides import refuse


@dataclass(frozen=True, slots=True)
class Continued:
    """A run that continues with its client's results. ``action`` is one that they answer.

    ``waits_for`` is what a person has to answer besides, before the run continues.
    """

    handle: RunHandle
    action: PendingAction
    run: Run
    waits_for: Sequence[PendingAction]


def continue_run(said: Conversation) -> Continued | None:
    """Give a paused run the results at the end of a conversation; ``None`` if they are not those of such a run.

    The same results again change nothing. Raises ``InvalidRequest`` for a result of what only a person may answer.
    """
    results = {str(message.tool_call_id): message.content for message in said.results}
    found = [read_tool_call_id(id) for id in results]
    places = [place for place in found if place is not None]
    if not places or len(places) < len(found) or len({run_id for run_id, _ in places}) > 1:
        return None
    handle = server().runs.open(places[0][0], caller())
    try:
        run, actions = handle.get(), handle.actions()
    except RunNotFound:
        return None
    if run.agent_id != said.model or any(number >= len(actions) for _, number in places):
        return None
    answered = [actions[number] for _, number in places]
    for id, action in zip(results, answered, strict=True):
        if action.kind is not PendingKind.CLIENT_TOOL:
            refuse("messages", f"have a result of call {id!r}, which is no call of a tool of the client")
    return _answer(handle, answered, dict(zip((one.id for one in answered), results.values(), strict=True)))


def _answer(handle: RunHandle, actions: Sequence[PendingAction], outputs: Mapping[str, str]) -> Continued | None:
    answers = {id: Answer(output=output) for id, output in outputs.items()}
    try:
        run = server().runs.answer(handle.run_id, answers, caller())
    except (AlreadyAnswered, PendingExpired, RunFinished, RunNotFound, NotFound):
        return None
    turn = actions[0].turn
    waits_for = [one for one in run.pending if one.answer is None and one.turn == turn]
    return Continued(handle, actions[0], run, waits_for if run.status is RunStatus.PAUSED else ())


def end_pause_of(said: Conversation) -> None:
    """Cancel the run that waits for results of the conversation's last calls: the user has said something else."""
    calling = next((message for message in reversed(said.messages) if message.tool_calls), None)
    place = None if calling is None else read_tool_call_id(calling.tool_calls[0].id)
    if place is not None and said.messages[-1].role == "user":
        end_pause(place[0], agent_id=said.model)


def end_pause_of_session(busy: SessionBusy) -> bool:
    """Cancel the run of a session that waits for its client; return whether there was one.

    One that waits for a person is left alone.
    """
    run_id = busy.details.get("run_id")
    return isinstance(run_id, str) and end_pause(run_id)


def end_pause(run_id: str, *, agent_id: str | None = None) -> bool:
    """Cancel a run that waits for its client alone; return whether it did."""
    handle = server().runs.open(run_id, caller())
    try:
        run = handle.get()
        waits = [action for action in run.pending if action.answer is None]
        of_client = bool(waits) and all(action.kind is PendingKind.CLIENT_TOOL for action in waits)
        if run.status is not RunStatus.PAUSED or not of_client or agent_id not in (None, run.agent_id):
            return False
        handle.cancel()
    except (RunNotFound, RunFinished):
        return False
    return True
