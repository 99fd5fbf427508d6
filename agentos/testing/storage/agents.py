"""The promises about stored agents and about the database itself."""

from __future__ import annotations

from typing import Any

from agentos.storage.agents import StoredAgent
from agentos.storage.interface import Storage
from agentos.testing.storage.contract import AWKWARD, Contract, at


def _agent(agent_id: str = "a", **fields: Any) -> StoredAgent:
    return StoredAgent(
        **{"id": agent_id, "document": {"model": "x:y"}, "created_at": at(0), "updated_at": at(0), **fields}
    )


class AgentContract(Contract):
    """Stored agents."""

    def test_an_upgraded_storage_is_ready_and_answers(self, storage: Storage) -> None:
        storage.upgrade()
        storage.check()
        assert storage.schema().ready

    def test_an_agent_comes_back_as_it_was_added(self, storage: Storage) -> None:
        agent = _agent(document=AWKWARD)
        assert storage.agents.add(agent)
        assert storage.agents.get("a") == agent
        found = storage.agents.get("a")
        assert found is not None
        assert list(found.document) == list(AWKWARD)

    def test_an_agent_whose_id_is_taken_is_not_added(self, storage: Storage) -> None:
        storage.agents.add(_agent())
        assert not storage.agents.add(_agent(document={}))
        assert storage.agents.get("a") == _agent()

    def test_a_replaced_agent_keeps_its_creation_time(self, storage: Storage) -> None:
        storage.agents.add(_agent())
        assert storage.agents.replace(_agent(document={"new": 1}, created_at=at(9), updated_at=at(9)))
        assert storage.agents.get("a") == _agent(document={"new": 1}, version=2, updated_at=at(9))

    def test_an_unknown_agent_is_not_replaced(self, storage: Storage) -> None:
        assert not storage.agents.replace(_agent())
        assert storage.agents.get("a") is None

    def test_agents_are_listed_by_the_code_points_of_their_ids(self, storage: Storage) -> None:
        for agent_id in ("b", "B", "a", "a-1", "a1", "Z"):
            storage.agents.add(_agent(agent_id))
        assert [agent.id for agent in storage.agents.list(limit=10)] == ["B", "Z", "a", "a-1", "a1", "b"]

    def test_a_deleted_agent_is_gone(self, storage: Storage) -> None:
        storage.agents.add(_agent())
        assert storage.agents.delete("a")
        assert not storage.agents.delete("a")
        assert storage.agents.list(limit=10) == []

    def test_agents_are_listed_with_what_a_list_needs_of_their_documents(self, storage: Storage) -> None:
        listed = {"name": '["A"]', "description": 'é 漢 \U0001f600 "\\\n', "model": "x:y", "tools": ["a", "b"]}
        storage.agents.add(_agent("a", document={**AWKWARD, **listed, "instructions": "i", "metadata": {"name": "m"}}))
        storage.agents.add(_agent("b", document={"model": "x:y"}, created_at=at(1), updated_at=at(2)))
        storage.agents.add(_agent("c", document={"model": "x:y", "tools": [], "name": ""}))
        storage.agents.add(_agent("d", document={"name": "\ud83d\x00\udc00\\u0000", "instructions": "\\ud800 \ude00"}))
        assert storage.agents.list(limit=10) == [
            _agent("a", document=listed),
            _agent("b", document={"model": "x:y"}, created_at=at(1), updated_at=at(2)),
            _agent("c", document={"model": "x:y", "tools": [], "name": ""}),
            _agent("d", document={"name": "\ud83d\x00\udc00\\u0000"}),
        ]

    def test_agents_are_listed_in_parts(self, storage: Storage) -> None:
        ids = [f"agent-{number}" for number in range(7)]
        for agent_id in reversed(ids):
            storage.agents.add(_agent(agent_id))

        def listed(**part: Any) -> list[str]:
            return [agent.id for agent in storage.agents.list(**part)]

        assert listed(limit=3) == ids[:3]
        assert listed(limit=3, after=ids[2]) == ids[3:6]
        assert listed(limit=3, after=ids[6]) == []
        assert listed(limit=3, offset=5) == ids[5:]
        assert listed(limit=2, after=ids[1], offset=2) == ids[4:6]
        assert listed(limit=3, after="agent-3x") == ids[4:]
        assert listed(limit=3, offset=10**9) == []
        assert listed(limit=3, leave_out=[ids[1], ids[3], "other"]) == [ids[0], ids[2], ids[4]]
        assert listed(limit=3, offset=1, leave_out=[ids[0]]) == ids[2:5]
        assert listed(limit=3, leave_out=ids) == []
