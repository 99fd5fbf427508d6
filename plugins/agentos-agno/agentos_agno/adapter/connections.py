"""Connections to MCP servers, which all runs of a process share."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Iterator
from typing import Any

logger = logging.getLogger(__name__)

PAUSE = 2.0
"""Seconds after a failure in which runs do not wait for another attempt."""


class Connections:
    """Connects the MCP tools of agents before their first run, and keeps them until the process ends.

    Agno connects such a tool in the run that needs it first and disconnects it at that run's end, when other runs may
    be using it. It leaves those alone that are connected already.
    """

    def __init__(self, pause: float = PAUSE) -> None:
        self._pause = pause
        self._kept: dict[int, _Connection] = {}
        """By the tool's identity: tools of other people are not hashable for sure."""

    async def connect(self, agent: Any) -> None:
        """Connect what is not. A server that is away is logged; the run then tries again itself, and does without."""
        wanted = [tool for tool in _tools(agent) if not tool.initialized]
        for tool in wanted:
            if id(tool) not in self._kept:
                self._kept[id(tool)] = _Connection(tool, self._pause)
        await asyncio.gather(*(self._kept[id(tool)].wait() for tool in wanted))

    async def close(self) -> None:
        """Close all."""
        kept, self._kept = list(self._kept.values()), {}
        await asyncio.gather(*(one.close() for one in kept))


class _Connection:
    """The connection of one tool. One task connects and closes it: the MCP library demands that.

    An attempt belongs to no run: all that wait share it, and it continues when they are cancelled.
    """

    def __init__(self, tool: Any, pause: float) -> None:
        self._tool = tool
        self._pause = pause
        self._wanted = asyncio.Event()
        self._attempt: asyncio.Future[None] | None = None
        self._not_before = 0.0
        self._task = self._start()

    async def wait(self) -> None:
        """Wait for the attempt under way, or for a new one unless one has just failed."""
        if self._attempt is None:
            if time.monotonic() < self._not_before:
                return
            if self._task.done():  # the MCP library cancels the task that it fails in
                self._task = self._start()
            self._attempt = asyncio.get_running_loop().create_future()
            self._wanted.set()
        await asyncio.shield(self._attempt)

    async def close(self) -> None:
        """Disconnect."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _start(self) -> asyncio.Task[None]:
        # In a context of its own, so that what it logs is not of the run that came first.
        return contextvars.Context().run(asyncio.create_task, self._keep())

    async def _keep(self) -> None:
        is_connected = False
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                is_connected |= await self._connect()
        finally:
            self._end_attempt()
            if is_connected:
                try:
                    await self._tool.close()
                except Exception:  # of the tool and its server
                    logger.warning("a connection to an MCP server was not closed well", exc_info=True)

    async def _connect(self) -> bool:
        try:
            await self._tool.connect()
        except Exception:  # of the tool and its server
            self._not_before = time.monotonic() + self._pause
            logger.warning("an MCP server of an agent cannot be reached", exc_info=True)
            return False
        finally:
            self._end_attempt()
        return True

    def _end_attempt(self) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.set_result(None)


def _tools(agent: Any) -> Iterator[Any]:
    """Yield the MCP tools of an agent, and of a team's members. Agno knows them by their class's name too."""
    for tool in agent.tools if isinstance(agent.tools, list) else ():
        if any(base.__name__ == "MCPTools" for base in type(tool).__mro__):
            yield tool
    members = getattr(agent, "members", None)
    for member in members if isinstance(members, list) else ():
        yield from _tools(member)
