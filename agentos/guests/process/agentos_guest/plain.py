"""The adapter of agents without a framework: ``stream(context)`` of an object, or a function of the context."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any

from agentos_guest.adapter import Adapter
from agentos_guest.context import Context
from agentos_guest.errors import Failed
from agentos_guest.events import Event, ModelCall, Reasoning, ToolCall, Usage
from agentos_guest.run import Run
from agentos_guest.threads import iterate

OTHERS = ("langchain", "langchain_core", "langgraph")
"""The ``stream`` of their objects is given an input and not a context; their adapter may be missing."""


class PlainAdapter(Adapter):
    """Runs what a worker would run itself if it were not for ``async def``, and synchronous agents in threads."""

    name = "python"

    def accepts(self, target: object) -> bool:
        """Return whether a target has ``stream``, or is a function that yields or can be awaited."""
        if isinstance(target, type) or type(target).__module__.partition(".")[0] in OTHERS:
            return False
        return callable(getattr(target, "stream", None)) or any(
            check(target)
            for check in (inspect.isasyncgenfunction, inspect.iscoroutinefunction, inspect.isgeneratorfunction)
        )

    async def stream(self, target: Any, run: Run) -> AsyncIterator[Event]:
        """Yield what the agent yields: single values, or several in a list."""
        context = Context(run)
        function = getattr(target, "stream", None) or target
        try:
            async with contextlib.aclosing(_values(function, context)) as values:
                async for value in values:
                    if type(value) is str:
                        yield value
                    else:
                        for event in _events(value):
                            yield event
        except Exception as error:
            if (public := _public(error)) is not None:
                raise public from error
            raise
        finally:
            context.cancellation.cancel()

    def describe(self, target: Any) -> Mapping[str, Any]:
        """Return the attributes that the agent has, as in a worker."""
        names = ("name", "description", "model")
        return {name: value for name in names if isinstance(value := getattr(target, name, None), str)}


async def _values(function: Callable[[Context], Any], context: Context) -> AsyncGenerator[Any, None]:
    if inspect.isasyncgenfunction(function) or inspect.iscoroutinefunction(function):
        made = function(context)
        if inspect.isawaitable(made):
            made = await made
    else:
        # Called in the thread too: before its first value, it may already wait.
        async with contextlib.aclosing(
            iterate(lambda: _iterable(function(context)), context.cancellation.cancel)
        ) as values:
            async for value in values:
                yield value
        return
    if isinstance(made, AsyncIterable):
        try:
            async for value in made:
                yield value
        finally:
            close = getattr(made, "aclose", None)
            if close is not None:
                await close()
        return
    for value in _iterable(made):
        yield value


def _iterable(made: Any) -> Iterable[Any]:
    if made is None:
        return ()
    if isinstance(made, (str, list)):
        return (made,)
    if isinstance(made, Iterable):
        return made
    if isinstance(made, AsyncIterable) or inspect.isawaitable(made):
        raise TypeError(
            "stream(context) is no `async def` and returned something asynchronous; write `async def stream`"
        )
    raise TypeError(f"stream(context) returned a {type(made).__name__}; accepted is what yields events")


def _events(value: Any) -> Iterator[Event]:
    """Yield the events that a value is; those of ``agentos`` are known by the names of their classes."""
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        for one in value:
            yield from _events(one)
        return
    convert = _AGENTOS.get(type(value).__name__)
    module = type(value).__module__
    if convert is not None and module.partition(".")[0] == "agentos":
        yield from convert(value)
    else:
        yield value


def _step(step: Any) -> Iterator[Event]:
    if step.status == "started":
        return
    usage = None if step.usage is None else next(_usage(step.usage))
    yield ModelCall(step.model, step.duration, step.time_to_first_token, step.finish_reason, usage)


def _usage(usage: Any) -> Iterator[Usage]:
    yield Usage(usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens, usage.cached_tokens)


def _tool_call(event: Any) -> Iterator[Event]:
    yield ToolCall(
        event.tool_call_id,
        event.tool_name,
        event.arguments,
        event.status,
        event.result,
        event.error,
        event.duration,
    )


_AGENTOS: dict[str, Callable[[Any], Iterable[Event]]] = {
    "Token": lambda event: (event.token,),
    "Reasoning": lambda event: (Reasoning(event.content),),
    "ToolCallEvent": _tool_call,
    "Usage": _usage,
    "Step": _step,
}


def _public(error: Exception) -> Failed | None:
    """Return the error as a client may read it, if it is one of the server's own: its message is made for clients."""
    ours = any(one.__name__ == "AgentOSError" and one.__module__ == "agentos.errors" for one in type(error).__mro__)
    return Failed(str(error), cause=getattr(error, "cause", None) or "AGENT_FAILED") if ours else None
