"""The part of a request to run an agent that is kept with the run: how it is executed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from agentos.domain.message import Message
from agentos.domain.tool_spec import ToolSpec
from agentos.domain.trace_context import TraceContext


class RunMode(StrEnum):
    """How the client waits. It decides the run's time limit; a background run also waits for an executor.

    ``inline``: for one answer. ``streamed``: for events. ``background``: not at all.
    """

    INLINE = "inline"
    STREAMED = "streamed"
    BACKGROUND = "background"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOverrides:
    """What one run does differently from its agent, where the agent's ``allow_overrides`` names it.

    ``parameters`` are fields of the model's request; each is named by itself. ``output_schema`` and ``instructions``
    replace the agent's. ``client_tools`` are tools that the client executes: the run pauses for each call of them, and
    fails if the result does not come within ``client_tool_timeout`` seconds; ``None`` takes the server's
    ``AGENTOS_PAUSE_TIMEOUT``.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    output_schema: Mapping[str, Any] | None = None
    client_tools: Sequence[ToolSpec] = ()
    client_tool_timeout: float | None = None
    instructions: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what is overridden, as ``allow_overrides`` has them; empty for a plain run."""
        others = (
            ("output_schema", self.output_schema is not None),
            ("client_tools", bool(self.client_tools)),
            ("instructions", self.instructions is not None),
        )
        return (*self.parameters, *(name for name, given in others if given))


NO_OVERRIDES = ModelOverrides()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRequest:
    """What a run's row keeps of its request beside the run's own fields, for the worker that takes the run over.

    ``unknown`` names what a newer version of AgentOS has stored and this one cannot do.
    """

    mode: RunMode = RunMode.INLINE
    messages: Sequence[Message] = ()
    overrides: ModelOverrides = NO_OVERRIDES
    concurrency: str | None = None
    """A :class:`~agentos.BusyPolicy`, where the request gave one."""
    trace: TraceContext | None = None
    """The span in which the run was asked for, where a plugin makes traces."""
    unknown: Sequence[str] = ()
