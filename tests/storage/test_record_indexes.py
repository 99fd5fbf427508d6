"""Every query about records is answered by an index, in its order, however many are not due or of other collections."""

from datetime import UTC, datetime, timedelta

import pytest

from agentos.storage.admission import Lease
from agentos.storage.paging import Paging
from agentos.storage.records import Record
from storage.test_indexes import postgresql_plan, sqlite_plan

LEASE = Lease("worker", 60.0)


def mail(storage):
    return storage.records.get("mail", "due-1", owner="o")


def after(storage, owner):
    cursor = storage.records.list("mail", Paging(limit=2), owner=owner).next_cursor
    return storage.records.list("mail", Paging(limit=2, cursor=cursor), owner=owner)


QUERIES = {
    "put": lambda s: s.records.put(Record(collection="mail", id="new")),
    "put a new one": lambda s: s.records.put(Record(collection="mail", id="new"), expected_version=0),
    "put over a version": lambda s: s.records.put(mail(s), expected_version=1),
    "get": mail,
    "delete": lambda s: s.records.delete("mail", "due-1", owner="o"),
    "delete at a version": lambda s: s.records.delete("mail", "due-1", owner="o", expected_version=1),
    "delete of an owner": lambda s: s.records.delete_of_owner("o", limit=5),
    "list": lambda s: s.records.list("mail", Paging(), owner=None),
    "list of an owner": lambda s: s.records.list("mail", Paging(), owner="o"),
    "list after a cursor": lambda s: after(s, None),
    "list of an owner after a cursor": lambda s: after(s, "o"),
    "add": lambda s: s.records.add("counters", "c", 1, owner="o", limit=5),
    "add more than a new one may have": lambda s: s.records.add("counters", "c", 9, owner="o", limit=5),
    "take due": lambda s: s.records.take_due(["mail"], LEASE, limit=5),
    "renew": lambda s: s.records.renew([mail(s)], LEASE),
    "give back": lambda s: s.records.give_back(mail(s), seconds=9),
    "next due": lambda s: s.records.next_due(["mail"]),
    "next due of several collections": lambda s: s.records.next_due(["mail", "hooks", "other"]),
}


@pytest.fixture
def storage(storage):
    for number in range(30):
        due_at = datetime.now(UTC) + timedelta(days=number - 5)
        for collection in ("mail", "hooks"):
            storage.records.put(Record(collection=collection, owner="o", id=f"due-{number}", due_at=due_at))
            storage.records.put(Record(collection=collection, owner="o", id=f"never-{number}"))
    return storage


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_reads_an_index(storage, sql_url, recording, name):
    with recording() as recorded:
        QUERIES[name](storage)
    assert recorded.statements
    for statement, parameters in recorded.statements:
        if isinstance(parameters, list):
            continue  # the leases of several records
        if sql_url.startswith("sqlite"):
            steps = sqlite_plan(sql_url, statement, parameters)
            assert not [step for step in steps if "TEMP B-TREE" in step or "SCAN records" in step], steps
        else:
            steps = postgresql_plan(sql_url, statement, parameters)
            assert not {"Seq Scan", "Sort"} & set(steps), steps


@pytest.mark.parametrize("sql_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["take due", "next due", "next due of several collections"])
def test_what_is_due_is_found_without_a_look_at_what_is_not(storage, sql_url, recording, name):
    with recording() as recorded:
        QUERIES[name](storage)
    ((statement, parameters),) = recorded.statements
    steps = sqlite_plan(sql_url, statement, parameters)
    used = [step for step in steps if "ix_records_due" in step]
    assert used, steps
    assert all("collection=?" in step for step in used), steps
