"""What a run waits for while it is paused: an approval, an answer, or a tool that its client executes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, get_args

import orjson

from agentos.domain.message import ToolCall
from agentos.domain.text import clean, shorten
from agentos.domain.times import rfc3339

RULE = re.compile(r"[a-zA-Z0-9._-]{0,64}")
"""The name of one of a plugin's rules."""

LONGEST_MESSAGE = 2000
"""Characters of the message of an action."""

LARGEST_STATE = 1024**2
"""Bytes of JSON that an agent may have kept with a pause."""

LONGEST_WAIT = 315_360_000
"""Seconds that a plugin may let a call wait: ten years."""


WAITING_TEXT = (
    "This run waits for a person.\\n{waiting}\\nAnswer it with `POST /api/v1/runs/{run_id}/resume` or"
    " `agentos approvals`; the run then continues."
)
"""What a door says of a paused run where its protocol has only text; `\\n` is a new line. The default of settings."""


class PendingKind(StrEnum):
    """Who is waited for, and for what.

    ``approval``: somebody who may decide whether a tool is called. ``input``: somebody who answers a tool's question.
    ``client_tool``: the client, which executes the tool itself.
    """

    APPROVAL = "approval"
    INPUT = "input"
    CLIENT_TOOL = "client_tool"


Decision = Literal["approve", "reject"]

Approver = Literal["owner", "other"]
"""Who may approve: the owner of the run too, or only another person than its owner."""

OnExpiry = Literal["reject", "fail"]
"""What happens to a call that was not decided in time: it is rejected, or its run fails."""

Remember = Literal["session"]
"""For how long a decision may be remembered."""

EXPIRY = "expiry"
"""Who answered (``answered_by``) an approval that was not decided in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one action; which fields it has depends on the action's kind.

    ``approval``: ``decision``, and perhaps other ``arguments`` with their own ``arguments_hash``, and a ``message``
    that the model reads; with ``remember``, the decision holds for later calls of the session. ``input``: ``output``,
    which fits the schema. ``client_tool``: ``output`` or ``error``.

    The server adds who answered: ``answered_by`` is the credential (``key:4f…``), ``answered_as`` says whether it is
    the owner of the run or another person, and ``address`` is where the request came from.
    """

    decision: Decision | None = None
    arguments: Mapping[str, Any] | None = None
    arguments_hash: str | None = None
    message: str | None = None
    output: Any = None
    error: str | None = None
    remember: Remember | None = None
    answered_by: str | None = field(default=None, compare=False)
    answered_at: datetime | None = field(default=None, compare=False)
    answered_as: Approver | None = field(default=None, compare=False)
    address: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAction:
    """One thing that a paused run waits for. Its id is unique in the deployment.

    ``call`` is the model's call that waits; its id and name are empty for a question of an agent that is not ours.
    ``turn`` is the call's, counted from 1: models use the id of a call again. ``number`` counts the questions of one
    call from 0. ``arguments_hash`` covers what would run: agent, tool, its schema, canonical arguments and the turn; of
    a question, its text and schema too. ``expires_at`` is ``None`` for one that waits without limit. ``answer`` is
    there once it was given.

    Of an approval: ``approver`` says who may decide, ``on_expiry`` what happens if none does in time, ``remember``
    whether the decision may be remembered for the session, and ``rule`` who asked: ``tool``, ``agent`` or
    ``plugin:NAME``, or several of them with commas. A remembered decision counts for the same rule alone.
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
    approver: Approver = "owner"
    on_expiry: OnExpiry = "fail"
    remember: bool = False
    rule: str | None = None
    answer: Answer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What ``before_tool_call`` returns for a call that somebody has to approve first.

    ``message`` says why. ``approver`` says who may approve: ``owner``, or with ``other`` only another person than the
    owner of the run. ``expires_in`` is in seconds; ``None`` takes the server's ``AGENTOS_PAUSE_TIMEOUT``. If it is not
    decided in time, the call is rejected, or with ``on_expiry="fail"`` the run fails. With ``remember``, the approver
    may let the decision hold for later calls of the session. ``rule`` names which of the plugin's rules asks: a
    remembered decision counts for that rule alone.

    >>> Pending("a transfer above 1,000 needs a second person", approver="other").message
    'a transfer above 1,000 needs a second person'

    Raises ``TypeError`` or ``ValueError`` for values that cannot be right.
    """

    message: str = field(default="", kw_only=False)
    approver: Approver = "owner"
    expires_in: float | None = None
    on_expiry: OnExpiry = "reject"
    remember: bool = False
    rule: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.message, str):
            raise TypeError(f"the message is {self.message!r:.100}; accepted: a text")
        if self.expires_in is not None and not isinstance(self.expires_in, int | float):
            raise TypeError(f"expires_in is {self.expires_in!r:.100}; accepted: a number of seconds")
        if self.expires_in is not None and not 0 < self.expires_in <= LONGEST_WAIT:
            raise ValueError(
                f"expires_in is {self.expires_in!r:.100}; accepted: seconds, more than 0 and at most {LONGEST_WAIT}"
            )
        for name, accepted in (("approver", get_args(Approver)), ("on_expiry", get_args(OnExpiry))):
            if getattr(self, name) not in accepted:
                words = " or ".join(map(repr, accepted))
                raise ValueError(f"{name} is {getattr(self, name)!r:.100}; accepted: {words}")
        if not isinstance(self.remember, bool):
            raise TypeError(f"remember is {self.remember!r:.100}; accepted: True or False")
        if not isinstance(self.rule, str) or not RULE.fullmatch(self.rule):
            raise ValueError(
                f"rule is {self.rule!r:.100}; accepted: at most 64 letters (a-z, A-Z), digits, '.', '_', '-'"
            )
        object.__setattr__(self, "message", shorten(clean(self.message), LONGEST_MESSAGE))


@dataclass(frozen=True, slots=True)
class Asked:
    """An approval that a call needs, and which rule asks for it: :attr:`PendingAction.rule`."""

    pending: Pending
    rule: str


def strictest(asked: Sequence[Asked]) -> Asked:
    """Return what holds where several rules ask about one call: the strictest of each.

    Another person rather than the owner, the shortest time, a run that fails rather than a call that is rejected, and
    a decision that is remembered only if all of them allow it. The message is the first of those that need that
    approver, else the first.
    """
    if len(asked) == 1:
        return asked[0]
    terms = [one.pending for one in asked]
    approver: Approver = "other" if any(one.approver == "other" for one in terms) else "owner"
    messages = [one.message for one in sorted(terms, key=lambda one: one.approver != approver) if one.message]
    times = [one.expires_in for one in terms if one.expires_in is not None]
    merged = Pending(
        messages[0] if messages else "",
        approver=approver,
        expires_in=min(times, default=None),
        on_expiry="fail" if any(one.on_expiry == "fail" for one in terms) else "reject",
        remember=all(one.remember for one in terms),
    )
    return Asked(merged, ",".join(dict.fromkeys(one.rule for one in asked)))


class PauseRequested(BaseException):
    """Ends the work of an agent for now: its run has to wait for these actions.

    Raised by ``stream(context)`` of an agent, and through tools by ``context.ask``. No ``Exception``, so that other
    people's ``except Exception`` does not catch it.

    ``state`` is JSON, at most :data:`LARGEST_STATE` bytes of it, that is kept with the run: an agent that is not ours
    finds it in ``context.agent_state`` when it continues.
    """

    def __init__(self, actions: Sequence[PendingAction], state: Any = None) -> None:
        super().__init__(f"{len(actions)} actions are pending")
        self.actions = tuple(actions)
        self.state = state


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
    if action.kind is PendingKind.APPROVAL:
        shown |= {"approver": action.approver, "on_expiry": action.on_expiry, "remember": action.remember}
        shown["rule"] = action.rule
    return {name: value for name, value in shown.items() if value is not None}
