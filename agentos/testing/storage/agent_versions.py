"""The promises about the versions of stored agents."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from agentos.errors import PreconditionFailed
from agentos.storage.agents import StoredAgent
from agentos.storage.interface import Storage
from agentos.storage.paging import Paging
from agentos.testing.storage.contract import AWKWARD, Contract, admitted, at, claimed, ended
from agentos.testing.storage.pausing import paused_run


def _agent(text: Any = "one", agent_id: str = "a", seconds: float = 0) -> StoredAgent:
    document = {"model": "x:y", "instructions": text}
    return StoredAgent(id=agent_id, document=document, created_at=at(seconds), updated_at=at(seconds))


def _numbers(storage: Storage, agent_id: str = "a") -> list[int]:
    return [one.version for one in storage.agents.versions(agent_id, Paging()).items]


class AgentVersionContract(Contract):
    """Versions of stored agents."""

    def test_each_document_of_an_agent_is_a_version(self, storage: Storage) -> None:
        first = storage.agents.add(_agent("one"), author="key:1", comment="the first")
        second = storage.agents.replace(_agent("two", seconds=5), author="operator")
        assert first == replace(_agent("one"), version=1)
        assert second == replace(_agent("two", seconds=5), version=2, created_at=at(0))
        assert storage.agents.get("a") == second
        newest, oldest = storage.agents.versions("a", Paging()).items
        assert (newest.version, newest.author, newest.comment, newest.created_at) == (2, "operator", None, at(5))
        assert (oldest.version, oldest.author, oldest.comment, oldest.created_at) == (1, "key:1", "the first", at(0))
        assert (oldest.agent_id, oldest.document) == ("a", {})
        found = storage.agents.version("a", 1)
        assert found == replace(oldest, document=_agent("one").document)

    def test_the_document_of_a_version_comes_back_as_it_was_given(self, storage: Storage) -> None:
        storage.agents.add(replace(_agent(), document=AWKWARD), comment='"\U0001f600 é\n')
        storage.agents.replace(_agent())
        found = storage.agents.version("a", 1)
        assert found is not None
        assert (found.document, list(found.document)) == (AWKWARD, list(AWKWARD))

    def test_the_same_document_adds_no_version(self, storage: Storage) -> None:
        added = storage.agents.add(_agent())
        assert storage.agents.replace(_agent(seconds=9), author="x", expected_version=1) == added
        assert _numbers(storage) == [1]

    def test_a_document_with_its_keys_in_another_order_is_another_version(self, storage: Storage) -> None:
        storage.agents.add(replace(_agent(), document={"schema": {"a": 1, "b": 2}}))
        storage.agents.replace(replace(_agent(), document={"schema": {"b": 2, "a": 1}}))
        found = storage.agents.get("a")
        assert found is not None
        assert (found.version, list(found.document["schema"])) == (2, ["b", "a"])

    @pytest.mark.parametrize("expected", [1, 3, 2**40])
    def test_a_replacement_that_expects_another_version_changes_nothing(self, storage: Storage, expected: int) -> None:
        storage.agents.add(_agent("one"))
        present = storage.agents.replace(_agent("two"), expected_version=1)
        with pytest.raises(PreconditionFailed, match=f"at version 2, not {expected}"):
            storage.agents.replace(_agent("three"), expected_version=expected)
        assert storage.agents.get("a") == present
        assert _numbers(storage) == [2, 1]

    def test_the_time_of_a_version_is_later_than_that_of_the_one_before(self, storage: Storage) -> None:
        storage.agents.add(_agent("one", seconds=9))
        found = storage.agents.replace(_agent("two", seconds=1))
        assert found is not None
        assert found.updated_at > at(9)

    def test_versions_are_listed_in_parts_newest_first(self, storage: Storage) -> None:
        storage.agents.add(_agent("1"))
        storage.agents.add(_agent("other", agent_id="b"))
        for number in range(2, 13):
            storage.agents.replace(_agent(str(number)))
        found, paging = list[int](), Paging(limit=5)
        while True:
            page = storage.agents.versions("a", paging)
            found += [one.version for one in page.items]
            if page.next_cursor is None:
                break
            storage.agents.replace(_agent(f"meanwhile {len(found)}"))
            paging = Paging(limit=5, cursor=page.next_cursor)
        assert found == list(range(12, 0, -1))
        assert [one.version for one in storage.agents.versions("b", Paging()).items] == [1]
        assert [one.version for one in storage.agents.versions("a", Paging(limit=2, offset=12)).items] == [2, 1]
        assert storage.agents.versions("c", Paging()).items == []

    @pytest.mark.parametrize("number", [0, -1, 2, 2**31, 2**63, 10**30])
    def test_a_version_that_never_was_is_not_found(self, storage: Storage, number: int) -> None:
        storage.agents.add(_agent())
        assert storage.agents.version("a", number) is None

    def test_a_deleted_agent_takes_its_versions_along(self, storage: Storage) -> None:
        storage.agents.add(_agent("one"))
        storage.agents.replace(_agent("two"))
        storage.agents.delete("a")
        assert _numbers(storage) == []
        assert [storage.agents.version("a", number) for number in (1, 2)] == [None, None]

    def test_the_number_of_a_version_is_never_given_again(self, storage: Storage) -> None:
        storage.agents.add(_agent("one"))
        storage.agents.replace(_agent("two"))
        for expected in (3, 4):
            storage.agents.delete("a")
            added = storage.agents.add(_agent("again"))
            assert added is not None
            assert added.version == expected
            assert _numbers(storage) == [expected]

    def test_the_oldest_versions_are_forgotten_beyond_a_number(self, storage: Storage) -> None:
        storage.agents.add(_agent("1"), keep=3)
        for number in range(2, 6):
            storage.agents.replace(_agent(str(number)), keep=3)
        assert _numbers(storage) == [5, 4, 3]
        storage.agents.replace(_agent("6"), keep=1)
        assert _numbers(storage) == [6]

    def test_a_version_that_an_unfinished_run_has_is_kept(self, storage: Storage) -> None:
        storage.agents.add(_agent("1"))
        storage.agents.add(_agent("1", agent_id="b"))
        over = admitted(storage, agent_id="a", agent_version=1)
        storage.runs.finish(ended(over))
        storage.agents.replace(_agent("2"))
        waiting = paused_run(storage, admitted(storage, agent_id="a", agent_version=2))
        storage.agents.replace(_agent("3"))
        queued = admitted(storage, agent_id="a", agent_version=3, lease=None)
        admitted(storage, agent_id="b", agent_version=4)
        storage.agents.replace(_agent("4"), keep=1)
        assert _numbers(storage) == [4, 3, 2]
        storage.runs.finish(ended(waiting))
        storage.agents.replace(_agent("5"), keep=1)
        assert _numbers(storage) == [5, 3]
        storage.runs.finish(ended(queued))
        storage.agents.replace(_agent("6"), keep=1)
        assert _numbers(storage) == [6]
        assert _numbers(storage, "b") == [1]

    def test_a_run_names_the_version_of_its_agent(self, storage: Storage) -> None:
        run = admitted(storage, agent_version=7, lease=None)
        assert run.agent_version == 7
        claim = claimed(storage, run.id)
        assert claim.run.agent_version == 7
        storage.runs.finish(ended(claim.run))
        found = storage.runs.get(run.id, owner=None)
        assert found is not None
        assert found.agent_version == 7

    def test_replacements_at_the_same_time_are_all_kept_with_numbers_in_a_row(self, storage: Storage) -> None:
        storage.agents.add(_agent("0"))
        with ThreadPoolExecutor(20) as threads:
            done = list(threads.map(lambda number: storage.agents.replace(_agent(str(number))), range(1, 21)))
        assert sorted(one.version for one in done if one is not None) == list(range(2, 22))
        assert _numbers(storage) == list(range(21, 0, -1))
        texts = set()
        for one in done:
            assert one is not None
            version = storage.agents.version("a", one.version)
            assert version is not None
            assert version.document == one.document
            texts.add(version.document["instructions"])
        assert texts == {str(number) for number in range(1, 21)}

    def test_of_replacements_that_expect_one_version_one_is_done(self, storage: Storage) -> None:
        storage.agents.add(_agent("0"))

        def replaced(number: int) -> bool:
            try:
                return storage.agents.replace(_agent(str(number)), expected_version=1) is not None
            except PreconditionFailed:
                return False

        with ThreadPoolExecutor(10) as threads:
            assert sorted(threads.map(replaced, range(1, 11))) == [False] * 9 + [True]
        assert _numbers(storage) == [2, 1]
