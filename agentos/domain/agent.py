"""What an agent is: a model, instructions and tools. Never a conversation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from agentos.domain.agent_parameters import check_extras
from agentos.domain.guest import Guest
from agentos.domain.ids import AGENT_ID
from agentos.domain.overrides import DEFAULT_OVERRIDES, check_allowed_overrides
from agentos.domain.run import BusyPolicy
from agentos.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from agentos.domain.event import Yielded
    from agentos.runtime.context import RunContext
    from agentos.tools.tool import Tool, Toolkit

    ToolLike = str | Tool | Toolkit | Callable[..., Any]

MOST_OUTPUT_RETRIES = 3
"""Times that an answer may be asked for again because it does not follow the agent's schema."""


@dataclass(frozen=True, kw_only=True)
class Agent:
    """Instructions, a model and tools, shared by all requests; it holds no state of any conversation.

    ``model`` is ``provider:name`` (``openai:gpt-5-mini``). ``tools`` are names of registered tools (``source/tool`` or
    ``source/*`` for those of a :class:`~agentos.ToolSource`), ``@tool`` functions, plain typed functions,
    :class:`~agentos.Tool` objects or toolkits; only names can be stored.
    ``approve`` names those that a person has to approve: by their names, those of a source as in ``tools``.
    ``parameters`` go to the model as they are (``temperature``, ``tool_choice``, …); ``extra_headers``, ``extra_query``
    and ``extra_body`` add to its request, but never a secret. ``output_schema`` is the JSON schema that the answer must
    follow; with ``output_retries`` (0 to 3) an answer that does not is asked for again, and only the one that does is
    streamed. ``history_turns`` and ``max_turns`` fall back to the server's settings.
    ``concurrency`` is what happens to a run when its session has another one under way and the request does not say.
    ``retry_on_crash`` lets a run go on after its last finished step when its worker is lost: for agents with tools that
    may act twice.
    ``allow_overrides`` names what a run may do differently: parameters, ``output_schema``, ``client_tools`` and
    ``instructions``. An output limit is only ever lowered.

    Raises :class:`~agentos.errors.InvalidRequest` when a value cannot be right.
    """

    id: str
    model: str
    name: str = ""
    description: str = ""
    instructions: str = ""
    tools: Sequence[ToolLike] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    output_schema: Mapping[str, Any] | None = None
    output_retries: int = 0
    history_turns: int | None = None
    max_turns: int | None = None
    concurrency: BusyPolicy | str = BusyPolicy.ENQUEUE
    retry_on_crash: bool = False
    approve: Sequence[str] = ()
    allow_overrides: Sequence[str] = DEFAULT_OVERRIDES
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not AGENT_ID.fullmatch(self.id):
            raise InvalidRequest(
                f"agent id {self.id!r} is not accepted: 1 to 128 of letters, digits, '.', '_' and '-',"
                " the first a letter or digit"
            )
        provider, separator, name = self.model.partition(":")
        if not (separator and provider and name):
            raise InvalidRequest(
                f"model {self.model!r} of agent {self.id!r} is not accepted: give 'provider:name', as in"
                " 'openai:gpt-5-mini'"
            )
        for setting, least in (("history_turns", 0), ("max_turns", 1)):
            value = getattr(self, setting)
            if value is not None and value < least:
                raise InvalidRequest(f"{setting} of agent {self.id!r} is {value}; the least is {least}")
        if not 0 <= self.output_retries <= MOST_OUTPUT_RETRIES:
            raise InvalidRequest(
                f"output_retries of agent {self.id!r} is {self.output_retries}; accepted is 0 to {MOST_OUTPUT_RETRIES}"
            )
        try:
            object.__setattr__(self, "concurrency", BusyPolicy(self.concurrency))
        except ValueError:
            raise InvalidRequest(
                f"concurrency of agent {self.id!r} is {self.concurrency!r}; accepted are {', '.join(BusyPolicy)}"
            ) from None
        if isinstance(self.tools, str):
            raise InvalidRequest(
                f"tools of agent {self.id!r} are the text {self.tools!r:.100}; accepted is a list, as in"
                f" [{self.tools!r:.100}]"
            )
        if isinstance(self.approve, str) or not all(isinstance(name, str) for name in self.approve):
            raise InvalidRequest(
                f"approve of agent {self.id!r} is {self.approve!r:.100}; accepted is a list of names of its tools"
            )
        check_extras(self.id, self.parameters)
        check_allowed_overrides(self.id, self.allow_overrides)
        object.__setattr__(self, "name", self.name or self.id)
        object.__setattr__(self, "tools", tuple(self.tools))
        object.__setattr__(self, "approve", tuple(self.approve))
        object.__setattr__(self, "allow_overrides", tuple(self.allow_overrides))
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))


@runtime_checkable
class StreamingAgent(Protocol):
    """Any object with ``stream(context)`` is an agent: another framework's agent is hosted through this.

    It yields text (``str``), :class:`~agentos.Token`, :class:`~agentos.Reasoning`, :class:`~agentos.ToolCallEvent`,
    :class:`~agentos.Usage` and :class:`~agentos.Step` values as they come, or a list of them for what came together;
    returning ends the run as completed, raising ends it as failed.
    ``name``, ``description`` and ``model`` attributes are shown by the API where they exist. An ``allow_overrides``
    attribute names what runs may override; the agent finds it in ``context.overrides``. Without it, nothing.
    """

    def stream(self, context: RunContext) -> Iterable[Yielded]:
        """Yield what the agent says and does, as it happens."""
        ...


@runtime_checkable
class AsyncAgent(Protocol):
    """An object with ``async def stream(context)`` is an agent too: it runs in a guest process, on an event loop.

    It yields what a :class:`StreamingAgent` yields.
    """

    def stream(self, context: RunContext) -> AsyncIterable[Yielded]:
        """Yield what the agent says and does, as it happens."""
        ...


AnyAgent = Agent | StreamingAgent | AsyncAgent | Guest
"""What can be registered as an agent."""


def is_async(agent: object) -> bool:
    """Return whether an object is an agent with ``async def stream(context)``."""
    stream = getattr(agent, "stream", None)
    return inspect.isasyncgenfunction(stream) or inspect.iscoroutinefunction(stream)
