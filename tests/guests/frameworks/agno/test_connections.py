"""Runs wait for connections to MCP servers no longer than they must."""

from __future__ import annotations

import asyncio
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
from driving import ADAPTER

Connections = sys.modules[f"{type(ADAPTER).__module__}.connections"].Connections


class MCPTools:
    """As Agno's class of this name, which the adapter knows by the name. ``failures`` are those of the first tries."""

    def __init__(self, *failures: BaseException, seconds: float = 0.01) -> None:
        self.initialized = False
        self.tries = self.closed = 0
        self.failures = list(failures)
        self.seconds = seconds

    async def connect(self) -> None:
        self.tries += 1
        await asyncio.sleep(self.seconds)
        if self.failures:
            raise self.failures.pop(0)
        self.initialized = True
        self.task = asyncio.current_task()

    async def close(self) -> None:
        assert self.task is asyncio.current_task()
        self.closed += 1


def agent(*tools: MCPTools) -> Any:
    return SimpleNamespace(tools=list(tools))


def test_runs_share_an_attempt_and_tools_connect_independently() -> None:
    async def connect() -> None:
        connections, away, well = Connections(), MCPTools(ConnectionError(), seconds=0.3), MCPTools()
        runs = [asyncio.create_task(connections.connect(agent(away, well))) for _ in range(10)]
        for run in runs[:9]:
            await asyncio.sleep(0)
            run.cancel()  # as at a timeout
        began = time.monotonic()
        await connections.connect(agent(well))
        assert time.monotonic() - began < 0.2
        await runs[9]
        assert (away.tries, well.tries) == (1, 1)
        await connections.connect(agent(away, well))
        assert away.tries == 1  # it has just failed
        await connections.close()
        assert (away.closed, well.closed) == (0, 1)

    asyncio.run(connect())


@pytest.mark.parametrize("failure", [ConnectionError(), asyncio.CancelledError()])
def test_a_server_that_comes_back_is_connected(failure: BaseException) -> None:
    async def connect() -> None:
        connections, tool = Connections(pause=0.0), MCPTools(failure)
        for _ in range(3):
            await asyncio.wait_for(connections.connect(agent(tool)), 5)
        assert (tool.tries, tool.initialized) == (2, True)
        await connections.close()
        assert tool.closed == 1

    asyncio.run(connect())
