"""What a run waits for while it is paused: an approval, an answer, or a tool that its client executes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import orjson

from agentos.domain.message import ToolCall
from agentos.domain.text import clean, shorten
from agentos.domain.times import rfc3339

LONGEST_MESSAGE = 2000
"""Characters of the message of an action."""

LONGEST_WAIT = 315_360_000
"""Seconds that a plugin may let a call wait: ten years."""


class PendingKind(StrEnum):
    """Who is waited for, and for what.

    ``approval``: somebody who may decide whether a tool is called. ``input``: somebody who answers a tool's question.
    ``client_tool``: the client, which executes the tool itself.
    """

    APPROVAL = "approval"
    INPUT = "input"
    CLIENT_TOOL = "client_tool"


Decision = Literal["approve", "reject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one action; which fields it has depends on the action's kind.

    ``approval``: ``decision``, and perhaps other ``arguments`` with their own ``arguments_hash``, and a ``message``
    that the model reads. ``input``: ``output``, which fits the schema. ``client_tool``: ``output`` or ``error``.
    ``answered_by`` is the credential (``key:4f…``).
    """

    decision: Decision | None = None
    arguments: Mapping[str, Any] | None = None
    arguments_hash: str | None = None
    message: str | None = None
    output: Any = None
    error: str | None = None
    answered_by: str | None = field(default=None, compare=False)
    answered_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAction:
    """One thing that a paused run waits for. Its id is unique in the deployment.

    ``call`` is the model's call that waits; its id and name are empty for a question of an agent that is not ours.
    ``turn`` is the call's, counted from 1: models use the id of a call again. ``number`` counts the questions of one
    call from 0. ``arguments_hash`` covers what would run: agent, tool, its schema, canonical arguments and the turn; of
    a question, its text and schema too. ``expires_at`` is ``None`` for one that waits without limit. ``answer`` is
    there once it was given.
    """

    id: str
    kind: PendingKind
    call: ToolCall
    arguments_hash: str
    turn: int = 1
    number: int = 0
    message: str | None = None
    schema: Mapping[str, Any] | None = None
    created_at: datetime
    expires_at: datetime | None = None
    answer: Answer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What ``before_tool_call`` returns for a call that somebody has to approve first.

    ``message`` says why. ``expires_in`` is in seconds; ``None`` takes the server's ``AGENTOS_PAUSE_TIMEOUT``.

    >>> Pending("a transfer above 1,000 needs a second person").message
    'a transfer above 1,000 needs a second person'

    Raises ``TypeError`` or ``ValueError`` for values that cannot be right.
    """

    message: str = field(default="", kw_only=False)
    expires_in: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.message, str):
            raise TypeError(f"the message is {self.message!r:.100}; accepted: a text")
        if self.expires_in is not None and not 0 < self.expires_in <= LONGEST_WAIT:
            raise ValueError(
                f"expires_in is {self.expires_in!r:.100}; accepted: seconds, more than 0 and at most {LONGEST_WAIT}"
            )
        object.__setattr__(self, "message", shorten(clean(self.message), LONGEST_MESSAGE))


class PauseRequested(BaseException):
    """Ends the work of an agent for now: its run has to wait for these actions.

    Raised by ``stream(context)`` of an agent, and through tools by ``context.ask``. No ``Exception``, so that other
    people's ``except Exception`` does not catch it.
    """

    def __init__(self, actions: Sequence[PendingAction]) -> None:
        super().__init__(f"{len(actions)} actions are pending")
        self.actions = tuple(actions)


def pending_json(action: PendingAction) -> dict[str, Any]:
    """Return an action as clients see it. ``arguments`` are an object, or the model's text where that is no JSON.

    A question of an agent that is not ours belongs to no call.
    """
    arguments: Any = action.call.arguments
    with suppress(orjson.JSONDecodeError):
        arguments = orjson.loads(arguments)
    shown = {
        "id": action.id,
        "kind": action.kind.value,
        "tool_name": action.call.name or None,
        "tool_call_id": action.call.id or None,
        "arguments": arguments if action.call.name else None,
        "message": action.message,
        "schema": None if action.schema is None else dict(action.schema),
        "expires_at": None if action.expires_at is None else rfc3339(action.expires_at),
    }
    return {name: value for name, value in shown.items() if value is not None}
