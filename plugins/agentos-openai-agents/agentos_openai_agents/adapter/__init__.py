"""Runs agents of the OpenAI Agents SDK. This package is loaded in the guest process only, where the SDK is."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from agentos_guest import Adapter, Event, Run
from agents import Agent, MultiProvider, Runner
from agents.version import __version__

from .connections import Connections
from .conversation import items_of
from .failures import failure_of
from .pauses import pause_of, restored
from .settings import agent_of, options_of
from .translation import Translation, model_name

# The SDK sends a trace of each run to OpenAI. The server sets the variable; this is for one that sets its own.
os.environ.setdefault("OPENAI_AGENTS_DISABLE_TRACING", "true")


class OpenAIAgentsAdapter(Adapter):
    """Runs an ``agents.Agent``, or an object with one in its attribute ``agent`` and options of runs beside it."""

    name = "openai-agents"
    framework_version = __version__

    def __init__(self) -> None:
        self._models = MultiProvider()  # One for all runs, so that they share the connections to the models.
        self._connections = Connections()

    def accepts(self, target: object) -> bool:
        """Return whether it is an agent of the SDK, or has one."""
        return isinstance(agent_of(target), Agent)

    async def stream(self, target: Any, run: Run) -> AsyncIterator[Event]:
        """Yield what the agent, and each agent that it hands over to, says and does."""
        await self._connections.open(agent_of(target))
        options = options_of(target, run, self._models)
        items = items_of(run)
        start: Any = items
        translation = Translation(run, options.failed_calls)
        if run.saved is not None:
            start = await restored(options.agent, run, items, options.context)
            for event in translation.resume(run.saved["calls"]):
                yield event
        result = Runner.run_streamed(
            options.agent,
            start,
            context=options.context,
            max_turns=options.max_turns,
            hooks=options.hooks,
            run_config=options.run_config,
            error_handlers=options.error_handlers,
        )
        translation.begin(result)
        async with aclosing(result.stream_events()) as events:
            try:
                async for event in events:
                    for translated in translation.of(event):
                        yield translated
            except Exception as error:  # the SDK's, a model's, a tool's
                failure = failure_of(error, translation.cut)
                if failure is None:
                    raise
                raise failure from error
            finally:
                # Before the stream is closed, which would wait for the end of the run. Ends the call to the model too.
                result.cancel()
        for translated in translation.end(result):
            yield translated
        if result.interruptions:
            raise pause_of(result, items, translation.open_calls)

    def describe(self, target: Any) -> Mapping[str, Any]:
        """Return what is known without a call to anything: tools of MCP servers are not."""
        agent = agent_of(target)
        return {
            "name": agent.name,
            "description": agent.handoff_description or "",
            "model": model_name(agent),
            "tools": [tool.name for tool in agent.tools],
        }

    async def close(self) -> None:
        """Close the connections to models and MCP servers."""
        await self._connections.close()
        await self._models.aclose()


ADAPTER = OpenAIAgentsAdapter()
