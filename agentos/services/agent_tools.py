"""The tools of agents: by name from what is installed, from sources, and given in code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agentos.domain.agent import Agent
from agentos.errors import AgentFailed, InvalidRequest
from agentos.registry import Entry, Registry
from agentos.runtime.loop import ModelAgent
from agentos.tools.source import ToolSource
from agentos.tools.sources import ToolSources
from agentos.tools.tool import Tool, as_tools

ALL = "*"
"""Stands for all tools of a source, in ``source/*``."""


class AgentTools:
    """Finds the tools that agents name."""

    def __init__(self, registered: Registry[Tool], sources: ToolSources | None = None) -> None:
        self._registered = registered
        self._sources = sources or ToolSources(Registry[ToolSource]("tool source"))

    def installed(self) -> list[Entry[Tool]]:
        """Return all tools that there are now, by the names that agents name them by."""
        return sorted([*self._registered, *self._sources], key=lambda entry: entry.name)

    def find(self, name: str) -> Tool | None:
        """Return the tool of this name, if there is one."""
        source, separator, tool = name.partition("/")
        if separator and source in self._sources:
            return self._sources.tools(source).get(tool)
        entry = self._registered.get(name)
        return None if entry is None else entry.value

    def check(self, agent: Agent) -> None:
        """Raise :class:`~agentos.errors.InvalidRequest` for a tool or source that is not installed.

        What a source has is not looked at: it may come later.
        """
        self._collect(agent, ask_sources=False)

    def of(self, agent: Agent) -> dict[str, Tool]:
        """Return an agent's tools by the names that its model knows them by.

        Raises ``InvalidRequest`` as :meth:`check` does, and :class:`~agentos.errors.AgentFailed` for a tool that is
        named and that its source does not have now. Of ``source/*``, a source that fails has none.
        """
        return self._collect(agent, ask_sources=True)

    def current(self, prepared: ModelAgent) -> ModelAgent:
        """Return a prepared agent with the tools that its sources have now; the same one if they did not change."""
        if not any(isinstance(tool, str) and "/" in tool for tool in prepared.agent.tools):
            return prepared
        tools = self.of(prepared.agent)
        return prepared if tools == prepared.tools else replace(prepared, tools=tools)

    def _collect(self, agent: Agent, *, ask_sources: bool) -> dict[str, Tool]:
        tools: dict[str, Tool] = {}
        for wanted in agent.tools:
            if not isinstance(wanted, str):
                found = as_tools(wanted)
            elif "/" not in wanted:
                found = [self._installed(agent, wanted)]
            else:
                found = self._of_source(agent, wanted) if self._is_source(agent, wanted) and ask_sources else []
            for tool in found:
                again = isinstance(wanted, str) and "/" in wanted and tools.get(tool.name) is tool
                if tool.name in tools and not again:  # 'source/tool' and 'source/*' may name the same one
                    raise InvalidRequest(f"agent {agent.id!r} has two tools named {tool.name!r}")
                tools[tool.name] = tool
        return tools

    def _installed(self, agent: Agent, name: str) -> Tool:
        entry = self._registered.get(name)
        if entry is None:
            raise InvalidRequest(
                f"agent {agent.id!r} wants tool {name!r:.100}, which is not installed;"
                f" installed are {', '.join(self._registered.names()) or 'none'}"
            )
        return entry.value

    def _is_source(self, agent: Agent, wanted: str) -> bool:
        source, _, tool = wanted.partition("/")
        if source not in self._sources:
            raise InvalidRequest(
                f"agent {agent.id!r} wants {wanted!r:.100}, and tool source {source!r:.50} is not installed;"
                f" installed are {', '.join(self._sources.names()) or 'none'}"
            )
        if not tool:
            raise InvalidRequest(f"agent {agent.id!r} wants {wanted!r:.100}; accepted: '{source}/tool', '{source}/*'")
        return True

    def _of_source(self, agent: Agent, wanted: str) -> list[Tool]:
        source, _, name = wanted.partition("/")
        if name == ALL:
            try:
                return list(self._sources.tools(source).values())
            except AgentFailed:  # it is logged; the run does without
                return []
        there: Mapping[str, Tool] = self._sources.tools(source)
        if name not in there:
            raise AgentFailed(
                f"agent {agent.id!r} cannot run: tool source {source!r} has no tool {name!r:.100} now; it has"
                f" {', '.join(sorted(there)[:50]) or 'none'}",
                details={"retryable": True},
            )
        return [there[name]]
