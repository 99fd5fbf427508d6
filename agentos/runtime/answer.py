"""One answer of a model: collected from its deltas, and what may be done with it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any, get_args

from agentos.domain.event import Step
from agentos.domain.message import ToolCall
from agentos.domain.usage import Usage
from agentos.errors import ProviderError
from agentos.models.deltas import CUT, FinishReason, MessageDetails, ToolCallDelta
from agentos.runtime.calls import CallAssembler

REASONS: frozenset[str] = frozenset(get_args(FinishReason))

CUT_BY = {
    "length": "not called: the output limit cut the answer before it was complete; answer shorter",
    "content_filter": "not called: the provider's content filter cut the answer before it was complete",
}
UNSURE = "not called: the answer ended for an unknown reason, and these arguments are no complete JSON"


class Answer:
    """What one call to a model has brought so far.

    With ``hold``, its text is kept in ``held`` and not streamed, until the run knows whether it may be. ``limit``
    bounds the characters of that text, and those of the arguments of its calls.
    """

    def __init__(self, limit: int, *, hold: bool = False) -> None:
        self.held: list[str] | None = [] if hold else None
        self.began: float | None = None
        """Seconds until anything came; after that, nothing is tried again."""
        self.attempt = 1
        self.reason: FinishReason | None = None
        self.usage: Usage | None = None
        self._assembler = CallAssembler(limit)
        self._details: Mapping[str, Any] | None = None
        self._held_pieces = self._held_size = 0
        self._started = time.monotonic()
        self._limit = limit

    def ask(self, attempt: int) -> None:
        """Note that the model is asked now, for the first time or again."""
        self.attempt = attempt
        self._started = time.monotonic()

    def begin(self) -> None:
        """Note that the first piece came."""
        self.began = self.age

    @property
    def age(self) -> float:
        """Seconds since the model was asked."""
        return time.monotonic() - self._started

    @cached_property
    def calls(self) -> list[ToolCall]:
        """The whole calls. Ask once the answer has ended."""
        return self._assembler.calls()

    def add(self, piece: ToolCallDelta) -> None:
        """Take in a piece of a call; raise :class:`~agentos.errors.ProviderError` when there are too many."""
        self._assembler.add(piece)

    def keep(self, details: MessageDetails) -> None:
        """Keep what the provider wants to see again with this message."""
        self._details = {**(self._details or {}), **details.fields}

    def finish(self, reason: str) -> None:
        """Note why the model stopped; a reason that is not one of ours is ``other``."""
        self.reason = reason if reason in REASONS else "other"  # type: ignore[assignment]

    def check_held(self) -> None:
        """Raise :class:`~agentos.errors.ProviderError` when the text that is held back is too long."""
        held = self.held or []
        self._held_size += sum(map(len, held[self._held_pieces :]))
        self._held_pieces = len(held)
        if self._held_size > self._limit:
            raise ProviderError(
                f"the answer grew beyond {self._limit} characters (AGENTOS_MAX_OUTPUT_SIZE) and was stopped"
            )

    def step(self, model: str) -> Step:
        """Return the call to the model as an event."""
        return Step(
            model=model,
            finish_reason=self.reason,
            duration=self.age,
            attempt=self.attempt,
            first_piece=self.began,
            usage=self.usage,
            provider_details=self._details,
            call_details={call.id: call.provider_details for call in self.calls if call.provider_details},
        )

    def words(self) -> list[str]:
        """Return what the model wrote and is not in the run's transcript yet."""
        return ["".join(self.held or ()), *(call.arguments for call in self._assembler.calls())]

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


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
