"""The tools of agents: by name from what is installed, from sources, and given in code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from agentos.domain.agent import Agent
from agentos.errors import AgentFailed, InvalidRequest
from agentos.guests.own.tools import check_importable
from agentos.registry import Entry, Registry
from agentos.runtime.loop import ModelAgent
from agentos.tools.source import ToolSource
from agentos.tools.sources import ToolSources
from agentos.tools.tool import Tool, as_tools

ALL = "*"
"""Stands for all tools of a source, in ``source/*``."""

ALL_OF = f"{{}}/{ALL}"


class ToolsOfAgent(NamedTuple):
    """An agent's tools, and which of them a person has to approve, by the names that its model knows them by."""

    tools: dict[str, Tool]
    approve: frozenset[str]


class AgentTools:
    """Finds the tools that agents name."""

    def __init__(self, registered: Registry[Tool], sources: ToolSources | None = None) -> None:
        self._registered = registered
        self._sources = sources or ToolSources(Registry[ToolSource]("tool source"))

    def installed(self) -> list[Entry[Tool]]:
        """Return all tools that there are now, by the names that agents name them by."""
        return sorted([*self._registered, *self._sources], key=lambda entry: entry.name)

    def registered(self) -> list[str]:
        """Return the sorted names by which models know the tools of code and plugins. Asks no source."""
        return sorted({entry.value.name for entry in self._registered})

    def find(self, name: str) -> Tool | None:
        """Return the tool of this name, if there is one."""
        source, separator, tool = name.partition("/")
        if separator and source in self._sources:
            return self._sources.tools(source).get(tool)
        entry = self._registered.get(name)
        return None if entry is None else entry.value

    def check(self, agent: Agent) -> None:
        """Raise :class:`~agentos.errors.InvalidRequest` for a tool or source that is not installed.

        Also for a name in ``approve`` that is none of its tools: it may be misspelt, and the tool would be called
        without an approval. What a source has is not looked at: it may come later.
        """
        self._collect(agent, ask_sources=False)

    def of(self, agent: Agent) -> ToolsOfAgent:
        """Return an agent's tools as they are now.

        Raises ``InvalidRequest`` as :meth:`check` does, and :class:`~agentos.errors.AgentFailed` for a tool that is
        named and that its source does not have now. Of ``source/*``, a source that fails has none.
        """
        return self._collect(agent, ask_sources=True)

    def current(self, prepared: ModelAgent) -> ModelAgent:
        """Return a prepared agent with the tools that its sources have now; the same one if they did not change."""
        if not any(isinstance(tool, str) and "/" in tool for tool in prepared.agent.tools):
            return prepared
        tools, approve = self.of(prepared.agent)
        return prepared if tools == prepared.tools else replace(prepared, tools=tools, approve=approve)

    def _collect(self, agent: Agent, *, ask_sources: bool) -> ToolsOfAgent:
        tools: dict[str, Tool] = {}
        named: dict[str, set[str]] = {}
        """All names of a tool, by the one that the model knows it by."""
        for wanted in agent.tools:
            if not isinstance(wanted, str):
                found = [(one.name, one) for one in as_tools(wanted)]
                for _, tool in found:
                    check_importable(tool)
            elif "/" not in wanted:
                found = [(wanted, self._installed(agent, wanted))]
            else:
                found = self._of_source(agent, wanted) if self._is_source(agent, wanted) and ask_sources else []
            for name, tool in found:
                again = isinstance(wanted, str) and "/" in wanted and tools.get(tool.name) is tool
                if tool.name in tools and not again:  # 'source/tool' and 'source/*' may name the same one
                    raise InvalidRequest(f"agent {agent.id!r} has two tools named {tool.name!r}")
                tools[tool.name] = tool
                named[tool.name] = {tool.name, name, ALL_OF.format(name.partition("/")[0])}
        _check_approve(agent, tools)
        return ToolsOfAgent(tools, frozenset(name for name in tools if not named[name].isdisjoint(agent.approve)))

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

    def _of_source(self, agent: Agent, wanted: str) -> list[tuple[str, Tool]]:
        source, _, name = wanted.partition("/")
        if name == ALL:
            try:
                return [(f"{source}/{one}", tool) for one, tool in self._sources.tools(source).items()]
            except AgentFailed:  # it is logged; the run does without
                return []
        there: Mapping[str, Tool] = self._sources.tools(source)
        if name not in there:
            raise AgentFailed(
                f"agent {agent.id!r} cannot run: tool source {source!r} has no tool {name!r:.100} now; it has"
                f" {', '.join(sorted(there)[:50]) or 'none'}",
                details={"retryable": True},
            )
        return [(wanted, there[name])]


def _check_approve(agent: Agent, tools: Mapping[str, Tool]) -> None:
    for name in agent.approve:
        source, separator, _ = name.partition("/")
        of_source = [one for one in agent.tools if isinstance(one, str) and separator and one.startswith(f"{source}/")]
        if name in tools or any(ALL_OF.format(source) in (name, one) or one == name for one in of_source):
            continue
        known = ", ".join(sorted({*tools, *(one for one in agent.tools if isinstance(one, str))})) or "none"
        raise InvalidRequest(
            f"agent {agent.id!r} has {name!r:.100} in 'approve', which is none of its tools; they are {known}"
        )
