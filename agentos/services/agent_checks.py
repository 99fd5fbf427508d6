"""Checks at start that agents of code and plugins can run: their provider, tools and output schema are there."""

from __future__ import annotations

from collections.abc import Callable

from agentos.domain.agent import Agent, AnyAgent, is_async
from agentos.errors import AgentOSError, ConfigError, PluginError
from agentos.registry import Registry
from agentos.services.agents import ASSISTANT, AgentService

CORE, CODE = "core", "code"
"""The sources of agents that come with AgentOS, and of those that a program registered."""

LeaveOut = Callable[[str, str, AgentOSError], None]
"""Reports that a part of a plugin is left out: the plugin, the part (``agent:poet``), and why."""


def check_agents(agents: AgentService, registered: Registry[AnyAgent], leave_out: LeaveOut) -> None:
    """Take out agents of plugins that cannot run; skip the built-in one. Raises ``ConfigError`` for one of code."""
    for entry in list(registered):
        if entry.source == CORE:
            continue
        try:
            if isinstance(entry.value, Agent):
                agents.check(entry.value)
            elif is_async(entry.value):
                agents.guests.place(entry)
        except AgentOSError as error:
            named = f"agent {entry.name!r}"
            reason = error.message if error.message.startswith(named) else f"{named} cannot run: {error.message}"
            if entry.source == CODE:
                raise ConfigError(reason) from error
            registered.remove(entry.name)
            leave_out(entry.source, f"agent:{entry.name}", PluginError(reason))


def check_assistant(agents: AgentService, registered: Registry[AnyAgent]) -> None:
    """Raise :class:`~agentos.errors.ConfigError` unless the model of the built-in agent, a setting, can be used."""
    entry = registered.get(ASSISTANT)
    if entry is not None and entry.source == CORE and isinstance(entry.value, Agent):
        try:
            agents.check(entry.value)
        except AgentOSError as error:
            raise ConfigError(f"AGENTOS_MODEL is {entry.value.model!r:.100}: {error.message}") from error
