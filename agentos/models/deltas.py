"""The pieces in which a model's answer arrives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from agentos.domain.usage import Usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer, to the byte."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of the model's thinking; ``redacted`` is what the provider hides but wants back."""

    text: str
    redacted: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call.

    ``index`` tells parallel calls apart; ``id`` and ``name`` come once (usually with the first piece), ``arguments``
    is a piece of JSON text. Whoever consumes the stream joins the pieces, never the provider.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Finish:
    """The model ended its answer on purpose. A stream that ends without one was cut and counts as failed."""

    reason: FinishReason


Delta = TextDelta | ReasoningDelta | ToolCallDelta | Usage | Finish
""":class:`~agentos.domain.usage.Usage` is the whole call's, given once, at any place."""

Arrival = Delta | list[Delta]
"""What a provider yields: a delta, or those that arrived together in one list, which then go on their way together."""


def each(arrivals: Iterable[Arrival]) -> Iterator[Delta]:
    """Yield the deltas one by one, for who does not care what arrived together."""
    for arrived in arrivals:
        if isinstance(arrived, list):
            yield from arrived
        else:
            yield arrived
