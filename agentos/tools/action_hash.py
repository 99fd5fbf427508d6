"""What an answer is bound to: the hash of the call or question that was asked about."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from agentos.domain.tool_spec import ToolSpec


def arguments_hash(agent_id: str, tool: ToolSpec | None, arguments: Mapping[str, Any], *also: Any) -> str:
    """Return the SHA-256 of an agent's id, a tool's name and schema, canonical arguments, and what else is given.

    The order of the model's keys and its spaces do not matter. The version of a stored agent is no part of it: an
    answer belongs to one run, and a run keeps the version that it was accepted with.

    >>> spec = ToolSpec("add", "", {"type": "object"})
    >>> arguments_hash("clerk", spec, {"a": 1, "b": 2}) == arguments_hash("clerk", spec, {"b": 2, "a": 1})
    True
    """
    named = None if tool is None else [tool.name, tool.parameters]
    return hashlib.sha256(canonical([agent_id, named, arguments, also]).encode()).hexdigest()


def schema_hash(tool: ToolSpec) -> str:
    """Return the SHA-256 of a tool's name and schema."""
    return hashlib.sha256(canonical([tool.name, tool.parameters]).encode()).hexdigest()


def canonical(value: Any) -> str:
    """Return a value as JSON with sorted keys and without spaces."""
    return orjson.dumps(value, default=dict, option=orjson.OPT_SORT_KEYS).decode()
