"""Agents as they are shown: those of code and plugins, and stored ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agentos.domain.agent import Agent, AnyAgent
from agentos.storage.agents import StoredAgent
from agentos.tools.tool import as_tools

STORED = "stored"
"""The source of agents that were registered by HTTP or CLI."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentInfo:
    """An agent as the API shows it. Only stored agents have the last four; ``document`` is the whole definition."""

    id: str
    name: str
    description: str
    model: str | None
    tools: tuple[str, ...]
    source: str
    document: Mapping[str, Any] = field(default_factory=dict)
    version: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


def registered_info(id: str, agent: AnyAgent, source: str) -> AgentInfo:
    """Return what is shown of an agent of code or a plugin."""
    tools = agent.tools if isinstance(agent, Agent) else ()
    names = [[tool] if isinstance(tool, str) else [one.name for one in as_tools(tool)] for tool in tools]
    return AgentInfo(
        id=id,
        name=getattr(agent, "name", None) or id,
        description=getattr(agent, "description", None) or "",
        model=getattr(agent, "model", None) or None,
        tools=tuple(name for group in names for name in group),
        source=source,
    )


def stored_info(stored: StoredAgent) -> AgentInfo:
    """Return what is shown of a stored agent."""
    document = stored.document
    return AgentInfo(
        id=stored.id,
        name=document.get("name", stored.id),
        description=document.get("description", ""),
        model=document.get("model"),
        tools=tuple(document.get("tools", ())),
        source=STORED,
        document=document,
        version=stored.version,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
    )
