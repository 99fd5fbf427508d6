"""Runs Agno's agents and teams. Loaded in the guest's environment, which has Agno; the server's has not."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from agentos_guest import Adapter, Event, Failed, Run
from agno.agent import Agent
from agno.run import RunContext
from agno.run.agent import RunOutput
from agno.run.team import TeamRunOutput
from agno.team import Team

from .attachments import attachments
from .connections import Connections
from .events import Translation
from .members import with_members
from .pause import Saved, load, named_tools, pause, resume
from .preparation import prepare, user_of
from .state import changes

__all__ = ["ADAPTER"]


class AgnoAdapter(Adapter):
    """Agents and teams. Each run has a shallow copy of its agent, so that what one run sets does not reach another."""

    name = "agno"

    def __init__(self) -> None:
        self._connections = Connections()

    def accepts(self, target: object) -> bool:
        """Return whether an object is an agent or a team."""
        return isinstance(target, Agent | Team)

    def describe(self, target: Any) -> Mapping[str, Any]:
        """Return the names that Agno shows too. Tools that only a run finds out are not among them."""
        model = target.model
        tools = target.tools if isinstance(target.tools, list) else []
        return {
            "name": target.name or "",
            "description": target.description or "",
            "model": None if model is None else f"{(model.provider or model.name or '').lower()}:{model.id}",
            "tools": [name for tool in tools for name in _names(tool)],
        }

    async def load(self, target: Any, saved: Any) -> Saved:
        """Return the run that a pause kept."""
        return load(TeamRunOutput if isinstance(target, Team) else RunOutput, saved)

    async def stream(self, target: Any, run: Run) -> AsyncIterator[Event]:
        """Run the agent, or continue it with the answers to its pause."""
        await self._connections.connect(target)
        agent = prepare(target, run)
        translation = Translation(run)
        if run.saved is None:
            stream = _start(agent, run)
        else:
            saved: Saved = run.saved
            translation.counted, translation.has_text = saved.counted, saved.has_text
            for event in resume(run, saved.output):
                yield event
            stream = named_tools(_continue(agent, saved.output, run))
        if isinstance(agent, Team):
            stream = with_members(stream, translation.runs)
        output = None
        async with aclosing(stream):
            async for event in stream:
                if isinstance(event, RunOutput | TeamRunOutput):
                    output = event if event.run_id == run.id else output
                    continue
                for ours in translation.events(event):
                    yield ours
        if output is None:
            raise translation.failure or Failed("the agent ended without an answer")
        for ours in translation.rest(output):
            yield ours
        patch = changes(run, output.session_state)
        if patch:
            run.set_state(patch)
        if output.is_paused:
            raise pause(output, translation)
        if output.is_cancelled:
            raise Failed("the agent cancelled its run")

    async def close(self) -> None:
        """Close the connections of tools."""
        await self._connections.close()


def _start(agent: Any, run: Run) -> Any:
    return agent.arun(
        run.input,
        run_id=run.id,
        session_id=run.session_id or run.id,
        user_id=user_of(run),
        session_state=copy.deepcopy(dict(run.state)),
        metadata=dict(run.metadata) or None,
        # The history of our session is among the messages. That of Agno's database would come twice.
        add_history_to_context=False,
        stream=True,
        stream_events=True,
        yield_run_output=True,
        **attachments(run.media),
    )


def _continue(agent: Any, output: Any, run: Run) -> Any:
    context = RunContext(
        run_id=run.id,
        session_id=run.session_id or run.id,
        user_id=user_of(run),
        session_state=copy.deepcopy(dict(run.state if run.session_id else output.session_state or {})),
        metadata=dict(run.metadata) or None,
    )
    return agent.acontinue_run(
        output,
        run_context=context,
        user_id=user_of(run),
        stream=True,
        stream_events=True,
        yield_run_output=True,
    )


def _names(tool: Any) -> list[str]:
    """Return the names of a tool's functions: a toolkit has several, and a model's own tool is a dictionary."""
    functions = getattr(tool, "functions", None)
    if isinstance(functions, Mapping):
        return [str(name) for name in functions]
    name = (
        tool.get("name")
        if isinstance(tool, Mapping)
        else getattr(tool, "name", None) or getattr(tool, "__name__", None)
    )
    return [str(name)] if name else []


ADAPTER = AgnoAdapter()
