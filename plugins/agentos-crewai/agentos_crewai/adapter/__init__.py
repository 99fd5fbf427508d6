"""Runs crews of CrewAI. This package is loaded in the guest process only, where CrewAI is."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from typing import Any

from agentos_guest import Adapter, Event, Failed, Run
from crewai import Crew, __version__
from crewai.events.stream_context import add_stream_sink

from .failures import failure_of
from .inputs import inputs_of
from .translation import Ended, Note, Translation, model_name

KILL_AFTER = 1.0
"""Seconds that a crew has to end after its run was cancelled."""


class CrewAIAdapter(Adapter):
    """Runs a ``crewai.Crew``, or what a class with ``@CrewBase`` makes.

    A crew works in a thread, and neither it nor its call to a model can be stopped. A run that is cancelled lasts until
    the crew ends, or its process is killed, which should then have no other run: declare the guest ``exclusive``.
    """

    name = "crewai"
    framework_version = __version__

    def accepts(self, target: object) -> bool:
        """Return whether it is a crew, or a class with ``@CrewBase``, or an object of one."""
        return isinstance(target, Crew) or hasattr(target, "is_crew_class")

    async def stream(self, target: Any, run: Run) -> AsyncIterator[Event]:
        """Yield the last task's answer as text; what the agents of earlier tasks say is reasoning."""
        crew = _checked(crew_of(target).copy(), run)
        inputs = inputs_of(crew, run)
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Event | Note | Ended] = asyncio.Queue()

        def send(event: Event | Note | Ended) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, event)

        translation = Translation(crew, send)

        def work() -> None:
            add_stream_sink(translation.on_event)
            try:
                send(Ended(crew.kickoff(inputs=inputs)))
            except BaseException as error:  # noqa: BLE001 - CrewAI's, a model's, a tool's; all end in the run's task
                send(Ended(error=error))

        worker = asyncio.ensure_future(asyncio.to_thread(work))
        event: Event | Note | Ended | None = None
        try:
            while not isinstance(event := await queue.get(), Ended):
                if isinstance(event, Note):
                    run.emit(event.name, event.data)
                else:
                    yield event
        finally:
            if not isinstance(event, Ended):
                await _ended(worker)
        if event.error is not None:
            failure = failure_of(event.error)
            if failure is None:
                raise event.error
            raise failure from event.error
        for last in translation.end(event.result):
            yield last

    def describe(self, target: Any) -> Mapping[str, Any]:
        """Return the crew's name, and the roles and tools of its agents."""
        crew = crew_of(target)
        return {
            "name": crew.name or "crew",
            "description": ", ".join(agent.role for agent in crew.agents),
            "model": model_name(crew.agents[-1].llm) if crew.agents else "",
            "tools": sorted({tool.name for agent in crew.agents for tool in agent.tools or ()}),
        }


async def _ended(worker: asyncio.Future[None]) -> None:
    """Wait for a crew that is not wanted any more, so that the run does not look as if it had ended while it works on.

    The worker of the server kills the process before the time is over. A worker that was killed itself does not.
    """
    done, _ = await asyncio.wait({worker}, timeout=KILL_AFTER)
    if not done:
        os.kill(os.getpid(), signal.SIGKILL)


def crew_of(target: Any) -> Any:
    """Return the crew that is the target, or that it makes."""
    if isinstance(target, Crew):
        return target
    return (target() if isinstance(target, type) else target).crew()


def _checked(crew: Any, run: Run) -> Any:
    if any(task.human_input for task in crew.tasks):
        raise Failed("a task of this crew has human_input=True, which waits at a terminal that is not there; remove it")
    if run.media:
        raise Failed("crews take no attachments; give an address in the text or in the run's metadata")
    overrides = run.overrides
    if overrides.output_schema is not None or overrides.instructions is not None:
        raise Failed("crews take no output_schema and no instructions of a single run; their tasks have both")
    for agent in [*crew.agents, *([crew.manager_agent] if crew.manager_agent else [])]:
        for name, value in {**overrides.parameters, "stream": True}.items():
            if hasattr(agent.llm, name):
                setattr(agent.llm, name, value)
            else:
                raise Failed(f"the models of this crew have no parameter {name!r:.100}")
    crew.stream = False  # The events come by the sink.
    return crew


ADAPTER = CrewAIAdapter()
