"""Tools that the client executes: its results begin the next part of the run that waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentos import Answer, Message, PendingAction, PendingKind, RunStatus
from agentos.web import (
    AlreadyAnswered,
    NotFound,
    PendingExpired,
    RequestError,
    RunFinished,
    RunHandle,
    RunNotFound,
    SessionBusy,
    caller,
    server,
)
from agentos_openai_api.chat.client_tools import end_pause
from agentos_openai_api.ids import read_tool_call_id, tool_call_id
from agentos_openai_api.overrides import refuse
from agentos_openai_api.responses.parts import ResponseRef, read_response_id


class WaitsForPerson(SessionBusy, code="WAITS_FOR_PERSON"):
    """The client's results are saved, and the run waits for a person besides."""

    def __init__(self, run_id: str, pending: Sequence[str]) -> None:
        RequestError.__init__(
            self,
            f"the results are saved, and run {run_id!r} waits for a person besides; it continues after the answer at"
            f" POST /api/v1/runs/{run_id}/resume",
            details={"run_id": run_id, "pending": list(pending)},
        )


@dataclass(frozen=True, slots=True)
class Continued:
    """A run that continues with its client's results, and the response that they begin."""

    handle: RunHandle
    ref: ResponseRef


def continue_run(model: str, results: Sequence[Message]) -> Continued | None:
    """Give a run the results that it waits for; ``None`` if they are not those of such a run.

    The same results again change nothing. Raises ``InvalidRequest`` for a result of what only a person may answer, or
    if one is missing, and :class:`WaitsForPerson` for a run that waits for a person besides.
    """
    outputs = {str(message.tool_call_id): message.content for message in results}
    found = [read_tool_call_id(id) for id in outputs]
    run_ids = {None if place is None else place[0] for place in found}
    if len(run_ids) != 1 or None in run_ids:
        return None
    (run_id,) = run_ids
    handle = server().runs.open(str(run_id), caller())
    try:
        run, actions = handle.get(), handle.actions()
    except RunNotFound:
        return None
    numbers = [place[1] for place in found if place is not None]
    if run.agent_id != model or any(number >= len(actions) for number in numbers):
        return None
    for id, number in zip(outputs, numbers, strict=True):
        if actions[number].kind is not PendingKind.CLIENT_TOOL:
            refuse("input", f"has a result of call {id!r}, which is no call of a tool of the client")
    _check_all_are_there(handle.run_id, actions, numbers)
    answers = {
        actions[number].id: Answer(output=output) for number, output in zip(numbers, outputs.values(), strict=True)
    }
    try:
        run = server().runs.answer(handle.run_id, answers, caller())
    except (AlreadyAnswered, PendingExpired, RunFinished, RunNotFound, NotFound):
        return None
    turn = actions[numbers[0]].turn
    waits = [one.id for one in run.pending if one.answer is None and one.turn == turn]
    if run.status is RunStatus.PAUSED and waits:
        raise WaitsForPerson(run.id, waits)
    return Continued(handle, ResponseRef(run.id, _part_after(actions, turn)))


def end_pause_of(model: str, previous: str | None, messages: Sequence[Message]) -> None:
    """Cancel the run that waits for results of the conversation's last calls: the user has said something else."""
    if not messages or messages[-1].role != "user":
        return
    calls = [call for message in messages for call in message.tool_calls]
    place = read_tool_call_id(calls[-1].id) if calls else None
    ref = read_response_id(previous or "")
    if place is not None:
        end_pause(place[0], agent_id=model)
    elif ref is not None:
        actions = server().runs.open(ref.run_id, caller()).actions()
        if last_part(actions) == ref.part:  # else it is a branch of what was said before
            end_pause(ref.run_id, agent_id=model)


def last_part(actions: Sequence[PendingAction]) -> int:
    """Return the number of a run's last part that has begun."""
    of_client = [action for action in actions if action.kind is PendingKind.CLIENT_TOOL]
    turns = {action.turn for action in of_client}
    waiting = {action.turn for action in of_client if action.answer is None}
    return len(turns - waiting)


def _part_after(actions: Sequence[PendingAction], turn: int) -> int:
    return len({one.turn for one in actions if one.kind is PendingKind.CLIENT_TOOL and one.turn <= turn})


def _check_all_are_there(run_id: str, actions: Sequence[PendingAction], numbers: Sequence[int]) -> None:
    turn = actions[numbers[0]].turn
    for number, action in enumerate(actions):
        if action.kind is PendingKind.CLIENT_TOOL and action.turn == turn and number not in numbers:
            refuse("input", f"has no output for function call {tool_call_id(run_id, number)!r}")
