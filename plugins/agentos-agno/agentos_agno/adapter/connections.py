"""Connections to MCP servers, which all runs of a process share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

logger = logging.getLogger(__name__)


class Connections:
    """Connects the MCP tools of agents before their first run, and keeps them until the process ends.

    Agno connects such a tool in the run that needs it first and disconnects it at that run's end, when other runs may
    be using it. It leaves those alone that are connected already. Connecting and closing happen in one task: the MCP
    library demands that.
    """

    def __init__(self) -> None:
        self._wanted: asyncio.Queue[tuple[Any, asyncio.Future[None]]] = asyncio.Queue()
        self._keeper: asyncio.Task[None] | None = None

    async def connect(self, agent: Any) -> None:
        """Connect what is not. A server that is away is logged; the run then tries again itself, and does without."""
        for tool in _tools(agent):
            if tool.initialized:
                continue
            if self._keeper is None:
                self._keeper = asyncio.create_task(self._keep())
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._wanted.put_nowait((tool, done))
            await done

    async def close(self) -> None:
        """Close all."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def _keep(self) -> None:
        connected = []
        try:
            while True:
                tool, done = await self._wanted.get()
                try:
                    if not tool.initialized:
                        await tool.connect()
                        connected.append(tool)
                except Exception:  # of the tool and its server
                    logger.warning("an MCP server of an agent cannot be reached", exc_info=True)
                finally:
                    if not done.done():
                        done.set_result(None)
        finally:
            for tool in reversed(connected):
                try:
                    await tool.close()
                except Exception:  # of the tool and its server
                    logger.warning("a connection to an MCP server was not closed well", exc_info=True)


def _tools(agent: Any) -> Iterator[Any]:
    """Yield the MCP tools of an agent, and of a team's members. Agno knows them by their class's name too."""
    for tool in agent.tools if isinstance(agent.tools, list) else ():
        if any(base.__name__ == "MCPTools" for base in type(tool).__mro__):
            yield tool
    members = getattr(agent, "members", None)
    for member in members if isinstance(members, list) else ():
        yield from _tools(member)
