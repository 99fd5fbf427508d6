"""Writes a line at level debug for each call to a model and to a tool. When the level is off, it costs nothing.

Arguments and results are in it only with ``log_content``. What a provider says of a failure is in it, without what it
quotes of the conversation.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from agentos.domain.event import Step, ToolCallEvent
from agentos.domain.message import Message
from agentos.errors import AgentOSError, RunCancelled
from agentos.observability.content import UntrustedText, without_quotes
from agentos.observability.slow import SlowLog

MAX_REASON = 400  # characters of a provider's words that a line has

COMPARED = 1024**2
"""Characters of a conversation that these words are compared with. A longer one leaves the line our own words alone."""

COUNTS = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")

MAX_CONTENT = 2000  # characters of arguments and of a result that a line has

logger = logging.getLogger("agentos.calls")


@dataclass(frozen=True, slots=True)
class Origin:
    """What a call was made for. A summary has no run, and its line no ``run_id``."""

    run_id: str | None
    agent_id: str
    session_id: str | None = None
    request_id: str | None = None

    def fields(self) -> dict[str, Any]:
        """Return what a line says of it."""
        fields = {"agent_id": self.agent_id, "session_id": self.session_id, "request_id": self.request_id}
        return fields if self.run_id is None else {"run_id": self.run_id, **fields}


def log_model_call(origin: Origin, step: Step) -> None:
    """Write the line of a call that ended well."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    fields = {
        **origin.fields(),
        **_of_call(step.model, step.attempt, step.duration, step.time_to_first_token),
        "finish_reason": step.finish_reason,
        **{name: getattr(step.usage, name, None) for name in COUNTS},
    }
    logger.debug("model call completed", extra=fields)


def log_failed_model_call(
    origin: Origin,
    *,
    model: str,
    attempt: int,
    duration: float,
    first_piece: float | None,
    error: BaseException,
    said: Callable[[], Iterable[str | None]],
) -> None:
    """Write the line of a call that failed or was stopped; ``said`` returns what the provider's words may quote."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    fields = {**origin.fields(), **_of_call(model, attempt, duration, first_piece)}
    if isinstance(error, RunCancelled | GeneratorExit):  # the run was stopped, or wants no more of the answer
        logger.debug("model call stopped", extra=fields)
        return
    if isinstance(error, AgentOSError):
        fields |= {"cause": error.details.get("cause", error.code), "status": error.details.get("status")}
        fields["reason"] = _reason(error.message, said())
    else:  # a bug in the provider; the run's own line has where
        fields["cause"] = type(error).__name__
    logger.debug("model call failed", extra=fields)


@dataclass(frozen=True, slots=True)
class ToolCallLog:
    """Writes the lines of tool calls: one at level debug for each, with ``content`` what it was given and returned.

    ``slow`` warns of those that took long.
    """

    content: bool = False
    slow: SlowLog | None = None

    def log(self, origin: Origin, event: ToolCallEvent) -> None:
        """Write what there is to say of a call that ended."""
        if self.slow is not None and isinstance(event.duration, int | float):
            self.slow.note(event.duration, event.tool_name, tool=event.tool_name, **origin.fields())
        if logger.isEnabledFor(logging.DEBUG):
            _log_tool_call(origin, event, content=self.content)


def _log_tool_call(origin: Origin, event: ToolCallEvent, *, content: bool) -> None:
    fields = {
        **origin.fields(),
        "tool": event.tool_name,
        "duration": None if event.duration is None else round(event.duration, 6),
    }
    if content:
        result = event.result if event.error is None else event.error
        fields |= {"arguments": f"{event.arguments}"[:MAX_CONTENT], "result": f"{result}"[:MAX_CONTENT]}
    logger.debug("tool call %s", event.status, extra=fields)


def words_of(messages: Iterable[Message]) -> Iterator[str]:
    """Yield the texts and arguments in messages: what an error of a provider may quote."""
    for message in messages:
        yield message.content
        for call in message.tool_calls:
            yield call.arguments


def _of_call(model: str, attempt: int, duration: float, first_piece: float | None) -> dict[str, Any]:
    return {
        "model": model,
        "attempt": attempt,
        "duration": round(duration, 6),
        "first_piece": None if first_piece is None else round(first_piece, 6),
    }


def _reason(message: str, said: Iterable[str | None]) -> UntrustedText:
    """Return an error's words; the log's formatter takes the secrets out."""
    message = message[:MAX_REASON]
    texts = [text for text in said if text]
    if sum(map(len, texts)) > COMPARED:
        return UntrustedText(message)
    return UntrustedText(message, without_quotes(message, texts))
