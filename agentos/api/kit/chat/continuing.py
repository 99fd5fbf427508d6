"""A conversation that ends with results of the client's tools, and one that goes another way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentos.api.kit.chat.call_ids import CallIds
from agentos.api.kit.chat.overrides import refuse
from agentos.api.kit.chat.request import ChatRequest
from agentos.api.kit.chat.results import (
    end_pause_of_calls,
    end_pause_of_results,
    find_results,
    give_results,
    keeps_to,
    note_differences,
)
from agentos.domain.pending import PendingAction
from agentos.domain.run import Run
from agentos.execution.run_handle import RunHandle

MESSAGES = "messages"


@dataclass(frozen=True, slots=True)
class ContinuedRun:
    """A run that continues with its client's results. ``action`` is one that they answer.

    ``waits_for`` is what a person has to answer besides, before the run continues. ``repeatable`` is whether the same
    request begins a new run if this one fails.
    """

    handle: RunHandle
    action: PendingAction
    run: Run
    waits_for: Sequence[PendingAction]
    repeatable: bool


def continue_run(chat: ChatRequest, calls: CallIds, *, instructions: str, form: str) -> ContinuedRun | None:
    """Give a paused run the results at the end of a conversation; ``None`` if they are not those of such a run.

    Outside of a session, a request that wants something else of the model is not for the run either. One that leaves
    out another call of the pause begins a new run too, and so do results of a run that failed. Else the same results
    again change nothing. ``instructions`` and ``form`` are the fields that ask for these. Raises ``InvalidRequest`` for
    a result of what only a person may answer, and in a session for a call without a result.
    """
    results = find_results(calls, chat.agent_id, chat.results, MESSAGES, failed=chat.failed_calls)
    in_session = chat.session_id is not None
    if results is None or not (in_session or keeps_to(results, chat.overrides)):
        return None
    if results.missing:
        if not in_session:
            return None
        refuse(MESSAGES, f"have no result of call {calls.make(results.handle.run_id, results.missing[0])!r}")
    given = give_results(results, in_session=in_session)
    if given is None:
        return None
    note_differences(results, chat.overrides, instructions=instructions, form=form)
    return ContinuedRun(results.handle, results.first, given.run, given.waits_for, given.repeatable)


def end_pause_of(chat: ChatRequest, calls: CallIds) -> None:
    """Cancel the run that waits for results of the conversation's last calls: it goes another way."""
    if chat.results:
        end_pause_of_results(calls, chat.agent_id, chat.results, MESSAGES)
        return
    calling = next((message for message in reversed(chat.messages) if message.tool_calls), None)
    if calling is not None and chat.messages[-1].role == "user":
        end_pause_of_calls(calls, chat.agent_id, [call.id for call in calling.tool_calls])
