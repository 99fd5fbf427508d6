"""Tools that the client executes: their results find the run that waits for them, and a new message ends the wait."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentos.api.kit.callers import caller
from agentos.api.kit.chat.call_ids import MOST_CALLS, CallIds
from agentos.api.kit.chat.overrides import refuse
from agentos.api.kit.ignored_fields import note_ignored
from agentos.api.kit.plugin_server import server
from agentos.domain.message import Message
from agentos.domain.pending import Answer, PendingAction, PendingKind
from agentos.domain.run import Run, RunStatus
from agentos.domain.stored_request import ModelOverrides
from agentos.errors import AlreadyAnswered, NotFound, PendingExpired, RunFinished, RunNotFound, SessionBusy
from agentos.execution.run_handle import RunHandle

FAILED = "the client's tool failed"
"""What the model reads of a call that failed, where its client does not say why."""


@dataclass(frozen=True, slots=True)
class ClientResults:
    """Results for one pause of a run. ``actions`` are all of the run; ``outputs`` has the answers by their numbers.

    An action's number is its place in ``actions``, counted from 0.
    """

    handle: RunHandle
    actions: Sequence[PendingAction]
    outputs: Mapping[int, Answer]

    @property
    def first(self) -> PendingAction:
        """The first action that a result answers."""
        return self.actions[next(iter(self.outputs))]

    @property
    def of_pause(self) -> Mapping[int, PendingAction]:
        """All that the run waited for in this pause, by number."""
        turn = self.first.turn
        return {number: action for number, action in enumerate(self.actions) if action.turn == turn}

    @property
    def missing(self) -> Sequence[int]:
        """The numbers of the client's other calls of this pause, which have no result here."""
        return [
            number
            for number, action in self.of_pause.items()
            if action.kind is PendingKind.CLIENT_TOOL and number not in self.outputs and number < MOST_CALLS
        ]


@dataclass(frozen=True, slots=True)
class GivenResults:
    """A run after it was given results. ``waits_for`` is what a person has to answer before the run continues.

    ``repeatable`` is whether the same results, sent again, begin a new run if this one fails.
    """

    run: Run
    waits_for: Sequence[PendingAction]
    repeatable: bool


def find_results(
    calls: CallIds, model: str, messages: Sequence[Message], field: str, *, failed: Collection[str] = ()
) -> ClientResults | None:
    """Return the results that messages of tools give a run; ``None`` if the last one is of no run of this agent.

    Those at the end that are of the same pause count. Those before them were given in earlier ones, or to other runs.
    ``failed`` are ids of calls that failed at the client: their results say why. Raises ``InvalidRequest``, which names
    ``field``, for a result of what only a person may answer.
    """
    last = calls.read(str(messages[-1].tool_call_id)) if messages else None
    if last is None:
        return None
    run_id, number = last
    handle = server().runs.open(run_id, caller())
    try:
        run, actions = handle.get(), handle.actions()
    except RunNotFound:
        return None
    if run.agent_id != model or number >= len(actions):
        return None
    of_pause = {at for at, action in enumerate(actions) if action.turn == actions[number].turn}
    outputs: dict[int, Answer] = {}
    for message in reversed(messages):
        id, text = str(message.tool_call_id), message.content
        place = calls.read(id)
        if place is None or place[0] != run_id or place[1] not in of_pause or message.media:  # a run takes texts alone
            break
        if actions[place[1]].kind is not PendingKind.CLIENT_TOOL:
            refuse(field, f"has a result of call {id!r}, which is no call of a tool of the client")
        outputs.setdefault(place[1], Answer(error=text or FAILED) if id in failed else Answer(output=text))
    return ClientResults(handle, actions, dict(sorted(outputs.items()))) if outputs else None


def keeps_to(results: ClientResults, wanted: ModelOverrides) -> bool:
    """Return whether a request with results wants of the model what their run does.

    A run keeps its instructions, tools and form to its end, and forces only its first call. A client's framework asks
    for others where a call hands the conversation to another of its agents, and may force a call at every request.
    """
    if "tool_choice" in wanted.parameters:
        return False
    try:
        return _compared(results.handle.overrides()) == _compared(wanted)
    except RunNotFound:
        return False


def note_differences(results: ClientResults, wanted: ModelOverrides, *, instructions: str, form: str) -> None:
    """Name in the answer's header what a request wants of the model, and its run does not do: it continues as it began.

    ``instructions`` and ``form`` are the fields of the request that ask for these.
    """
    try:
        begun = results.handle.overrides()
    except RunNotFound:
        return
    given = {
        instructions: (wanted.instructions, begun.instructions),
        form: (wanted.output_schema, begun.output_schema),
        "tools": (tuple(wanted.client_tools) or None, tuple(begun.client_tools)),
        **{name: (value, begun.parameters.get(name)) for name, value in wanted.parameters.items()},
    }
    note_ignored(*(name for name, (new, old) in given.items() if new is not None and new != old))


def _compared(overrides: ModelOverrides) -> tuple[Any, ...]:
    """Return what two requests for one run have in common."""
    parameters = {name: value for name, value in overrides.parameters.items() if name != "tool_choice"}
    return parameters, overrides.output_schema, tuple(overrides.client_tools), overrides.instructions


def give_results(results: ClientResults, *, in_session: bool) -> GivenResults | None:
    """Save results, which continues their run; ``None`` if it does not wait for them.

    The same results again change nothing while the run continues, and after it completed. If it failed or was cancelled
    after it was given them, they are for a new run: ``None``, so that a client that tries again gets more than the same
    error. Results alone begin no run ``in_session``: there, the run of that error is returned.
    """
    answers = {results.actions[number].id: answer for number, answer in results.outputs.items()}
    try:
        run = server().runs.answer(results.handle.run_id, answers, caller())
    except (AlreadyAnswered, PendingExpired, RunFinished, RunNotFound, NotFound):
        return None
    if run.status.finished and run.status is not RunStatus.COMPLETED and not in_session:
        return None
    turn = results.first.turn
    waits = run.pending if run.status is RunStatus.PAUSED else ()
    return GivenResults(
        run, [one for one in waits if one.answer is None and one.turn == turn], repeatable=not in_session
    )


def end_pause_of_results(calls: CallIds, model: str, messages: Sequence[Message], field: str) -> None:
    """Cancel the run that waits for these results: its client has begun another run with them."""
    results = find_results(calls, model, messages, field)
    if results is not None and any(action.answer is None for action in results.of_pause.values()):
        end_pause(results.handle.run_id)


def end_pause_of_session(busy: SessionBusy) -> bool:
    """Cancel the run of a session that waits for its client; return whether there was one.

    One that waits for a person is left alone.
    """
    run_id = busy.details.get("run_id")
    return isinstance(run_id, str) and end_pause(run_id)


def end_pause_of_calls(calls: CallIds, model: str, ids: Sequence[str]) -> None:
    """Cancel the run of this agent that waits for its client to execute these calls, of one message.

    A run that has their results, and waits for others, is left alone: the conversation is a branch of what was said.
    """
    places = [calls.read(id) for id in ids]
    last = places[-1] if places else None
    if last is None:
        return
    run_id = last[0]
    try:
        actions = server().runs.open(run_id, caller()).actions()
    except RunNotFound:
        return
    if any((run_id, number) in places and action.answer is None for number, action in enumerate(actions)):
        end_pause(run_id, agent_id=model)


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
