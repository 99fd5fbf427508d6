"""The pieces in which a model's answer arrives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agentos.domain.usage import Usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "other"]
"""Why a model stopped. Reasons that mean failure are raised as errors; ``other`` is any reason that we do not know."""

CUT: frozenset[FinishReason] = frozenset({"length", "content_filter"})
"""The reasons after which the answer may lack its end. Tool calls in such an answer are not executed."""


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
    is a piece of JSON text. The run joins the pieces, not the provider. ``provider_details`` are fields that the server
    wants to see again with this call (Gemini's ``extra_content``); later pieces replace earlier ones field by field.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    provider_details: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class MessageDetails:
    """Fields of the message itself that the server wants to see again (DeepSeek's ``reasoning_content``).

    Given at most once per call, before the :class:`Finish`. They are stored with the message and sent only to the
    provider that made them.
    """

    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finish:
    """The model ended its answer. A stream that ends without one was cut and counts as failed."""

    reason: FinishReason


Delta = TextDelta | ReasoningDelta | ToolCallDelta | MessageDetails | Usage | Finish
""":class:`~agentos.domain.usage.Usage` is the whole call's, given once, at any place."""

Arrival = Delta | list[Delta]
"""What a provider yields: a delta, or those that arrived together in one list, which then stay together."""


def each(arrivals: Iterable[Arrival]) -> Iterator[Delta]:
    """Yield the deltas one by one, for who does not care what arrived together."""
    for arrived in arrivals:
        if isinstance(arrived, list):
            yield from arrived
        else:
            yield arrived
