"""Questions of a tool, or of an agent that is not ours, to a person: ``context.ask``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, NoReturn

from agentos.domain.ids import new_id
from agentos.domain.message import ToolCall
from agentos.domain.pending import LONGEST_MESSAGE, PauseRequested, PendingAction, PendingKind
from agentos.domain.text import clean, shorten
from agentos.domain.times import utc_now
from agentos.errors import InvalidRequest
from agentos.json_schema.check import SchemaRefused, check_schema
from agentos.tools.run_writer import json_copy

Hash = Callable[..., str]
"""The hash of what asks, and of what else is given."""


class Questions:
    """Asks nothing: for a context that no run of a server has, or where a run cannot wait."""

    def __init__(self, where: str = "outside of a run") -> None:
        self._where = where

    def ask(self, message: str, schema: Mapping[str, Any] | None) -> Any:
        """Return the answer, or raise :class:`~agentos.domain.pending.PauseRequested`."""
        check_question(message, schema)
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise InvalidRequest(
            f"context.ask does not work {self._where}; accepted is a tool that is not isolated, called in a run, or the"
            " stream(context) of an agent"
        )


NO_QUESTIONS = Questions()
NO_QUESTIONS_OF_HOOKS = Questions("in a hook that decides; return Pending to have the call approved")
NO_QUESTIONS_OF_ISOLATED = Questions("in an isolated tool, which runs in a process of its own")


@dataclass(eq=False)
class RunQuestions(Questions):
    """The questions of one call of a tool, or of one agent, in their order.

    ``actions`` are those of the run, with their answers; ``hash`` covers what asks. Several threads may ask.
    """

    call: ToolCall
    hash: Hash
    actions: Sequence[PendingAction]
    turn: int = 1
    pause_timeout: float | None = None
    _numbers: count[int] = field(default_factory=count)

    def ask(self, message: str, schema: Mapping[str, Any] | None) -> Any:
        """Return the answer, or raise :class:`~agentos.domain.pending.PauseRequested` with the question."""
        text, accepted = check_question(message, schema)
        number = next(self._numbers)
        question = PendingAction(
            id=new_id(),
            kind=PendingKind.INPUT,
            call=self.call,
            arguments_hash=self.hash("question", number, text, accepted),
            turn=self.turn,
            number=number,
            message=text,
            schema=accepted,
            created_at=utc_now(),
            expires_at=expiry(self.pause_timeout),
        )
        answered = last_answered(self.actions, self.call, PendingKind.INPUT, turn=self.turn, number=number)
        # The same question, and not the n-th of another version of the tool.
        if answered is None or answered.answer is None or answered.arguments_hash != question.arguments_hash:
            raise PauseRequested([question])
        return answered.answer.output


def check_question(message: object, schema: object) -> tuple[str, dict[str, Any] | None]:
    """Return a question's text and schema as they are kept; raise ``InvalidRequest`` for what is not accepted."""
    if not isinstance(message, str) or not message.strip():
        raise InvalidRequest(f"the question of context.ask is {message!r:.100}; accepted is a text that is not empty")
    text = shorten(clean(message), LONGEST_MESSAGE)
    if schema is None:
        return text, None
    if not isinstance(schema, Mapping):
        raise InvalidRequest(f"the schema of context.ask is {schema!r:.100}; accepted is a JSON schema, as a dict")
    copy: dict[str, Any] = json_copy("the schema of context.ask", dict(schema))
    try:
        check_schema(copy)
    except SchemaRefused as error:
        raise InvalidRequest(f"the schema of context.ask is no JSON schema that is accepted, {error}") from None
    return text, copy


def expiry(seconds: float | None) -> datetime | None:
    """Return when an action expires that waits for so long; ``None`` and 0 are without limit."""
    return utc_now() + timedelta(seconds=seconds) if seconds else None


def answered(
    actions: Sequence[PendingAction], call: ToolCall, kind: PendingKind, *, turn: int, number: int = 0
) -> Sequence[PendingAction]:
    """Return the actions of a kind about a call that have an answer, in the order of their making."""
    wanted = (call.id, turn, kind, number)
    return [
        action
        for action in actions
        if (action.call.id, action.turn, action.kind, action.number) == wanted and action.answer is not None
    ]


def last_answered(
    actions: Sequence[PendingAction], call: ToolCall, kind: PendingKind, *, turn: int, number: int = 0
) -> PendingAction | None:
    """Return the last action of a kind about a call that has an answer."""
    found = answered(actions, call, kind, turn=turn, number=number)
    return found[-1] if found else None
