"""A conversation that ends with results of the client's tools, and one that goes another way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentos import ModelOverrides, PendingAction, Run
from agentos.web import RunHandle
from agentos_openai_api.chat.mapper import Conversation
from agentos_openai_api.client_tools import (
    end_pause,
    end_pause_of_results,
    find_results,
    give_results,
    keeps_to,
    note_unheeded,
)
from agentos_openai_api.ids import read_tool_call_id


@dataclass(frozen=True, slots=True)
class Continued:
    """A run that continues with its client's results. ``action`` is one that they answer.

    ``waits_for`` is what a person has to answer besides, before the run continues.
    """

    handle: RunHandle
    action: PendingAction
    run: Run
    waits_for: Sequence[PendingAction]


def continue_run(said: Conversation, wanted: ModelOverrides, *, in_session: bool) -> Continued | None:
    """Give a paused run the results at the end of a conversation; ``None`` if they are not those of such a run.

    Outside of a session, a request that wants something else of the model is not for the run either. The same results
    again change nothing. Raises ``InvalidRequest`` for a result of what only a person may answer.
    """
    results = find_results(said.model, said.results, "messages")
    if results is None or not (in_session or keeps_to(results, wanted)):
        return None
    given = give_results(results)
    if given is None:
        return None
    note_unheeded(results, wanted, instructions="messages", form="response_format")
    return Continued(results.handle, results.first, given.run, given.waits_for)


def end_pause_of(said: Conversation) -> None:
    """Cancel the run that waits for results of the conversation's last calls: it goes another way."""
    if said.results:
        end_pause_of_results(said.model, said.results, "messages")
        return
    calling = next((message for message in reversed(said.messages) if message.tool_calls), None)
    place = None if calling is None else read_tool_call_id(calling.tool_calls[0].id)
    if place is not None and said.messages[-1].role == "user":
        end_pause(place[0], agent_id=said.model)
