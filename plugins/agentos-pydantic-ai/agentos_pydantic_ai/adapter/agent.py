"""One run of an agent: what it is given, what it says, how it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, nullcontext
from typing import Any

from agentos_guest import Adapter, Event, Run
from pydantic_ai.agent import AbstractAgent
from pydantic_ai.capabilities import ReinjectSystemPrompt
from pydantic_ai.output import StructuredDict
from pydantic_ai.tools import DeferredToolRequests

from .failures import as_failed
from .messages import Conversation
from .pause import Resumed, Saved, pause_of
from .settings import model_settings
from .target import described, is_agent_or_function, opened
from .translation import Translation


class PydanticAI(Adapter):
    """Accepts an ``Agent``, and a function that returns one for each run."""

    name = "pydantic-ai"

    def accepts(self, target: object) -> bool:
        """Return whether an object is an agent, or a function that is annotated to return one."""
        return is_agent_or_function(target)

    def describe(self, target: Any) -> Mapping[str, Any]:
        """Return name, description, model and tools. A function's agent is not known before its first run."""
        return described(target)

    async def load(self, target: Any, saved: Any) -> Saved:  # noqa: ARG002  # part of the interface
        """Read what a pause saved."""
        return Saved.read(saved)

    async def stream(self, target: Any, run: Run) -> AsyncIterator[Event]:
        """Yield what the agent says and does."""
        async with AsyncExitStack() as stack:
            agent, deps, usage_limits = await opened(target, run, stack)
            conversation = Conversation(run)
            resumed = None if run.saved is None else Resumed(run.saved, run, conversation)
            translation = Translation(run, resumed)
            arguments = {
                "deps": deps,
                "usage_limits": usage_limits,
                "model_settings": model_settings(run.overrides.parameters),
                "instructions": conversation.instructions,
                # A session keeps no system prompt, and the framework adds its own only to an empty history.
                "capabilities": [ReinjectSystemPrompt(), translation.observer],
                "infer_name": False,
                **_output_type(agent, run),
            }
            if resumed is None:
                arguments["message_history"] = conversation.history
                events = agent.run_stream_events(conversation.prompt or None, **arguments)
            else:
                arguments["message_history"] = [*conversation.history, *resumed.messages]
                events = agent.run_stream_events(deferred_tool_results=resumed.results, **arguments)
            try:
                async with events as stream:
                    # The task of the run starts with the first event, and takes the override with it.
                    with _instructions(agent, run):
                        first = await anext(stream)
                    for event in translation.of(first):
                        yield event
                    async for one in stream:
                        for event in translation.of(one):
                            yield event
                result = stream.result
            except Exception as error:
                failed = as_failed(error)
                if failed is None:
                    raise
                raise failed from error
            if isinstance(result.output, DeferredToolRequests):
                raise pause_of(result, conversation, translation.started, resumed)


def _instructions(agent: AbstractAgent[Any, Any], run: Run) -> Any:
    if run.overrides.instructions is None:
        return nullcontext()
    return agent.override(instructions=run.overrides.instructions)


def _output_type(agent: AbstractAgent[Any, Any], run: Run) -> dict[str, Any]:
    """Return the output type of a run that names a schema; one that may pause still may."""
    if run.overrides.output_schema is None:
        return {}
    schema = StructuredDict(dict(run.overrides.output_schema))
    own = agent.output_type
    pauses = DeferredToolRequests in (own if isinstance(own, list | tuple) else [own])
    return {"output_type": [schema, DeferredToolRequests] if pauses else schema}
