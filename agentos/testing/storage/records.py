"""The promises about records: versions, owners, lists and counters. ``due_records`` has those about due times."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from agentos.errors import PreconditionFailed
from agentos.storage.interface import Storage
from agentos.storage.paging import Paging
from agentos.storage.records import LARGEST_DOCUMENT, LARGEST_VALUE, Record
from agentos.testing.storage.contract import AWKWARD, Contract, at_once

MANY = 20


def record(id: str = "r", **fields: Any) -> Record:
    """Return a record that is not stored yet."""
    return Record(**{"collection": "notes", "owner": "alice", "id": id, **fields})


class RecordContract(Contract):
    """Records by collection, owner and id."""

    def test_a_record_comes_back_as_it_was_put(self, storage: Storage) -> None:
        due = datetime(2031, 2, 3, 4, 5, 6, 789012, tzinfo=timezone(timedelta(hours=2)))
        given = record("ü '\"%", document=AWKWARD, due_at=due)
        assert storage.records.put(given) == replace(given, version=1)
        found = storage.records.get("notes", "ü '\"%", owner="alice")
        assert found == replace(given, version=1)
        assert found is not None
        assert list(found.document) == list(AWKWARD)

    def test_a_record_that_was_not_put_is_none(self, storage: Storage) -> None:
        storage.records.put(record("r"))
        assert storage.records.get("notes", "R", owner="alice") is None
        assert storage.records.get("note", "r", owner="alice") is None

    def test_a_stored_document_does_not_change_with_the_one_that_was_given(self, storage: Storage) -> None:
        document = {"list": [1]}
        storage.records.put(record(document=document))
        document["list"].append(2)
        found = storage.records.get("notes", "r", owner="alice")
        assert found is not None
        assert found.document == {"list": [1]}

    def test_a_record_that_is_put_again_is_replaced_and_its_version_counts_up(self, storage: Storage) -> None:
        storage.records.put(record(document={"a": 1}, due_at=datetime.now(UTC)))
        second = storage.records.put(record(document={"b": 2}, version=77, attempts=7, value=7))
        assert second == record(document={"b": 2}, version=2)
        assert storage.records.get("notes", "r", owner="alice") == second

    def test_a_record_is_put_only_over_the_version_that_is_expected(self, storage: Storage) -> None:
        assert storage.records.put(record(document={"n": 1}), expected_version=0).version == 1
        assert storage.records.put(record(document={"n": 2}), expected_version=1).version == 2
        for other in (0, 1, 3):
            with pytest.raises(PreconditionFailed, match="'r' of 'notes'"):
                storage.records.put(record(document={"n": 3}), expected_version=other)
        assert storage.records.get("notes", "r", owner="alice") == record(document={"n": 2}, version=2)

    def test_a_record_that_is_gone_has_no_version_that_could_be_expected(self, storage: Storage) -> None:
        with pytest.raises(PreconditionFailed):
            storage.records.put(record(), expected_version=1)
        assert storage.records.get("notes", "r", owner="alice") is None

    @pytest.mark.parametrize("there", [False, True], ids=["new", "there"])
    def test_of_simultaneous_puts_over_one_version_one_succeeds(self, storage: Storage, there: bool) -> None:
        expected = storage.records.put(record()).version if there else 0
        outcomes: Counter[str] = Counter()

        def put(number: int) -> None:
            try:
                storage.records.put(record(document={"by": number}), expected_version=expected)
            except PreconditionFailed:
                outcomes["refused"] += 1
            else:
                outcomes["put"] += 1

        at_once(put)
        assert outcomes["put"] == 1
        found = storage.records.get("notes", "r", owner="alice")
        assert found is not None
        assert found.version == expected + 1

    def test_a_deleted_record_is_gone(self, storage: Storage) -> None:
        storage.records.put(record())
        storage.records.put(record("other"))
        assert storage.records.delete("notes", "r", owner="alice")
        assert not storage.records.delete("notes", "r", owner="alice")
        assert storage.records.get("notes", "r", owner="alice") is None
        assert storage.records.get("notes", "other", owner="alice") is not None
        assert storage.records.put(record()).version == 1

    def test_a_record_is_deleted_only_at_the_version_that_is_expected(self, storage: Storage) -> None:
        storage.records.put(record())
        version = storage.records.put(record()).version
        assert not storage.records.delete("notes", "r", owner="alice", expected_version=version - 1)
        assert storage.records.delete("notes", "r", owner="alice", expected_version=version)

    # --- owners ------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize(("one", "other"), [("alice", "bob"), ("alice", "Alice"), ("%", "alice"), ("1", "01")])
    def test_records_of_two_owners_with_one_id_have_nothing_in_common(
        self, storage: Storage, one: str, other: str
    ) -> None:
        mine = storage.records.put(record(owner=one, document={"mine": True}))
        assert storage.records.get("notes", "r", owner=other) is None
        assert not storage.records.delete("notes", "r", owner=other)
        theirs = storage.records.put(record(owner=other), expected_version=0)
        assert storage.records.add("notes", "r", 5, owner=other) == 5
        assert storage.records.get("notes", "r", owner=one) == mine
        assert storage.records.delete("notes", "r", owner=one)
        assert storage.records.get("notes", "r", owner=other) == replace(theirs, value=5)

    def test_all_records_of_an_owner_are_deleted_and_no_others(self, storage: Storage) -> None:
        for number in range(3):
            storage.records.put(record(str(number), collection=f"c{number % 2}"))
        storage.records.put(record("0", owner="bob", collection="c0"))
        assert [storage.records.delete_of_owner("alice", limit=2) for _ in range(3)] == [2, 1, 0]
        assert storage.records.get("c0", "0", owner="alice") is None
        assert storage.records.get("c0", "0", owner="bob") is not None

    # --- lists -------------------------------------------------------------------------------------------------------

    def test_a_list_has_one_collection_of_one_owner_or_of_all(self, storage: Storage) -> None:
        for number in range(4):
            storage.records.put(record(str(number), owner="bob" if number % 2 else "alice"))
        storage.records.put(record("x", collection="other"))

        def ids(owner: str | None) -> list[str]:
            return sorted(one.id for one in storage.records.list("notes", Paging(), owner=owner).items)

        assert (ids("alice"), ids("bob"), ids(None), ids("carol")) == (["0", "2"], ["1", "3"], ["0", "1", "2", "3"], [])

    def test_pages_of_a_list_follow_each_other_and_miss_none(self, storage: Storage) -> None:
        # With the same id, and perhaps at the same moment, for several owners.
        put = {(owner, id) for id in ("a", "b", "c") for owner in ("alice", "bob", "carol")}
        for owner, id in put:
            storage.records.put(record(id, owner=owner))
        seen: list[tuple[str, str]] = []
        page = storage.records.list("notes", Paging(limit=2), owner=None)
        while True:
            seen += [(one.owner, one.id) for one in page.items]
            if page.next_cursor is None:
                break
            page = storage.records.list("notes", Paging(limit=2, cursor=page.next_cursor), owner=None)
        assert (len(seen), set(seen)) == (len(put), put)
        skipped = storage.records.list("notes", Paging(limit=3, offset=4), owner=None)
        assert [(one.owner, one.id) for one in skipped.items] == seen[4:7]

    def test_a_list_begins_with_the_newest_and_a_change_moves_nothing(self, storage: Storage) -> None:
        for id in "abc":
            storage.records.put(record(id))
            time.sleep(0.005)  # the clock of a database may count milliseconds
        storage.records.put(record("a", document={"changed": True}))
        assert [one.id for one in storage.records.list("notes", Paging(), owner="alice").items] == ["c", "b", "a"]

    # --- counters ----------------------------------------------------------------------------------------------------

    def test_a_counter_is_made_at_its_first_use_and_counts(self, storage: Storage) -> None:
        assert [storage.records.add("notes", "r", delta, owner="alice") for delta in (5, -7, 3)] == [5, -2, 1]
        assert storage.records.get("notes", "r", owner="alice") == record(version=1, value=1)

    def test_a_counter_never_exceeds_its_limit(self, storage: Storage) -> None:
        assert storage.records.add("notes", "r", 6, owner="alice", limit=5) is None
        assert storage.records.get("notes", "r", owner="alice") is None
        assert storage.records.add("notes", "r", 5, owner="alice", limit=5) == 5
        assert storage.records.add("notes", "r", 1, owner="alice", limit=5) is None
        assert storage.records.add("notes", "r", -3, owner="alice", limit=5) == 2
        assert storage.records.add("notes", "r", -10, owner="alice") == -8
        assert storage.records.add("notes", "r", 12, owner="alice", limit=5) == 4

    def test_a_counter_and_a_document_do_not_disturb_each_other(self, storage: Storage) -> None:
        version = storage.records.put(record(document={"a": 1})).version
        storage.records.add("notes", "r", 3, owner="alice")
        assert storage.records.put(record(document={"a": 2}), expected_version=version).value == 3
        found = storage.records.get("notes", "r", owner="alice")
        assert found == record(document={"a": 2}, version=2, value=3)

    @pytest.mark.parametrize("there", [False, True], ids=["new", "there"])
    def test_simultaneous_counts_are_all_counted_and_stay_within_the_limit(self, storage: Storage, there: bool) -> None:
        if there:
            storage.records.add("notes", "r", 0, owner="alice")
        sums: list[int | None] = []
        at_once(
            lambda _: sums.extend(storage.records.add("notes", "r", 2, owner="alice", limit=41) for _ in range(3)),
            MANY,
        )
        assert sorted(one for one in sums if one is not None) == list(range(2, 41, 2))
        found = storage.records.get("notes", "r", owner="alice")
        assert found is not None
        assert found.value == 40

    def test_a_counter_stays_exact_to_its_end(self, storage: Storage) -> None:
        assert storage.records.add("notes", "r", LARGEST_VALUE, owner="alice") == LARGEST_VALUE
        assert storage.records.add("notes", "r", 1, owner="alice") is None
        assert storage.records.add("notes", "r", -LARGEST_VALUE, owner="alice") == 0
        assert storage.records.add("notes", "r", -LARGEST_VALUE, owner="alice") == -LARGEST_VALUE
        assert storage.records.add("notes", "r", -1, owner="alice") is None
        for beyond in (LARGEST_VALUE + 1, -LARGEST_VALUE - 1, 1.5):
            with pytest.raises(ValueError, match="accepted: an integer"):
                storage.records.add("notes", "r", beyond, owner="alice")  # type: ignore[arg-type]

    # --- bounds ------------------------------------------------------------------------------------------------------

    def test_the_longest_names_are_told_apart(self, storage: Storage) -> None:
        # Four bytes a character, and nothing that compresses.
        text = "".join(chr(0x20000 + number * 7) for number in range(254))
        for end in "ab":
            storage.records.put(record(text + end, collection=text[:64], owner=text + "o", document={"end": end}))
        found = [storage.records.get(text[:64], text + end, owner=text + "o") for end in "ab"]
        assert [one and one.document for one in found] == [{"end": "a"}, {"end": "b"}]

    @pytest.mark.parametrize("name", ["", "x" * 256, "a\0b", "a\nb", "\ud800"])
    def test_a_name_that_cannot_be_one_is_refused_where_it_is_written_and_missing_where_it_is_read(
        self, storage: Storage, name: str
    ) -> None:
        for field in ("collection", "owner", "id"):
            with pytest.raises(ValueError, match=f"the {field} of a record is .*accepted"):
                record(**{field: name})
        with pytest.raises(ValueError, match="accepted"):
            storage.records.add("notes", name, 1, owner="alice")
        assert storage.records.get("notes", name, owner="alice") is None
        assert storage.records.get("notes", "r", owner=name) is None
        assert not storage.records.delete(name, "r", owner="alice")
        assert list(storage.records.list(name, Paging(), owner=None).items) == []
        assert storage.records.delete_of_owner(name, limit=9) == 0

    def test_a_collection_has_a_shorter_name(self, storage: Storage) -> None:
        with pytest.raises(ValueError, match=r"the collection of a record is .* with 65 characters; accepted: 1 to 64"):
            record(collection="x" * 65)
        assert storage.records.get("x" * 65, "r", owner="alice") is None

    def test_a_document_has_a_bound(self, storage: Storage) -> None:
        text = "x" * (LARGEST_DOCUMENT - len('{"a":""}'))
        storage.records.put(record(document={"a": text}))
        with pytest.raises(ValueError, match="accepted: up to 262144"):
            storage.records.put(record(document={"a": text + "x"}))
        with pytest.raises(TypeError, match="accepted: a dict"):
            storage.records.put(record(document=["a"]))
        with pytest.raises(TypeError, match="cannot be stored"):
            storage.records.put(record(document={"a": object()}))
        found = storage.records.get("notes", "r", owner="alice")
        assert found is not None
        assert found.document == {"a": text}
