"""One response of a model: collected from its deltas, and what may be done with it."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any, get_args

import orjson

from agentos.domain.event import Step
from agentos.domain.ids import new_id
from agentos.domain.message import ToolCall
from agentos.domain.text import clean, is_clean
from agentos.domain.times import utc_now
from agentos.domain.usage import Usage
from agentos.errors import AgentFailed, AgentOSError, ProviderError
from agentos.models.deltas import CUT, FinishReason, MessageDetails, ToolCallDelta

REASONS: frozenset[str] = frozenset(get_args(FinishReason))

CUT_BY = {
    "length": "not called: the output limit cut the answer before it was complete; answer shorter",
    "content_filter": "not called: the provider's content filter cut the answer before it was complete",
}
UNSURE = "not called: the answer ended for an unknown reason, and these arguments are no complete JSON"

MAX_DETAILS = 1024**2
"""Bytes of JSON that one answer may bring for its provider to see again."""

LONGEST_NAME = 255
"""Characters that are kept of a model's name."""

_ID = re.compile(r"[!-~]{1,128}")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")

logger = logging.getLogger(__name__)


class ModelResponse:
    """What one call to a model has brought so far.

    ``held`` says that its text is not streamed until the run knows whether it may be. ``limit`` bounds the characters
    of its text where :meth:`check_size` is called, and those of the arguments of its calls.
    """

    def __init__(self, limit: int, *, held: bool = False) -> None:
        self.held = held
        self.pieces: list[str] = []
        """The text in the pieces in which it came."""
        self.thoughts: list[str] = []
        self.began: float | None = None
        """Seconds until anything came; after that, nothing is tried again."""
        self.attempt = 1
        self.started_at = utc_now()
        self.reason: FinishReason | None = None
        self.usage: Usage | None = None
        self.assembler = CallAssembler(limit)
        self._details: Mapping[str, Any] | None = None
        self._counted = self._size = 0
        self._started = time.monotonic()
        self._limit = limit

    def ask(self, attempt: int) -> None:
        """Note that the model is asked now, for the first time or again."""
        self.attempt = attempt
        self.started_at = utc_now()
        self._started = time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since the model was asked."""
        return time.monotonic() - self._started

    @cached_property
    def calls(self) -> list[ToolCall]:
        """The whole calls. Ask once the response has ended."""
        return self.assembler.calls()

    def keep(self, details: MessageDetails) -> None:
        """Keep what the provider wants to see again with this message."""
        self._details = {**(self._details or {}), **details.fields}

    def finish(self, reason: str) -> None:
        """Note why the model stopped; a reason that is not one of ours is ``other``."""
        self.reason = reason if reason in REASONS else "other"  # type: ignore[assignment]

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self.pieces)

    def check_size(self) -> None:
        """Raise :class:`~agentos.errors.ProviderError` when the text is too long."""
        self._size += sum(map(len, self.pieces[self._counted :]))
        self._counted = len(self.pieces)
        if self._size > self._limit:
            raise ProviderError(
                f"the answer grew beyond {self._limit} characters (AGENTOS_MAX_OUTPUT_SIZE) and was stopped"
            )

    def step(self, model: str) -> Step:
        """Return the call to the model, which ended well, as an event."""
        step = Step(
            model=model,
            attempt=self.attempt,
            started_at=self.started_at,
            duration=self.age,
            time_to_first_token=self.began,
            finish_reason=self.reason,
            usage=self.usage,
            provider_details=self._details,
            call_details={call.id: call.provider_details for call in self.calls if call.provider_details},
            calls=tuple(self.calls),
        )
        return kept_step(step)

    def started_step(self, model: str) -> Step:
        """Return the begin of the call as an event."""
        return Step(model=model, status="started", attempt=self.attempt, started_at=self.started_at)

    def failed_step(self, model: str, error: BaseException) -> Step:
        """Return the call that ended with an error as an event."""
        cause = error.details.get("cause", error.code) if isinstance(error, AgentOSError) else AgentFailed.cause
        return Step(
            model=model,
            status="failed",
            attempt=self.attempt,
            started_at=self.started_at,
            duration=self.age,
            time_to_first_token=self.began,
            finish_reason=self.reason,
            usage=self.usage,
            cause=cause,
        )

    def words(self) -> list[str]:
        """Return all that the model wrote."""
        return [self.text, "".join(self.thoughts), *(call.arguments for call in self.assembler.calls())]

    def refusals(self) -> dict[str, str]:
        """Return, by call id, why a call must not be executed.

        A call is executed only if the answer that holds it ended well: after a cut, arguments may lack their end, and
        no arguments at all would mean the tool's defaults. After an unknown reason, complete JSON is proof enough.
        """
        if self.reason in CUT:
            return {call.id: CUT_BY[self.reason] for call in self.calls}
        if self.reason == "other":
            return {call.id: UNSURE for call in self.calls if not _is_object(call.arguments)}
        return {}


def kept_step(step: Step) -> Step:
    """Return a step as it can be stored: its words known or clean, its details JSON of a bounded size or none.

    Calls that are none are left out: an agent that is not ours may yield anything.
    """
    model = clean(str(step.model))[:LONGEST_NAME]
    cause = None if step.cause is None else clean(str(step.cause))[:LONGEST_NAME]
    reason = step.finish_reason if step.finish_reason is None or step.finish_reason in REASONS else "other"
    kept = step
    if step.calls != ():
        calls = tuple(map(_kept_call, step.calls)) if _are_calls(step.calls) else ()
        kept = kept if calls == step.calls else dataclasses.replace(kept, calls=calls)
    if (model, reason, cause) != (step.model, step.finish_reason, step.cause):
        kept = dataclasses.replace(kept, model=model, finish_reason=reason, cause=cause)
    if not (step.provider_details or step.call_details):
        return kept
    details = {"message": step.provider_details, "calls": dict(step.call_details)}
    try:
        text = orjson.dumps(details)
    except TypeError:
        logger.warning("details of model %r are left out: they are no JSON", kept.model)
    else:
        if len(text) <= MAX_DETAILS:
            plain = orjson.loads(text)
            return dataclasses.replace(kept, provider_details=plain["message"], call_details=plain["calls"])
        logger.warning("details of model %r are left out: they have %d bytes", kept.model, len(text))
    return dataclasses.replace(kept, provider_details=None, call_details={})


def _are_calls(given: object) -> bool:
    return isinstance(given, tuple | list) and all(
        isinstance(one, ToolCall) and all(isinstance(text, str) for text in (one.id, one.name, one.arguments))
        for one in given
    )


def _kept_call(call: ToolCall) -> ToolCall:
    if call.provider_details is None and all(map(is_clean, (call.id, call.name, call.arguments))):
        return call
    return ToolCall(clean(call.id), clean(call.name), clean(call.arguments))  # its details are among those of the step


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


class CallAssembler:
    """Collects the tool calls of one turn; ``limit`` bounds their arguments together, in characters."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._ids: dict[int, str] = {}
        self._names: dict[int, str] = {}
        self._arguments: dict[int, list[str]] = {}
        self._details: dict[int, dict[str, Any]] = {}

    def add(self, delta: ToolCallDelta) -> None:
        """Take in a piece; raise :class:`~agentos.errors.ProviderError` when the model does not come to an end."""
        self._size += len(delta.arguments)
        if self._size > self._limit:
            raise ProviderError(f"the model wrote tool calls of more than {self._limit} characters and was stopped")
        pieces = self._arguments.setdefault(delta.index, [])
        if delta.id:
            self._ids.setdefault(delta.index, delta.id)
        if delta.name:
            self._names.setdefault(delta.index, delta.name)
        if delta.arguments:
            pieces.append(delta.arguments)
        if delta.provider_details:
            self._details.setdefault(delta.index, {}).update(delta.provider_details)

    def calls(self) -> list[ToolCall]:
        """Return the whole calls in their order.

        A call without a sane id, or with another one's, gets a new one. A name is cut to what servers accept when they
        are shown the conversation again; one that has to be cut is no tool's name anyway.
        """
        calls: list[ToolCall] = []
        taken: set[str] = set()
        for index in sorted(self._arguments):
            id = self._ids.get(index, "")
            if not _ID.fullmatch(id) or id in taken:
                id = f"call_{new_id()}"
            taken.add(id)
            name = _NOT_IN_NAMES.sub("_", self._names.get(index, ""))[:64]
            calls.append(ToolCall(id, name, "".join(self._arguments[index]), self._details.get(index)))
        return calls
