"""Loads in a guest process what a worker has found a place of."""

from __future__ import annotations

import operator
from importlib import import_module
from typing import Any

from agentos import hookspecs
from agentos.config import Config
from agentos.errors import AgentFailed
from agentos.event_loops import ADVICE
from agentos.guests.own.places import INSTANCE, OBJECT, PLUGIN, Place, servers_in
from agentos.plugins.manager import PluginManager
from agentos.plugins.settings import read_plugin_settings


def load(place: Place) -> Any:
    """Return the object at a place. Raises what its module raises, and ``AgentFailed`` where it is not there."""
    kind, where, name = place
    if kind == PLUGIN:
        return _of_plugin(where, name)
    module = import_module(where)
    if kind == OBJECT:
        return operator.attrgetter(name)(module)
    if kind == INSTANCE:
        return operator.attrgetter(name)(module)()
    for server in servers_in(module):
        if name in server.agents:
            return server.agents[name]
    raise _not_there(name, f"module {where!r}")


def _of_plugin(plugin: str, agent_id: str) -> Any:
    found: dict[str, Any] = {}

    def take(report: Any, agent: Any, *, id: str | None = None) -> None:  # noqa: ARG001
        found[id or agent.id] = agent

    manager = PluginManager(hookspecs, allowed=[plugin], strict=True)
    manager.load_installed()
    config = read_plugin_settings(manager, Config())
    manager.call("register_agents", take, config=config)
    if agent_id not in found:
        raise _not_there(agent_id, f"plugin {plugin!r}")
    return found[agent_id]


def _not_there(agent_id: str, where: str) -> AgentFailed:
    return AgentFailed(
        f"agent {agent_id!r} needs an event loop, and {where} does not register it where a guest process imports it;"
        f" register it whenever the module is imported, {ADVICE}"
    )
