"""What an agent says and does while it runs. A piece of its answer is a plain ``str``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union

from agentos_guest.run import Call


@dataclass(frozen=True)
class Reasoning:
    """The model thinks aloud."""

    content: str


@dataclass(frozen=True)
class ToolCall:
    """A tool call starts or ends; both have the same ``id`` and ``arguments``.

    ``arguments`` is an object, or the model's text where that is no JSON. ``result`` and ``error`` are the text that
    the model reads; a call that failed has an ``error``. ``duration`` is in seconds, where the framework says it.
    """

    id: str
    name: str
    arguments: Any
    status: Literal["started", "completed", "failed"] = "started"
    result: str | None = None
    error: str | None = None
    duration: float | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens of one or several calls to a model; those of a run add up. ``completion`` includes ``reasoning``."""

    prompt: int = 0
    completion: int = 0
    reasoning: int = 0
    cached: int | None = None


@dataclass(frozen=True)
class ModelCall:
    """A call to a model ended; before its tools run. The run's record keeps it. Times are in seconds.

    ``model`` is ``provider:name``. ``calls`` are the tool calls that the model made.
    """

    model: str
    duration: float = 0.0
    time_to_first_token: float | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    calls: Sequence[Call] = ()


Event = Union[str, Reasoning, ToolCall, Usage, ModelCall]  # noqa: UP007  # evaluated, and 3.10 has no `|` for str here
"""What an adapter yields."""
