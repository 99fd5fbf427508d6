"""Results of the client's tools in the input of a response: they begin the next part of the run that waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentos import Message, ModelOverrides
from agentos.web import (
    RequestError,
    RunHandle,
    SessionBusy,
    caller,
    end_pause,
    end_pause_of_calls,
    end_pause_of_results,
    find_results,
    give_results,
    keeps_to,
    note_differences,
    refuse,
    server,
)
from agentos_openai_api.ids import TOOL_CALLS
from agentos_openai_api.responses.items import Input
from agentos_openai_api.responses.parts import ResponseRef, last_part, part_after, read_response_id


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
    """A run that continues with its client's results, and the response that they begin.

    ``repeatable`` is whether the same request begins a new run if this one fails.
    """

    handle: RunHandle
    ref: ResponseRef
    repeatable: bool


def continue_run(
    model: str, messages: Sequence[Message], wanted: ModelOverrides, *, in_session: bool, chained: bool
) -> Continued | None:
    """Give a run the results that it waits for; ``None`` if they are not those of such a run.

    Outside of a session, a request that wants something else of the model is not for the run either, and one whose run
    failed begins a new one. So does one that leaves out a call and its output, unless it is ``chained`` to the response
    that has the call. Else the same results again change nothing. Raises ``InvalidRequest`` for a result of what
    only a person may answer, or if one is missing, and :class:`WaitsForPerson` for a run that waits for a person
    besides.
    """
    results = find_results(TOOL_CALLS, model, messages, "input")
    if results is None:
        return None
    if results.missing:
        if not (in_session or chained):
            return None
        missing = TOOL_CALLS.make(results.handle.run_id, results.missing[0])
        refuse("input", f"has no output for function call {missing!r}")
    if not (in_session or keeps_to(results, wanted)):
        return None
    given = give_results(results, in_session=in_session)
    if given is None:
        return None
    note_differences(results, wanted, instructions="instructions", form="text.format")
    if given.waits_for:
        raise WaitsForPerson(given.run.id, [action.id for action in given.waits_for])
    ref = ResponseRef(given.run.id, part_after(results.actions, results.first.turn))
    return Continued(results.handle, ref, given.repeatable)


def end_pause_of(model: str, previous: str | None, said: Input) -> None:
    """Cancel the run that waits for results of the conversation's last calls: it goes another way."""
    if said.results:
        end_pause_of_results(TOOL_CALLS, model, said.results, "input")
        return
    messages = said.messages
    if not messages or messages[-1].role != "user":
        return
    calling = next((message for message in reversed(messages) if message.tool_calls), None)
    ref = read_response_id(previous or "")
    if calling is not None and TOOL_CALLS.read(calling.tool_calls[-1].id) is not None:
        end_pause_of_calls(TOOL_CALLS, model, [call.id for call in calling.tool_calls])
    elif ref is not None:
        actions = server().runs.open(ref.run_id, caller()).actions()
        if last_part(actions) == ref.part:  # else it is a branch of what was said before
            end_pause(ref.run_id, agent_id=model)
