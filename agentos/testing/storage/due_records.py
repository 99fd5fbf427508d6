"""The promises about records that are due: each is taken by one worker at a time, and never lost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agentos.errors import PreconditionFailed
from agentos.storage.admission import Lease
from agentos.storage.interface import Storage
from agentos.storage.records import Record
from agentos.testing.storage.contract import LEASE, THREADS, Contract, at_once
from agentos.testing.storage.records import record

OTHER = Lease("worker-2", 60.0)
OVER = Lease("worker-1", -1.0)
"""A lease that has run out when it is taken."""


def ago(seconds: float) -> datetime:
    """Return the time so many seconds ago."""
    return datetime.now(UTC) - timedelta(seconds=seconds)


def take(storage: Storage, lease: Lease = LEASE, *, limit: int = 99, collection: str = "notes") -> Sequence[Record]:
    """Take what is due of one collection."""
    return storage.records.take_due([collection], lease, limit=limit)


class DueRecordContract(Contract):
    """Records that are due."""

    def test_what_is_due_is_taken_the_longest_due_first(self, storage: Storage) -> None:
        for id, seconds in (("b", 20), ("c", 10), ("a", 30), ("later", -60)):
            storage.records.put(record(id, due_at=ago(seconds), document={"id": id}))
        storage.records.put(record("never"))
        taken = take(storage, limit=2)
        assert [(one.id, one.document, one.version, one.attempts) for one in taken] == [
            ("a", {"id": "a"}, 2, 1),
            ("b", {"id": "b"}, 2, 1),
        ]
        assert [one.id for one in take(storage)] == ["c"]
        assert list(take(storage)) == []

    def test_only_the_collections_that_are_asked_for_are_taken(self, storage: Storage) -> None:
        for collection in "xyz":
            storage.records.put(record(collection=collection, due_at=ago(1)))
        assert list(storage.records.take_due([], LEASE, limit=9)) == []
        assert [one.collection for one in storage.records.take_due(["x", "y", "none"], LEASE, limit=9)] == ["x", "y"]
        assert [one.collection for one in take(storage, collection="z")] == ["z"]

    def test_a_record_is_of_the_worker_that_took_it_until_its_lease_runs_out(self, storage: Storage) -> None:
        storage.records.put(record(due_at=ago(1)))
        (first,) = take(storage, Lease("worker-1", 0.3))
        assert list(take(storage, OTHER)) == []
        time.sleep(0.4)
        (second,) = take(storage, OTHER)
        assert (second.version, second.attempts) == (first.version + 1, 2)

    def test_only_the_last_worker_that_took_it_can_say_what_becomes_of_it(self, storage: Storage) -> None:
        storage.records.put(record(due_at=ago(1)))
        (stale,) = take(storage, OVER)
        (taken,) = take(storage, OTHER)
        with pytest.raises(PreconditionFailed):
            storage.records.put(stale, expected_version=stale.version)
        assert not storage.records.give_back(stale, seconds=0)
        assert not storage.records.delete("notes", "r", owner="alice", expected_version=stale.version)
        storage.records.renew([stale], OVER)
        assert list(take(storage)) == []
        assert storage.records.delete("notes", "r", owner="alice", expected_version=taken.version)

    def test_a_record_that_is_put_again_is_free_and_its_attempts_begin_anew(self, storage: Storage) -> None:
        storage.records.put(record(due_at=ago(1)))
        (taken,) = take(storage)
        storage.records.put(replace(taken, due_at=ago(2)), expected_version=taken.version)
        (again,) = take(storage, OTHER)
        assert (again.attempts, again.version) == (1, 4)

    def test_a_record_that_is_given_back_is_due_later_and_keeps_its_attempts(self, storage: Storage) -> None:
        storage.records.put(record(due_at=ago(1), document={"a": 1}))
        (taken,) = take(storage)
        assert storage.records.give_back(taken, seconds=0.3)
        assert list(take(storage)) == []
        time.sleep(0.4)
        (again,) = take(storage, OTHER)
        assert (again.attempts, again.document) == (2, {"a": 1})

    def test_a_lease_that_is_renewed_does_not_run_out(self, storage: Storage) -> None:
        for id in "ab":
            storage.records.put(record(id, due_at=ago(1)))
        first, second = take(storage, OVER)
        storage.records.renew([first], replace(OVER, seconds=60.0))
        assert [one.id for one in take(storage, OTHER)] == [second.id]

    def test_another_worker_cannot_renew_a_lease(self, storage: Storage) -> None:
        storage.records.put(record(due_at=ago(1)))
        taken = take(storage, OVER)
        storage.records.renew(taken, OTHER)
        storage.records.renew([], OTHER)
        assert [one.id for one in take(storage)] == ["r"]

    def test_workers_that_ask_at_once_get_different_records(self, storage: Storage) -> None:
        for number in range(40):
            storage.records.put(record(str(number), due_at=ago(1)))
        counted: Counter[str] = Counter()

        def work(number: int) -> None:
            mine = Lease(f"worker-{number}", 60.0)
            while taken := take(storage, mine, limit=3):
                counted.update(one.id for one in taken)

        at_once(work, THREADS)
        # One that asks while the others hold all rows gets none; what is left then is taken next time.
        while taken := take(storage):
            counted.update(one.id for one in taken)
        assert counted == Counter(map(str, range(40)))

    def test_the_time_to_the_next_due_record_is_known(self, storage: Storage) -> None:
        assert storage.records.next_due(["notes"]) is None
        assert storage.records.next_due([]) is None
        storage.records.put(record("never"))
        storage.records.put(record("far", due_at=ago(-1000)))
        storage.records.put(record("near", collection="other", due_at=ago(-100)))
        assert storage.records.next_due(["notes"]) == pytest.approx(1000, abs=5)
        assert storage.records.next_due(["notes", "other", "none"]) == pytest.approx(100, abs=5)
        storage.records.put(record("due", due_at=ago(1)))
        assert storage.records.next_due(["notes", "other"]) == 0
        take(storage)
        assert storage.records.next_due(["notes", "other"]) == pytest.approx(100, abs=5)
