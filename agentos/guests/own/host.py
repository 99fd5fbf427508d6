"""What a guest process imports to run our own agents and tools.

A worker names an agent by a target of this module, ``agentos.guests.own.host:agent_…``, with the agent's place in it.
"""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from agentos_guest import Failed, Pause
from agentos_guest.frames import cause_of

from agentos.domain.text import cut
from agentos.errors import AgentFailed
from agentos.guests.own.loading import load
from agentos.guests.own.places import AGENT_PREFIX, Place, place_in
from agentos.tools.results import error_text, result_text
from agentos.tools.tool import as_tool

LONGEST_TRACEBACK = 8000


async def call_tool(
    place: list[str], method: str, arguments: dict[str, Any], size: int, context: Any
) -> Mapping[str, str]:
    """Call a tool with arguments that were checked; return its ``result``, or the ``error`` that the model reads.

    A result of more than ``size`` bytes is cut. What the tool asks a person is raised: a pause of the call.
    """
    kind, where, name = place
    function = _function((kind, where, name), method)
    tool = as_tool(function)
    try:
        given = dict(arguments) if tool.convert is None else tool.convert(arguments)
        if tool.context_parameter is not None:
            given[tool.context_parameter] = context
        return {"result": cut(result_text(await _called(function, given)), size)}
    except Exception as error:  # the tool's own code
        if isinstance(cause_of(error), Pause):
            raise
        return {"error": error_text(error), "traceback": traceback.format_exc(limit=-20)[-LONGEST_TRACEBACK:]}


async def _called(function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(**given)
    # One that starts a loop of its own must not be called in a thread that has one.
    return await asyncio.to_thread(function, **given)


def __getattr__(name: str) -> Any:
    if not name.startswith(AGENT_PREFIX):
        raise AttributeError(name)
    return _agent(name)


@cache
def _agent(name: str) -> Any:
    try:
        return load(place_in(name))
    except AgentFailed as error:
        raise Failed(error.message) from error


@cache
def _function(place: Place, method: str) -> Callable[..., Any]:
    found: Callable[..., Any] = load(place)
    return getattr(found, method) if method else found
