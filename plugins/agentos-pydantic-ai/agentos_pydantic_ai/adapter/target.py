"""What ``Guest("module:name")`` may name: an agent, or a function that makes one agent for each run.

::

    def support(run: Run) -> tuple[Agent[Shop], Shop]:
        return agent, Shop(customer=run.user_id)
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, get_args, get_origin, get_type_hints

from agentos_guest import Failed, Run
from pydantic_ai.agent import AbstractAgent
from pydantic_ai.models import Model
from pydantic_ai.usage import UsageLimits


def is_agent_or_function(target: object) -> bool:
    """Return whether a target is an agent, or a function with one in its return annotation."""
    if isinstance(target, AbstractAgent):
        return True
    if not inspect.isroutine(target):
        return False
    try:
        returned = get_type_hints(target).get("return")
    except (NameError, TypeError, AttributeError):  # an annotation that only a type checker can read
        return False
    return _has_agent(returned)


def _has_agent(annotation: Any) -> bool:
    kind = get_origin(annotation) or annotation
    if isinstance(kind, type) and issubclass(kind, AbstractAgent):
        return True
    # ``tuple[Agent, Deps]``, and what an ``asynccontextmanager`` yields: ``AsyncIterator[tuple[Agent, Deps]]``.
    arguments = get_args(annotation)
    return bool(arguments) and _has_agent(arguments[0])


async def opened(
    target: Any, run: Run, stack: AsyncExitStack
) -> tuple[AbstractAgent[Any, Any], Any, UsageLimits | None]:
    """Return the agent of a run, its dependencies and limits. What a function opened is closed with ``stack``."""
    if isinstance(target, AbstractAgent):
        _check_needs_none(target)
        return target, None, None
    made = target(run)
    if inspect.isawaitable(made):
        made = await made
    # An agent is a context manager too; a run enters it by itself.
    if isinstance(made, AbstractAsyncContextManager) and not isinstance(made, AbstractAgent):
        made = await stack.enter_async_context(made)
    parts = made if isinstance(made, tuple) else (made,)
    agent, deps, limits = (*parts, None, None, None)[:3]
    if len(parts) > 3 or not isinstance(agent, AbstractAgent) or not isinstance(limits, UsageLimits | None):
        given = ", ".join(type(part).__name__ for part in parts)
        raise Failed(
            f"{_name(target)} returned {f'({given})' if isinstance(made, tuple) else given}; accepted are an Agent of"
            " pydantic_ai, (agent, dependencies) and (agent, dependencies, UsageLimits)"
        )
    return agent, deps, limits


def described(target: Any) -> Mapping[str, Any]:
    """Return what is known of a target without a run."""
    if not isinstance(target, AbstractAgent):
        return {"name": _name(target), "description": inspect.getdoc(target) or ""}
    _check_needs_none(target)
    model = target.model
    tools = [name for toolset in target.toolsets for name in getattr(toolset, "tools", {})]
    return {
        "name": target.name or "",
        "description": target.description or "",
        "model": model.model_id if isinstance(model, Model) else str(model or ""),
        "tools": tools,
    }


def _check_needs_none(agent: AbstractAgent[Any, Any]) -> None:
    """Raise :class:`Failed` for an agent that needs dependencies: its tools would find ``None``.

    A mistake of who runs the server, and no secret: ``flask agentos doctor`` shows the message.
    """
    needed = agent.deps_type
    if needed not in (object, type(None), Any):
        kind = getattr(needed, "__name__", str(needed))
        raise Failed(
            f"the agent {agent.name or ''!r} has deps_type {kind}, and an agent alone gets no dependencies; name a"
            " function in Guest(…) that is called with each run and returns the agent and its dependencies, as in"
            f" `def support(run) -> tuple[Agent, {kind}]`"
        )


def _name(target: Any) -> str:
    return str(getattr(target, "__name__", type(target).__name__))
