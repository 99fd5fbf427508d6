"""An administrator deletes all that an owner has: what is another owner's stays."""

import time
from dataclasses import replace

import pytest

from access.conftest import Belongings, Tenants
from agentos import Paging, Record
from agentos.domain.ids import new_id
from agentos.domain.principal import Principal
from agentos.domain.run import Run, RunStatus
from agentos.domain.session import Session
from agentos.domain.times import utc_now
from agentos.services.batches import BATCH
from agentos.storage.admission import Lease
from parts.waiting import until

DATA = "/api/v1/data"


def test_all_of_an_owner_goes_and_nothing_of_another(tenants: Tenants) -> None:
    hers, his = Belongings(tenants.alice), Belongings(tenants.bob)
    alone = tenants.alice.run()["run_id"]
    for owner in ("alice", "bob"):
        caller = Principal(id="key", owner=owner)
        tenants.services.sessions.for_alias("chat", "thread", caller, agent_id="echo")
    before = his.state()
    answer = tenants.ada.request("DELETE", f"{DATA}?owner=alice")
    assert (answer.status_code, answer.json) == (
        200,
        {"sessions": 4, "runs": 5, "attachments": 1, "aliases": 1, "records": 1},
    )
    for run_id in (hers.run_id, hers.open_run_id, hers.queued_run_id, hers.paused_run_id, alone):
        assert tenants.ada.request("GET", f"/api/v1/runs/{run_id}").status_code == 404
    assert tenants.alice.request("GET", "/api/v1/sessions").json["count"] == 0
    assert tenants.alice.request("GET", "/api/v1/runs").json["count"] == 0
    assert his.state() == before
    assert tenants.alice.run()["status"] == "completed"  # the key stays


def test_the_records_of_an_owner_go_and_those_of_others_stay(tenants: Tenants) -> None:
    records = tenants.services.records
    for number in range(BATCH + 1):
        records.put(Record(collection="notes", id=str(number), owner="alice"))
    records.put(Record(collection="notes", id="his", owner="bob"))
    of_user = tenants.ada.request("DELETE", f"{DATA}?owner=alice&user_id=ann")
    assert of_user.json["records"] == 0
    assert tenants.ada.request("DELETE", f"{DATA}?owner=alice").json["records"] == BATCH + 1
    assert [one.id for one in records.list("notes", Paging(), owner=None).items] == ["his"]


def test_runs_under_way_are_cancelled_first(tenants: Tenants) -> None:
    hers = Belongings(tenants.alice)
    tenants.services.cancels.close()  # else it would find them gone, which is later
    begun = time.monotonic()
    tenants.ada.request("DELETE", f"{DATA}?owner=alice")
    assert time.monotonic() - begun < 5
    until(lambda: tenants.services.worker.get(hers.open_run_id) is None, 1)
    assert tenants.services.worker.get(hers.queued_run_id) is None


def test_with_a_user_only_the_sessions_and_runs_of_that_user_go(tenants: Tenants) -> None:
    sessions = {}
    for user in ("ann", "ben"):
        body = {"agent_id": "echo", "user_id": user}
        sessions[user] = tenants.alice.request("POST", "/api/v1/sessions", body).json["session_id"]
        tenants.alice.run(session_id=sessions[user])
        tenants.alice.run(user_id=user)
    foreign = tenants.alice.run(session_id=sessions["ben"], user_id="ann")["run_id"]
    answer = tenants.ada.request("DELETE", f"{DATA}?owner=alice&user_id=ann")
    assert answer.json == {"sessions": 1, "runs": 3, "attachments": 0, "aliases": 0, "records": 0}
    left = tenants.alice.request("GET", "/api/v1/runs").json["runs"]
    assert len(left) == 2
    assert foreign not in [run["run_id"] for run in left]
    assert [one["user_id"] for one in tenants.alice.request("GET", "/api/v1/sessions").json["sessions"]] == ["ben"]


def test_more_than_one_transaction_takes_goes_too(tenants: Tenants) -> None:
    storage = tenants.services.storage
    for _ in range(BATCH + 1):
        run = Run(id=new_id(), agent_id="a", owner="alice", status=RunStatus.RUNNING, created_at=utc_now())
        storage.runs.admit(run, claim=Lease("me", 60), owner=None, history_turns=1)
        storage.runs.finish(replace(run, status=RunStatus.COMPLETED, ended_at=utc_now()))
        session = Session(id=new_id(), agent_id="a", owner="alice", created_at=utc_now(), updated_at=utc_now())
        storage.sessions.create(session)
    answer = tenants.ada.request("DELETE", f"{DATA}?owner=alice")
    assert answer.json == {"sessions": BATCH + 1, "runs": BATCH + 1, "attachments": 0, "aliases": 0, "records": 0}


@pytest.mark.parametrize("query", ["", "?owner=", "?user_id=u", "?owner=a&agent_id=b", "?owner=a&user_id="])
def test_whose_data_has_to_be_said(tenants: Tenants, query: str) -> None:
    refused = tenants.ada.request("DELETE", f"{DATA}{query}")
    assert (refused.status_code, refused.json["code"]) == (400, "INVALID_REQUEST")


def test_only_an_administrator_may(tenants: Tenants) -> None:
    hers = Belongings(tenants.alice)
    refused = tenants.alice.request("DELETE", f"{DATA}?owner=alice")
    assert (refused.status_code, refused.json["code"]) == (403, "FORBIDDEN")
    assert hers.statuses()[0] == "completed"


def test_an_owner_that_has_nothing_is_no_error(tenants: Tenants) -> None:
    assert tenants.ada.request("DELETE", f"{DATA}?owner=carol").json == {
        "sessions": 0,
        "runs": 0,
        "attachments": 0,
        "aliases": 0,
        "records": 0,
    }
