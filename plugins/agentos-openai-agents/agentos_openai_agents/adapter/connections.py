"""The MCP servers of agents: connected before they are used first, and shared by the runs of a process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents import Agent
from agents.mcp import MCPServerManager


class Connections:
    """Connects each server once, in a task of its own: it has to be closed in the task that opened it."""

    def __init__(self) -> None:
        self._managers: dict[int, Any] = {}

    async def open(self, agent: Any) -> None:
        """Connect the servers of an agent and of those that it hands over to. Raises what the SDK raises."""
        for server in _servers(agent):
            manager = self._managers.get(id(server))
            if manager is None:
                # A run that is cancelled meanwhile is cancelled, and no server that failed.
                manager = MCPServerManager(
                    [server], strict=True, suppress_cancelled_error=False, connect_in_parallel=True
                )
                self._managers[id(server)] = manager
            await manager.connect_all()

    async def close(self) -> None:
        """Close all connections."""
        for manager in self._managers.values():
            await manager.cleanup_all()


def _servers(agent: Any) -> Iterator[Any]:
    seen: set[int] = set()
    waiting = [agent]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield from one.mcp_servers
        waiting += [found for entry in one.handoffs if (found := _agent(entry)) is not None]


def _agent(entry: Any) -> Any:
    """Return the agent of a handoff. The SDK has it in a weak reference, without a public name."""
    if isinstance(entry, Agent):
        return entry
    reference = getattr(entry, "_agent_ref", None)
    return None if reference is None else reference()
