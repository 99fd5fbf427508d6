"""The events of a run: the one stream that every answer is a view of.

Each class is one ``event`` of the stream; its docstring and fields are its published documentation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, NamedTuple, get_args

from agentos.domain.message import ToolCall
from agentos.domain.usage import Usage

ToolCallStatus = Literal["started", "completed", "failed"]


class _Sent:
    """An event that is sent."""

    __slots__: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """Return the event's ``data``: its fields, without those that have no value."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class RunStart(_Sent):
    """The run was accepted. Always the first event.

    It comes once more, with ``attempt``, when another worker continues the run because its worker was lost (agents
    with ``retry_on_crash``): what was said before does not count, but for the first ``kept_turns`` turns.
    """

    type: ClassVar[str] = "run_start"

    input: str
    session_id: str | None = None
    media: Sequence[Mapping[str, Any]] | None = None
    attempt: int | None = None
    kept_turns: int | None = None


@dataclass(frozen=True, slots=True)
class Reasoning(_Sent):
    """The model thinks aloud; sent as it arrives. ``redacted_content`` is what its provider hides but wants back."""

    type: ClassVar[str] = "reasoning"

    content: str
    token_count: int | None = None
    redacted_content: str | None = None


@dataclass(frozen=True, slots=True)
class Token(_Sent):
    """A piece of the answer, exactly as the model gave it. The run counts ``index`` up from 0."""

    type: ClassVar[str] = "token"

    token: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallEvent(_Sent):
    """A tool call starts or ends. ``arguments`` is what the model gave: an object, or its text where that is no JSON.

    ``duration`` is in seconds; ``result`` and ``error`` are the text that the model reads. ``remembered`` is the
    decision that decided about the call, where an approver let one hold for the session.
    """

    type: ClassVar[str] = "tool_call"

    tool_call_id: str
    tool_name: str
    arguments: Any
    status: ToolCallStatus
    result: str | None = None
    error: str | None = None
    duration: float | None = None
    remembered: Mapping[str, Any] | None = field(default=None, hash=False)

    def data(self) -> dict[str, Any]:
        """Return the event's ``data``; an agent that is not ours may give no arguments, which is a value here."""
        return {**_Sent.data(self), "arguments": self.arguments}


@dataclass(frozen=True, slots=True)
class CustomEvent(_Sent):
    """What an agent or a tool says besides its answer, with ``context.emit(name, data)``: progress, a source, a card.

    ``name`` says what it is, ``data`` (in Python: ``value``) is any JSON. The server gives neither a meaning.
    """

    type: ClassVar[str] = "custom"

    name: str
    value: Any = field(metadata={"shown": "data"})

    def data(self) -> dict[str, Any]:
        """Return the event's ``data``; ``null`` is a value here."""
        return {"name": self.name, "data": self.value}


@dataclass(frozen=True, slots=True)
class StateEvent(_Sent):
    """The run changed its session's state, with ``context.set_state(patch)``.

    ``delta`` is a JSON Patch (RFC 6902) of the state. It is saved when the run completes. If the run fails, is
    cancelled, or starts over, it does not count.
    """

    type: ClassVar[str] = "state"

    delta: Sequence[Mapping[str, Any]]


StepStatus = Literal["started", "completed", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A call to a model started or ended; when it ends, its tools have not run yet. Internal: not numbered, not sent.

    Observers get it, and the run's record keeps it. ``model`` is ``provider:name``. ``attempt`` counts from 1 the tries
    of this call, and each try has steps of its own. ``duration`` and ``time_to_first_token`` are seconds from
    ``started_at`` to the end, and to the first thing that the model sent. ``cause`` says why a call failed, as
    ``details.cause`` or the code of an error does. ``usage`` is what this call took; the run's sum is of the
    :class:`~agentos.Usage` values alone. ``provider_details`` are fields of the message that the provider wants to see
    again, ``call_details`` those of its tool calls, by id. ``calls`` are the calls that it made, in the model's order;
    agents that are not ours need not give them.
    """

    type: ClassVar[str] = "step"

    model: str
    status: StepStatus = "completed"
    attempt: int = 1
    started_at: datetime | None = None
    duration: float = 0.0
    time_to_first_token: float | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    cause: str | None = None
    provider_details: Mapping[str, Any] | None = field(default=None, hash=False)
    call_details: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)
    calls: Sequence[ToolCall] = ()

    @property
    def provider(self) -> str:
        """The provider's prefix."""
        return self.model.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Paused(_Sent):
    """The run waits for a person or its client, and is saved. The connection ends; `resumed` follows the last answer.

    Each item of ``pending`` has ``id``, ``kind`` (`approval`, `input` or `client_tool`), ``tool_name``,
    ``tool_call_id`` and ``arguments``, and where there is one a ``message``, a ``schema`` that an `input` has to fit,
    and ``expires_at``. `POST /api/v1/runs/{run_id}/resume` answers them. ``usage`` is what the run took so far; it is
    missing in events of earlier versions.
    """

    type: ClassVar[str] = "paused"

    pending: Sequence[Mapping[str, Any]]
    usage: Usage | None = None

    def data(self) -> dict[str, Any]:
        """Return the event's ``data``, with the total of the tokens."""
        shown = _Sent.data(self)
        return shown if self.usage is None else {**shown, "usage": self.usage.to_dict()}


@dataclass(frozen=True, slots=True)
class Resumed(_Sent):
    """The run continues after a pause. Each of ``answers`` has ``id`` and, of an approval, the ``decision``."""

    type: ClassVar[str] = "resumed"

    answers: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Complete(_Sent):
    """The run ended well and is saved. ``output`` is the text of the last turn, ``duration`` is in seconds.

    ``model`` and ``finish_reason`` are those of the last call to a model: ``length`` means that the output limit cut
    the answer, ``content_filter`` that the provider's filter did. Agents without a model of ours have neither.
    """

    type: ClassVar[str] = "complete"

    output: str
    duration: float
    usage: Usage
    token_count: int
    loops: int
    reasoning: str | None = None
    status: str = "completed"
    model: str | None = None
    finish_reason: str | None = None

    def data(self) -> dict[str, Any]:
        """Return the event's ``data``, with the total of the tokens."""
        return {**_Sent.data(self), "usage": self.usage.to_dict()}


@dataclass(frozen=True, slots=True)
class Error(_Sent):
    """The run ended otherwise; the fields are those of the JSON error that ``/run`` would have answered."""

    type: ClassVar[str] = "error"

    error: str
    message: str
    code: str
    details: Mapping[str, Any] = field(default_factory=dict)


AgentEvent = Token | Reasoning | ToolCallEvent | Usage | Step
"""What an agent does. Usages and steps are not sent; the run keeps what they say."""

Yielded = AgentEvent | str | list[AgentEvent | str]
"""What an agent's ``stream`` yields: an event, a text for a token, or several in one list, which are sent together."""

RunEvent = RunStart | Reasoning | Token | ToolCallEvent | CustomEvent | StateEvent | Paused | Resumed | Complete | Error
"""What a run's stream is made of."""

EVENT_TYPES: tuple[str, ...] = tuple(event.type for event in get_args(RunEvent))


class Frame(NamedTuple):
    """An event in its place in the run's stream, encoded once for everybody who reads it.

    ``number`` counts 1, 2, 3 … without a gap; ``data`` is the envelope as one line of UTF-8 JSON. A tuple, since there
    is one for every token.
    """

    number: int
    type: str
    data: bytes

    @property
    def last(self) -> bool:
        """True for the event after which nothing comes: the end of the run."""
        return self.type in ("complete", "error")

    @property
    def stops(self) -> bool:
        """True for an event after which nothing comes for now: the end of the run, or a pause."""
        return self.type in ("complete", "error", "paused")
