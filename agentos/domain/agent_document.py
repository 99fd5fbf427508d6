"""Agents as JSON documents: what HTTP and CLI register and what is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from agentos.domain.agent import Agent
from agentos.domain.run import BusyPolicy
from agentos.errors import InvalidRequest

Types = Mapping[str, tuple[type | tuple[type, ...], str]]
"""The fields of a document: the types of each, and what is accepted in words."""

_TYPES: Types = {
    "id": (str, "a text"),
    "model": (str, "a text, 'provider:name'"),
    "name": (str, "a text"),
    "description": (str, "a text"),
    "instructions": (str, "a text"),
    "tools": (list, "a list of tool names"),
    "parameters": (dict, "an object"),
    "output_schema": ((dict, type(None)), "an object (a JSON schema)"),
    "output_retries": (int, "a whole number"),
    "history_turns": ((int, type(None)), "a whole number"),
    "max_turns": ((int, type(None)), "a whole number"),
    "concurrency": (str, ", ".join(BusyPolicy)),
    "retry_on_crash": (bool, "true or false"),
    "approve": (list, "a list of names of its tools"),
    "allow_overrides": (list, "a list of names"),
    "metadata": (dict, "an object"),
}

_ALIASES = {"max_steps": "max_turns"}
"""Other names of fields. A step is one call to the model, which is what ``max_turns`` bounds."""


def agent_from_document(document: Mapping[str, Any]) -> Agent:
    """Return the agent that a document describes; raise ``InvalidRequest`` naming the field that is wrong."""
    document = _without_aliases(document)
    check_fields("the agent", document, _TYPES, required=("id", "model"))
    for tool in document.get("tools", ()):
        if not isinstance(tool, str):
            raise InvalidRequest(f"the agent's tools hold {tool!r:.100}; accepted are names of installed tools")
    return Agent(**document)


def check_fields(of: str, document: Mapping[str, Any], types: Types, *, required: Sequence[str]) -> None:
    """Raise ``InvalidRequest`` for the first field of a document that is unknown, missing or of another type."""
    if unknown := sorted(map(str, document.keys() - types.keys())):
        raise InvalidRequest(f"unknown field {unknown[0]!r} in {of}; known are {', '.join(types)}")
    for name in required:
        if name not in document:
            raise InvalidRequest(f"{of}'s {name!r} is missing")
    for name, value in document.items():
        accepted, words = types[name]
        if not isinstance(value, accepted) or (isinstance(value, bool) and accepted is not bool):
            raise InvalidRequest(f"{of}'s {name!r} is {value!r:.100}; accepted is {words}")


def _without_aliases(document: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(document)
    for alias, name in _ALIASES.items():
        if alias in found:
            value = found.pop(alias)
            if found.setdefault(name, value) != value:
                raise InvalidRequest(f"the agent's {alias!r} is another name of {name!r}; give one of them")
    return found


def agent_document(agent: Agent) -> dict[str, Any]:
    """Return an agent as a document without its defaults. Raises ``InvalidRequest`` for tools that are code."""
    document: dict[str, Any] = {}
    for field in fields(Agent):
        value = getattr(agent, field.name)
        if isinstance(value, Mapping):
            value = dict(value)
        if isinstance(value, tuple):
            value = list(value)
        if isinstance(value, BusyPolicy):
            value = value.value
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        if field.name == "name" and value == agent.id:
            continue  # what an agent without a name is called
        if value != (list(default) if isinstance(default, tuple) else default):
            document[field.name] = value
    if any(not isinstance(tool, str) for tool in agent.tools):
        raise InvalidRequest(f"agent {agent.id!r} has tools that are code; only names of installed tools can be stored")
    return document
