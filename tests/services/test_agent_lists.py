"""Lists of agents: those of code and plugins and the stored ones are one list by id, whatever the page."""

from collections.abc import Sequence

import pytest

from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.models.catalog import Catalog
from agentos.models.scripted import ScriptedProvider
from agentos.registry import Registry
from agentos.services.agent_tools import AgentTools
from agentos.services.agents import AgentService
from agentos.storage.agents import StoredAgent
from agentos.storage.memory import MemoryStorage
from agentos.storage.memory.agents import MemoryAgentStore
from agentos.storage.memory.rows import Rows
from agentos.storage.paging import Paging
from agentos.testing.storage.contract import at


def service(registered: Sequence[str], stored: Sequence[str], storage: MemoryStorage | None = None) -> AgentService:
    agents: Registry = Registry("agent")
    for id in registered:
        agents.add(id, Agent(id=id, model="scripted:echo"), source="a-plugin")
    providers: Registry = Registry("model provider")
    providers.add("scripted", lambda config: ScriptedProvider(), source="core")
    config = Config(environ={})
    storage = storage or MemoryStorage()
    for id in stored:
        # Past the service, which refuses an id that code has: the code may be newer than the stored agent.
        storage.agents.add(StoredAgent(id=id, document={"model": "x:y"}, created_at=at(0), updated_at=at(0)))
    return AgentService(storage, agents, AgentTools(Registry("tool")), Catalog(providers, config), config)


MIXES = {
    "nothing": ([], []),
    "registered alone": (["b", "a", "c"], []),
    "stored alone": ([], ["b", "a", "c", "d"]),
    "registered first": (["a", "b"], ["x", "y", "z"]),
    "registered last": (["x", "y"], ["a", "b", "c"]),
    "by turns": (["b", "d", "f", "h"], ["a", "c", "e", "g", "i"]),
    "shadowed": (["b", "c", "e"], ["a", "b", "c", "d", "e", "f"]),
    "all shadowed": (["a", "b", "c"], ["a", "b", "c"]),
    "shadowed ends": (["a", "z"], ["a", "m", "n", "z"]),
    "cases and signs": (["B", "a-1", "a.b"], ["A", "a", "a1", "a_1", "Z"]),
    "many": ([f"r{number:02}" for number in range(0, 40, 3)], [f"r{number:02}" for number in range(0, 40, 2)]),
}


def expected(registered: Sequence[str], stored: Sequence[str]) -> list[tuple[str, str]]:
    sources = {**dict.fromkeys(stored, "stored"), **dict.fromkeys(registered, "a-plugin")}
    return sorted(sources.items())


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_pages_by_cursor_are_the_whole_list(mix: str, limit: int) -> None:
    agents = service(*MIXES[mix])
    found, paging = [], Paging(limit=limit)
    while True:
        page = agents.list(paging)
        found += [(agent.id, agent.source) for agent in page.items]
        if page.next_cursor is None:
            break
        assert len(page.items) == limit
        paging = Paging(limit=limit, cursor=page.next_cursor)
    assert found == expected(*MIXES[mix])


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("limit", [1, 2, 7])
def test_pages_by_offset_are_parts_of_the_whole_list(mix: str, limit: int) -> None:
    agents = service(*MIXES[mix])
    whole = expected(*MIXES[mix])
    for offset in [*range(len(whole) + 3), 10**9]:
        page = agents.list(Paging(limit=limit, offset=offset))
        assert [(agent.id, agent.source) for agent in page.items] == whole[offset : offset + limit]
        assert (page.next_cursor is None) is (offset + limit >= len(whole))
        if page.next_cursor is not None:
            following = agents.list(Paging(limit=limit, cursor=page.next_cursor)).items
            assert [(agent.id, agent.source) for agent in following] == whole[offset + limit : offset + 2 * limit]


class CountingAgents(MemoryAgentStore):
    """Keeps what lists were asked for."""

    def __init__(self, rows: Rows) -> None:
        super().__init__(rows)
        self.limits: list[int] = []

    def list(self, **part: object) -> Sequence[StoredAgent]:
        self.limits.append(part["limit"])
        return super().list(**part)


def test_no_more_is_read_than_a_page_needs() -> None:
    storage = MemoryStorage()
    storage.agents = counting = CountingAgents(storage.rows)
    agents = service(["a", "b"], [f"s{number}" for number in range(50)], storage)
    for paging in (Paging(limit=5), Paging(limit=5, offset=40)):
        agents.list(paging)
    assert counting.limits == [6, 8]


def test_a_list_has_no_documents() -> None:
    assert [agent.document for agent in service(["a"], ["b"]).list().items] == [{}, {}]
