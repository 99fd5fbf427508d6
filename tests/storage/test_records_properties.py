"""What the store of records promises, checked on random sequences of calls against a dictionary."""

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from agentos.errors import PreconditionFailed
from agentos.storage.admission import Lease
from agentos.storage.memory import MemoryStorage
from agentos.storage.paging import Paging
from agentos.storage.records import LARGEST_VALUE, Record
from parts.redis import open_redis_storage

pytestmark = pytest.mark.timeout(3600 if os.environ.get("AGENTOS_SOAK") == "1" else 300)

NOW = datetime.now(UTC)
OWNERS = ("alice", "bob")
COLLECTIONS = ("one", "two")

keys = st.tuples(st.sampled_from(COLLECTIONS), st.sampled_from(OWNERS), st.sampled_from(["a", "b", "ä%"]))
collections = st.sampled_from([[], ["one"], ["two", "none"], [*COLLECTIONS], [*COLLECTIONS]])
documents = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3) | st.none(), max_size=2)
# Long ago or far away: what is due does not change while an example runs.
due_times = st.none() | st.integers(-1000, 1000).map(lambda n: NOW + timedelta(days=400 if n > 0 else -400, seconds=n))
deltas = st.integers(-9, 9) | st.sampled_from([LARGEST_VALUE, -LARGEST_VALUE])
limits = st.none() | st.integers(-9, 9)
workers = st.sampled_from(["worker-1", "worker-2"])
some = st.integers(0, 999)


@dataclass
class Expected:
    """A record that has to be there, the worker that took it last, and whether that one has it still."""

    record: Record
    worker: str | None = None
    leased: bool = False


class Promises(RuleBasedStateMachine):
    """Two workers and their plugins on one storage."""

    def __init__(self, store):
        super().__init__()
        self.store = store
        self.there = {}  # RecordKey -> Expected
        self.taken = []  # every record as a worker took it, also those that were taken from it since

    def free(self, among):
        """Return the records with a due time that no worker has, the longest due first."""
        found = [one.record for one in self.there.values() if one.record.collection in among and not one.leased]
        return sorted((one for one in found if one.due_at is not None), key=lambda one: (one.due_at, one.key))

    def put_as(self, record):
        self.there[record.key] = Expected(record)
        return record

    @initialize(due_at=st.lists(due_times, min_size=6, max_size=6))
    def start(self, due_at):
        """Begin with some records: many examples have no rule that puts others."""
        for number, due in enumerate(due_at):
            self.put((COLLECTIONS[number % 2], OWNERS[number % 3 % 2], "ab"[number // 3]), {"n": number}, due, "any")

    # --- what plugins do ---------------------------------------------------------------------------------------------

    @rule(key=keys, document=documents, due_at=due_times, how=st.sampled_from(["any", "right", "wrong", "new"]))
    def put_one(self, key, document, due_at, how):
        self.put(key, document, due_at, how)

    def put(self, key, document, due_at, how):
        collection, owner, id = key
        given = Record(collection=collection, owner=owner, id=id, document=document, due_at=due_at)
        before = self.there.get(given.key)
        version = 0 if before is None else before.record.version
        expected = {"any": None, "right": version, "wrong": version + 1, "new": 0}[how]
        if expected not in (None, version):
            with pytest.raises(PreconditionFailed):
                self.store.put(given, expected_version=expected)
            return
        value = 0 if before is None else before.record.value
        kept = replace(given, version=version + 1, value=value)
        assert self.store.put(given, expected_version=expected) == self.put_as(kept)

    @rule(key=keys, right=st.booleans(), fenced=st.booleans())
    def delete(self, key, right, fenced):
        collection, owner, id = key
        before = self.there.get(key)
        version = 0 if before is None else before.record.version
        expected = (version if right else version + 1) if fenced else None
        deleted = self.store.delete(collection, id, owner=owner, expected_version=expected)
        assert deleted == (before is not None and expected in (None, version))
        if deleted:
            del self.there[key]

    @rule(key=keys, delta=deltas, limit=limits)
    def add(self, key, delta, limit):
        collection, owner, id = key
        before = self.there.get(key)
        value = delta + (0 if before is None else before.record.value)
        total = self.store.add(collection, id, delta, owner=owner, limit=limit)
        if not -LARGEST_VALUE <= value <= (LARGEST_VALUE if limit is None else limit):
            assert total is None
            return
        assert total == value
        if before is None:
            self.put_as(Record(collection=collection, owner=owner, id=id, version=1, value=value))
        else:
            before.record = replace(before.record, value=value)

    @rule(owner=st.sampled_from(OWNERS), limit=st.integers(1, 3))
    def delete_of_owner(self, owner, limit):
        hers = [key for key in self.there if key.owner == owner]
        assert self.store.delete_of_owner(owner, limit=limit) == min(limit, len(hers))
        for key in hers:
            if self.store.get(key.collection, key.id, owner=owner) is None:
                del self.there[key]
        assert len([key for key in self.there if key.owner == owner]) == max(0, len(hers) - limit)

    # --- what workers do ---------------------------------------------------------------------------------------------

    @rule(among=collections, worker=workers, limit=st.integers(1, 4), over=st.booleans())
    def take_due(self, among, worker, limit, over):
        due = [one for one in self.free(among) if one.due_at <= datetime.now(UTC)]
        lease = Lease(worker, -1.0 if over else 1000.0)
        taken = self.store.take_due(among, lease, limit=limit)
        assert len(taken) == min(limit, len(due))
        # Of records that are due at the same moment, any may be first.
        assert [one.due_at for one in taken] == [one.due_at for one in due[:limit]]
        for one in taken:
            before = self.there[one.key].record
            assert one == replace(before, version=before.version + 1, attempts=before.attempts + 1)
            self.there[one.key] = Expected(one, worker, not over)
            self.taken.append(one)

    @rule(pick=some, seconds=st.sampled_from([-500.0, 40_000_000.0]))
    def give_back(self, pick, seconds):
        if not self.taken:
            return
        record = self.taken[pick % len(self.taken)]
        present = self.there.get(record.key)
        mine = present is not None and present.record.version == record.version
        assert self.store.give_back(record, seconds=seconds) == mine
        if mine:
            found = self.store.get(record.collection, record.id, owner=record.owner)
            assert abs((found.due_at - datetime.now(UTC)).total_seconds() - seconds) < 60
            kept = replace(present.record, due_at=found.due_at, version=record.version + 1)
            assert found == self.put_as(kept)

    @rule(pick=some, by=workers, over=st.booleans())
    def renew(self, pick, by, over):
        if not self.taken:
            return
        record = self.taken[pick % len(self.taken)]
        self.store.renew([record], Lease(by, -1.0 if over else 1000.0))
        present = self.there.get(record.key)
        if present is not None and present.record.version == record.version and present.worker == by:
            present.leased = not over

    # --- the promises ------------------------------------------------------------------------------------------------

    @invariant()
    def everything_is_as_promised(self):
        for collection in COLLECTIONS:
            for owner in (*OWNERS, None):
                listed = self.store.list(collection, Paging(limit=1000), owner=owner).items
                expected = [one.record for one in self.there.values() if one.record.collection == collection]
                assert len(listed) == len({one.key for one in listed})
                assert {one.key: one for one in listed} == {
                    one.key: one for one in expected if owner in (None, one.owner)
                }
                for one in listed:
                    assert self.store.get(collection, one.id, owner=one.owner) == one

    @rule(among=collections)
    def next_due(self, among):
        free = self.free(among)
        wait = self.store.next_due(among)
        if not free:
            assert wait is None
        elif free[0].due_at <= datetime.now(UTC):
            assert wait == 0
        else:
            assert abs(wait - (free[0].due_at - datetime.now(UTC)).total_seconds()) < 60


def explore(open_store, examples):
    """Run random sequences and return how many: the same each time, but more and longer with ``AGENTOS_SOAK=1``."""
    soak = os.environ.get("AGENTOS_SOAK") == "1"
    begun = 0

    def machine():
        nonlocal begun
        begun += 1
        store = open_store()
        for owner in OWNERS:
            while store.delete_of_owner(owner, limit=1000):
                pass
        return Promises(store)

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples * (10 if soak else 1),
            stateful_step_count=100 if soak else 40,
            derandomize=not soak,
            phases=[Phase.generate, Phase.shrink],
            report_multiple_bugs=False,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return begun


def test_in_memory():
    assert explore(lambda: MemoryStorage().records, 100) >= 100


@pytest.mark.parametrize(("sql_url", "examples"), [("sqlite", 30), ("postgresql", 10)], indirect=["sql_url"])
def test_in_a_database(storage, examples):
    assert explore(lambda: storage.records, examples) >= examples


def test_in_redis(fresh_redis_url):
    storage = open_redis_storage(fresh_redis_url)
    assert explore(lambda: storage.records, 30) >= 30
    storage.close()
