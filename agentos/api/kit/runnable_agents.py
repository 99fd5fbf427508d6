"""The agents that the caller of a request may run: a protocol's models."""

from __future__ import annotations

from collections.abc import Iterator

from agentos.api.kit.callers import caller
from agentos.api.kit.plugin_server import server
from agentos.services.agent_info import AgentInfo
from agentos.storage.paging import Paging

PAGE = 1000


def runnable_agents() -> Iterator[AgentInfo]:
    """Yield the agents that the caller may run, by their ids."""
    who = caller()
    paging: Paging | None = Paging(limit=PAGE)
    while paging is not None:
        page = server().agents.list(paging)
        yield from (agent for agent in page.items if who.may_run(agent.id))
        paging = None if page.next_cursor is None else Paging(limit=PAGE, cursor=page.next_cursor)
