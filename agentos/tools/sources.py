"""The tools that sources have now: listed when they are needed, kept for a few seconds."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from agentos.domain.tool_spec import ToolSpec
from agentos.errors import AgentFailed
from agentos.plugins.hook_call import HookCall
from agentos.registry import Entry, Registry
from agentos.tools.context import ToolContext
from agentos.tools.source import ToolSource
from agentos.tools.tool import Tool

LIST_SECONDS = 3.0
"""Seconds that a source has to list its tools."""

FRESH_FOR = 10.0
"""Seconds for which a list is believed, and for which a source that failed is not asked again."""

MOST_TOOLS = 1000
"""Tools that are taken from one source. No model chooses well among more."""

SOURCE_NAME = re.compile(r"[a-zA-Z0-9_-]{1,32}")
CONTEXT = "agentos_tool_context"

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")

logger = logging.getLogger(__name__)


class ToolSources:
    """The sources of one worker by name."""

    def __init__(self, registered: Registry[ToolSource]) -> None:
        self._registered = registered
        self._lists: dict[str, _List] = {}
        self._lock = threading.Lock()

    def __contains__(self, name: object) -> bool:
        return name in self._registered

    def names(self) -> list[str]:
        """Return the names of all sources, sorted."""
        return self._registered.names()

    def tools(self, name: str) -> Mapping[str, Tool]:
        """Return a source's tools by the names that it gave them; the same objects while they do not change.

        Raises :class:`~agentos.errors.AgentFailed` for a source that cannot list them now.
        """
        with self._lock:
            if name not in self._lists:
                entry = self._registered.get(name)
                assert entry is not None, "the caller looked"
                self._lists[name] = _List(entry)
        return self._lists[name].tools()

    def __iter__(self) -> Iterator[Entry[Tool]]:
        """Iterate over all tools, each under the name by which agents name it. A source that fails has none."""
        for name in self.names():
            entry = self._registered.get(name)
            try:
                tools = self.tools(name)
            except AgentFailed:
                continue
            for tool in sorted(tools):
                yield Entry(f"{name}/{tool}", tools[tool], entry.source if entry else "")


class _List:
    """What one source said last."""

    def __init__(self, entry: Entry[ToolSource]) -> None:
        self._entry = entry
        self._listing = threading.Lock()
        self._tools: dict[str, Tool] | None = None
        """``None``: it failed, or was not asked yet."""
        self._asked: float | None = None

    def tools(self) -> Mapping[str, Tool]:
        # One thread asks. The others take what was said before, or wait if nothing was.
        if not self._is_fresh() and self._listing.acquire(blocking=self._tools is None):
            try:
                if not self._is_fresh():
                    self._ask()
            finally:
                self._listing.release()
        tools = self._tools
        if tools is None:
            raise AgentFailed(
                f"tool source {self._entry.name!r} cannot list its tools now; the server's log has the reason",
                details={"retryable": True},
            )
        return tools

    def _is_fresh(self) -> bool:
        return self._asked is not None and time.monotonic() - self._asked < FRESH_FOR

    def _ask(self) -> None:
        source, told = self._entry.value, {"plugin": self._entry.source, "tool_source": self._entry.name}
        try:
            listing = HookCall(self._entry.source, "ToolSource.list", source.list, ())
            specs = list(listing.within(time.monotonic() + LIST_SECONDS))
        except Exception:  # other people's code
            logger.exception("a tool source cannot list its tools; agents are without them", extra=told)
            self._tools = None
        else:
            if len(specs) > MOST_TOOLS:
                logger.warning("a tool source has %d tools; %d are used", len(specs), MOST_TOOLS, extra=told)
            self._tools = self._made(specs[:MOST_TOOLS])
        finally:
            self._asked = time.monotonic()

    def _made(self, specs: list[ToolSpec]) -> dict[str, Tool]:
        before = self._tools or {}
        made: dict[str, Tool] = {}
        for spec in specs:
            try:
                tool = _tool(self._entry.name, self._entry.value, spec)
                known = before.get(spec.name)
                made[spec.name] = known if known is not None and known.spec == tool.spec else tool
            except Exception as error:  # noqa: BLE001  # other people's schemas; the other tools stay
                told = {"plugin": self._entry.source, "tool_source": self._entry.name, "reason": str(error)}
                logger.warning("a tool of a source is left out", extra=told)
        return made if made.keys() != before.keys() or any(made[n] is not before[n] for n in made) else before


def _tool(name: str, source: ToolSource, spec: ToolSpec) -> Tool:
    if not isinstance(spec, ToolSpec):
        raise TypeError(f"{type(spec).__name__} was listed; accepted: ToolSpec")

    def call(**given: Any) -> Any:
        context: ToolContext = given.pop(CONTEXT)
        return source.call(spec.name, given, context)

    return Tool(
        name=f"{name}_{_NOT_IN_NAMES.sub('_', spec.name)}",
        description=spec.description,
        parameters=spec.parameters,
        function=call,
        context_parameter=CONTEXT,
    )
