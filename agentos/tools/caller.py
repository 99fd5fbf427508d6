"""Where a tool is called: in this worker, in a process of its own, or in a guest process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakSet

from agentos.domain.event import Step
from agentos.domain.text import cut
from agentos.event_loops import EventLoopRefused, begin_call
from agentos.tools.context import ToolContext
from agentos.tools.guest_calls import GuestCalls, refused_loop
from agentos.tools.isolation import Isolation
from agentos.tools.results import result_text
from agentos.tools.run_writer import RunWriter
from agentos.tools.tool import Tool

logger = logging.getLogger(__name__)


class ToolCaller:
    """Calls tools. One that starts an event loop before it did anything is called in a guest process from then on.

    Results of more than ``max_size`` bytes are cut, with a note.
    """

    def __init__(self, isolation: Isolation, guests: GuestCalls, max_size: int) -> None:
        self._isolation = isolation
        self._guests = guests
        self._max_size = max_size
        self._moved: WeakSet[Callable[..., Any]] = WeakSet()

    def call(self, tool: Tool, given: dict[str, Any], arguments: Mapping[str, Any], context: ToolContext) -> str:
        """Return the text that the model reads. ``given`` was made of ``arguments``, which are JSON, in this process.

        Raises what the tool raises; :class:`~agentos.tools.isolation.IsolatedCallFailed` or
        :class:`~agentos.tools.guest_calls.GuestCallFailed` where it did so elsewhere; ``TimeoutError`` for an isolated
        one that was stopped.
        """
        if tool.isolated:
            return self._isolation.call(tool, given, context, max_size=self._max_size)
        if tool.is_async or tool.function in self._moved:
            return self._guests.call(tool, arguments, context, max_size=self._max_size)
        return self._call_here(tool, given, arguments, context)

    def _call_here(self, tool: Tool, given: dict[str, Any], arguments: Mapping[str, Any], context: ToolContext) -> str:
        writer = _NotingWriter(context.writer)
        if tool.context_parameter is not None:
            given[tool.context_parameter] = replace(context, writer=writer)
        begin_call()
        try:
            return cut(result_text(tool.function(**given)), self._max_size)
        except EventLoopRefused as refused:
            if not refused.movable or writer.has_written or not self._guests.can_call(tool):
                raise refused_loop() from refused
        logger.info("a tool starts an event loop and is called in a guest process", extra={"tool": tool.name})
        result = self._guests.call(tool, arguments, context, max_size=self._max_size)
        self._moved.add(tool.function)
        return result


class _NotingWriter(RunWriter):
    """Notes whether a tool wrote anything, which must not happen twice."""

    def __init__(self, writer: RunWriter) -> None:
        self._writer = writer
        self.has_written = False

    def emit(self, name: str, data: Any) -> None:
        self.has_written = True
        self._writer.emit(name, data)

    def set_state(self, patch: object | Sequence[Mapping[str, Any]]) -> None:
        self.has_written = True
        self._writer.set_state(patch)

    def state(self) -> Mapping[str, Any]:
        return self._writer.state()

    def step(self, step: Step) -> None:
        self._writer.step(step)
