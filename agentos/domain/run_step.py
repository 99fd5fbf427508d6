"""What the record of a run keeps of each call to a model and to a tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from agentos.domain.times import rfc3339
from agentos.domain.usage import Usage

_TOKENS = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens")
_SAME = (
    *("number", "type", "status", "duration", "model", "attempt", "time_to_first_token", "finish_reason"),
    *("tool_name", "tool_call_id", "cause", "remembered"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep:
    """One try of a call to a model, or one call of a tool.

    ``number`` counts 1, 2, 3 … by their starts; of a run with very many, those in the middle are left out, and their
    numbers are missing. ``duration`` and ``time_to_first_token`` are in seconds. ``status`` is ``started`` for a call
    that had no end when its run completed. ``cause`` says why a call to a model failed, or what ended the run before
    the call did. ``remembered`` is the decision that decided about a call of a tool, where an approver let one hold for
    the session, with the call's ``arguments`` if they are short.
    """

    number: int
    type: Literal["model_call", "tool_call"]
    status: Literal["started", "completed", "failed"]
    started_at: datetime
    duration: float | None = None
    model: str | None = None
    attempt: int | None = None
    time_to_first_token: float | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    cause: str | None = None
    remembered: Mapping[str, Any] | None = field(default=None, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that is shown: what has a value."""
        shown = {name: value for name in _SAME if (value := getattr(self, name)) is not None}
        shown["started_at"] = rfc3339(self.started_at)
        if self.usage is not None:
            shown["usage"] = self.usage.to_dict()
        return shown

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> RunStep:
        """Return the step of a JSON object with its fields; what a newer version has added is left out."""
        usage = stored.get("usage")
        return cls(
            **{name: stored[name] for name in _SAME if name in stored},
            started_at=datetime.fromisoformat(stored["started_at"]),
            usage=None if usage is None else Usage(**{name: usage.get(name) for name in _TOKENS}),
        )
