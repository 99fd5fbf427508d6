"""One piece of work for a worker: a run, a call of a function, or the description of an agent."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from agentos_guest.adapters import Adapters, Agent
from agentos_guest.context import Context
from agentos_guest.errors import Failed, Pause
from agentos_guest.events import Event
from agentos_guest.frames import cause_of, failed, paused, read_run, refused
from agentos_guest.outbox import Outbox
from agentos_guest.targets import Refused, load
from agentos_guest.wire import VERSION, Frame


class Work:
    """Does what a first frame asks for. The frame that each method returns is the last of its connection."""

    def __init__(self, adapters: Adapters, outbox: Outbox) -> None:
        self._adapters = adapters
        self._outbox = outbox

    async def do(self, first: Frame) -> Frame:
        """Return the last frame. Raises nothing but ``CancelledError``, which the agent's code may cause too."""
        kinds = {"run": self._run, "call": self._call, "describe": self._describe}
        work = kinds.get(first["kind"])
        try:
            if work is None or first.get("version") != VERSION:
                raise _other_version(first)
            last = await work(first)
            self._outbox.flush()
        except Refused as error:
            return refused(error)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  # the agent's own code; sys.exit() in it must not end the process
            self._outbox.flush()
            return failed(cause_of(error))
        return last

    async def _run(self, first: Frame) -> Frame:
        agent = self._adapters.agent(first["target"])
        outbox = self._outbox
        given: Mapping[str, Any] = first["run"]
        run = read_run(given, emit=outbox.emit, set_state=outbox.set_state)
        saved = run.saved if isinstance(run.saved, Mapping) else None
        if saved is not None:
            run = replace(run, saved=await _load(agent, saved))
        try:
            await self._consume(agent.adapter.stream(agent.target, run))
        except Exception as error:
            cause = cause_of(error)
            if isinstance(cause, Pause):
                return paused(cause, adapter=agent.adapter.name, framework_version=agent.framework_version)
            raise
        return {"kind": "end"}

    async def _consume(self, events: AsyncIterator[Event]) -> None:
        put, give_way = self._outbox.put, self._outbox.give_way
        try:
            async for event in events:
                if put(event):
                    await give_way()
        finally:
            close = getattr(events, "aclose", None)  # an async generator has it
            if close is not None:
                await close()

    async def _call(self, first: Frame) -> Frame:
        """Call a function: of a tool. One that is not asynchronous is called in a thread."""
        function = load(first["target"])
        if not callable(function):
            raise Refused("not_an_agent", f"{first['target']!r:.200} is a {type(function).__name__} and no function")
        arguments = dict(first.get("arguments") or {})
        context = self._context(first.get("context") or {}, float(first.get("seconds") or 300.0))
        parameter = first.get("context_parameter")
        if parameter:
            arguments[parameter] = context
        try:
            if inspect.iscoroutinefunction(function):
                value = await function(**arguments)
            else:
                value = await asyncio.to_thread(function, **arguments)
                if inspect.isawaitable(value):
                    value = await value
        except Exception as error:
            cause = cause_of(error)
            if isinstance(cause, Pause):
                return paused(cause, adapter="python", framework_version="")
            raise
        finally:
            context.cancellation.cancel()
        return {"kind": "result", "value": value}

    def _context(self, given: Mapping[str, Any], seconds: float) -> Context:
        named = {
            "id": given.get("run_id") or "",
            "agent_id": given.get("agent_id") or "",
            "input": "",
            "seconds": seconds,
        }
        run = read_run({**given, **named}, emit=self._outbox.emit, set_state=self._outbox.set_state)
        return Context(run, request_id=given.get("request_id"))

    async def _describe(self, first: Frame) -> Frame:
        agent = self._adapters.agent(first["target"])
        return {
            **agent.adapter.describe(agent.target),
            "kind": "description",
            "adapter": agent.adapter.name,
            "framework_version": agent.framework_version,
        }


def _other_version(first: Frame) -> Refused:
    return Refused(
        "version",
        f"the worker asks for {first['kind']!r:.100} of version {first.get('version')!r:.20} of the protocol; this"
        f" process has run, call, describe and control of version {VERSION}: restart server and guests together",
    )


async def _load(agent: Agent, saved: Mapping[str, Any]) -> Any:
    if saved.get("adapter") != agent.adapter.name:
        raise _unreadable(agent, saved)
    try:
        return await agent.adapter.load(agent.target, saved.get("state"))
    except Failed:
        raise
    except Exception as error:  # the framework's own code
        raise _unreadable(agent, saved) from error


def _unreadable(agent: Agent, saved: Mapping[str, Any]) -> Failed:
    then = f"{saved.get('adapter')} {saved.get('framework_version')}".strip()
    now = f"{agent.adapter.name} {agent.framework_version}".strip()
    return Failed(f"the state that was saved by {then} cannot be loaded by {now}")
