"""Every query that the interface offers is answered by an index, in the order of the index."""

import json
import sqlite3

import psycopg
import pytest

from agentos.config import Config
from agentos.domain.message import Message
from agentos.domain.run import Concurrency, RunStatus
from agentos.domain.session import Session
from agentos.storage.sqlalchemy import open_sql
from agentos.storage.values import (
    Cursor,
    FrameBatch,
    Lease,
    Paging,
    Quota,
    RunFilter,
    SessionChanges,
    SessionFilter,
    StoredKey,
)
from agentos.testing.storage.attachments import picture
from agentos.testing.storage.contract import (
    LEASE,
    admit,
    admitted,
    at,
    ended,
    frames,
    key,
    new_run,
    new_session,
    take_turn,
)

AFTER = Paging(cursor=Cursor(at(3), "m"))
# The index that serves each filter of a list; of several that would do, SQLite may take any.
SESSION_FILTERS = {
    SessionFilter(): ["ix_sessions_activity"],
    SessionFilter(agent_id="a"): ["ix_sessions_agent"],
    SessionFilter(user_id="u"): ["ix_sessions_user"],
    SessionFilter(team_id="t"): ["ix_sessions_team"],
    SessionFilter(workflow_id="w"): ["ix_sessions_workflow"],
    SessionFilter(user_id="u", agent_id="a"): ["ix_sessions_user", "ix_sessions_agent"],
    SessionFilter(updated_before=at(5)): ["ix_sessions_activity"],
    SessionFilter(agent_id="a", updated_before=at(5)): ["ix_sessions_agent"],
    SessionFilter(owner="o"): ["ix_sessions_owner"],
    SessionFilter(owner="o", agent_id="a"): ["ix_sessions_owner_agent"],
    SessionFilter(owner="o", user_id="u"): ["ix_sessions_owner_user"],
    SessionFilter(owner="o", team_id="t"): ["ix_sessions_owner_team"],
    SessionFilter(owner="o", workflow_id="w"): ["ix_sessions_owner_workflow"],
    SessionFilter(owner="o", user_id="u", agent_id="a"): ["ix_sessions_owner_user", "ix_sessions_owner_agent"],
    SessionFilter(owner="o", updated_before=at(5)): ["ix_sessions_owner"],
}
RUN_FILTERS = {
    RunFilter(): ["ix_runs_created"],
    RunFilter(session_id="s"): ["ix_runs_session"],
    RunFilter(agent_id="a"): ["ix_runs_agent"],
    RunFilter(status=RunStatus.FAILED): ["ix_runs_status"],
    RunFilter(session_id="s", agent_id="a"): ["ix_runs_session"],
    RunFilter(owner="o"): ["ix_runs_owner"],
    RunFilter(owner="o", agent_id="a"): ["ix_runs_owner_agent"],
    RunFilter(owner="o", status=RunStatus.FAILED): ["ix_runs_owner_status"],
    RunFilter(owner="o", session_id="s"): ["ix_runs_session"],
    RunFilter(owner="o", session_id="s", agent_id="a", status=RunStatus.FAILED): ["ix_runs_session"],
}
LISTS = {
    f"{method} {where} {'after a cursor' if paging.cursor else ''}": (method, where, paging, indexes)
    for method, filters in (("list_sessions", SESSION_FILTERS), ("list_runs", RUN_FILTERS))
    for where, indexes in filters.items()
    for paging in (Paging(), AFTER)
}
QUERIES = {
    "delete_sessions": lambda s: s.delete_sessions(SessionFilter(updated_before=at(-9)), limit=5),
    "delete_sessions of an owner": lambda s: s.delete_sessions(SessionFilter(owner="o", user_id="u"), limit=5),
    "count_sessions": lambda s: s.count_sessions(SessionFilter()),
    "count_sessions of an owner": lambda s: s.count_sessions(SessionFilter(owner="o")),
    "history": lambda s: s.history("s", owner=None, limit=5),
    "history before": lambda s: s.history("s", owner=None, limit=5, before=9),
    "get_session": lambda s: s.get_session("s", owner=None),
    "get_run": lambda s: s.get_run("r", owner=None),
    "get_session of an owner": lambda s: s.get_session("s", owner="o"),
    "get_run of an owner": lambda s: s.get_run("r", owner="o"),
    "update_session": lambda s: s.update_session("s", SessionChanges(name="n"), owner="o", now=at(5)),
    "delete_session": lambda s: s.delete_session("session-1", owner="o"),
    "get_key": lambda s: s.get_key("k"),
    "list_keys": lambda s: s.list_keys(),
    "revoke_key": lambda s: s.revoke_key("k", now=at(5)),
    "list_agents": lambda s: s.list_agents(limit=5, offset=3),
    "list_agents after another": lambda s: s.list_agents(limit=5, after="a", leave_out=["b", "c"]),
    "read_attachment": lambda s: s.read_attachment(shown(s), owner=None),
    "read_attachment of an owner": lambda s: s.read_attachment(shown(s), owner="o"),
    "read_attachment of an earlier version": lambda s: s.read_attachment("run:r:0", owner="o"),
    "read_attachment of a message of an earlier version": lambda s: s.read_attachment("message:s:1:0", owner="o"),
    "admit_run and finish_run with attachments": lambda s: show(s, s.get_session("s", owner=None)),
    "read_frames": lambda s: s.read_frames("r", after=3),
    "append_frames": lambda s: s.append_frames([FrameBatch("r", frames(1, 2))]),
    "take_lost_runs": lambda s: s.take_lost_runs(LEASE, limit=5),
    "admit_run and finish_run": lambda s: s.finish_run(ended(admit(s, new_run(s.get_session("s", owner=None))).run)),
    "admit_run with a key": lambda s: admit(s, new_run(s.get_session("s", owner=None)), idempotency=key("new")),
    "admit_run with a key that was used": lambda s: s.admit_run(
        new_run(s.get_session("s", owner=None)), LEASE, owner=None, history_turns=3, idempotency=key("3")
    ),
    "admit_run that would be rejected": lambda s: admit(
        s, new_run(s.get_session("s", owner=None)), concurrency=Concurrency.REJECT
    ),
    "admit_run of an owner with a quota": lambda s: admit(
        s, new_run(s.get_session("s", owner="o")), owner="o", quota=Quota(of_owner=9, of_all=9)
    ),
    "create_session with a key": lambda s: s.create_session(
        Session(id="new", agent_id="a", created_at=at(0), updated_at=at(0)), idempotency=key("3")
    ),
    "request_cancel of an owner": lambda s: s.request_cancel("r", owner="o"),
    "request_cancel": lambda s: s.request_cancel("r", owner=None),
    "cancel_requests": lambda s: s.cancel_requests("gone"),
    "leased_runs": lambda s: s.leased_runs("gone"),
    "delete_run": lambda s: s.delete_run(run_in_session(s), owner=None),
    "delete_run of an owner": lambda s: s.delete_run("r", owner="o"),
    "delete_runs": lambda s: s.delete_runs(ended_before=at(99), limit=5),
    "delete_runs after a place": lambda s: s.delete_runs(ended_before=at(99), after=Cursor(at(1), "m"), limit=5),
    "cancel_runs": lambda s: s.cancel_runs("o"),
    "cancel_runs of a user": lambda s: s.cancel_runs("o", user_id="u"),
    "delete_owner_runs": lambda s: s.delete_owner_runs("o", limit=5),
    "delete_owner_runs of a user": lambda s: s.delete_owner_runs("o", user_id="u", after=Cursor(at(1), "m"), limit=5),
    "delete_frames": lambda s: s.delete_frames(ended_before=at(9), limit=5),
    "delete_idempotency_keys": lambda s: s.delete_idempotency_keys(created_before=at(9), limit=5),
}
# The one index that serves a query about the few rows that are not done with.
SMALL = {
    "cancel_requests": ("SELECT", "ix_runs_to_stop"),
    "leased_runs": ("SELECT", "ix_runs_lease"),
    "delete_frames": ("SELECT", "ix_run_events_ended"),
    "delete_idempotency_keys": ("WITH", "ix_idempotency_keys_created"),
    "admit_run that would be rejected": ("SELECT EXISTS", "ix_runs_open"),
    "admit_run that interrupts": ("WITH", "ix_runs_open"),
}


def sqlite_plan(url, statement, parameters):
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    connection.close()
    return [row[3] for row in rows]


def postgresql_plan(url, statement, parameters):
    """Return the nodes of a plan made by a planner that avoids scans and sorts wherever there is an index."""
    with psycopg.connect(url.replace("+psycopg", ""), cursor_factory=psycopg.ClientCursor) as connection:
        for avoided in ("seqscan", "sort", "bitmapscan", "incremental_sort"):
            connection.execute(f"SET enable_{avoided} = off")
        plan = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters).fetchone()[0]
    found, rest = [], [(plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]]
    while rest:
        node = rest.pop()
        found.append(node["Node Type"])
        rest.extend(node.get("Plans", []))
    return found


def show(storage, session):
    """Take a turn in which a new picture and a known one are shown."""
    media = (picture(b"known"), picture(b"new"))
    run = admit(storage, new_run(session, media=media)).run
    storage.finish_run(ended(run), messages=[Message("user", "look", media=(*run.media, picture(b"more")))])


def run_in_session(storage):
    return storage.list_runs(RunFilter(session_id="s"), Paging(limit=1)).items[0].id


def shown(storage):
    return storage.get_run("r", owner=None).media[0].reference


def seed(storage):
    for number in range(20):
        ids = {"owner": "o", "agent_id": "a", "user_id": "u", "team_id": "t", "workflow_id": "w"}
        new_session(storage, id=f"session-{number}", seconds=number, **ids)
    session = new_session(storage, id="s", owner="o", user_id="u")
    for number in range(20):
        take_turn(storage, session, "q", "a", seconds=number)
        storage.finish_run(ended(admit(storage, new_run(), idempotency=key(str(number))).run), frames=frames(1, 2))
    storage.add_key(StoredKey(id="k", name="n", owner="o", scopes=(), digest="d", created_at=at(0)))
    admitted(storage, id="r", owner="o", lease=Lease("gone", -1.0), media=(picture(b"known"),))


@pytest.fixture
def storage(storage):
    seed(storage)
    return storage


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def lists(request, tmp_path_factory):
    """Return a storage that is made once, for what changes nothing, and its URL."""
    server = request.getfixturevalue("postgres_server") if request.param == "postgresql" else None
    url = server.create_database() if server else f"sqlite:///{tmp_path_factory.mktemp('lists')}/test.db"
    storage = open_sql(url, Config(environ={}))
    storage.upgrade()
    seed(storage)
    yield storage, url
    storage.close()
    if server:
        server.drop_database(url)


def check_plans(sql_url, recorded):
    for statement, parameters in recorded.statements:
        if isinstance(parameters, list):
            continue  # many inserts
        if sql_url.startswith("sqlite"):
            wrong = [
                step
                for step in sqlite_plan(sql_url, statement, parameters)
                if "TEMP B-TREE" in step
                or (step.startswith("SCAN") and "INDEX" not in step and not step.endswith(("oldest", "lost", "ROW")))
            ]
        else:
            wrong = [step for step in postgresql_plan(sql_url, statement, parameters) if step in ("Seq Scan", "Sort")]
        assert not wrong, (statement, wrong)


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_reads_an_index_and_sorts_nothing(storage, sql_url, recording, name):
    with recording() as recorded:
        QUERIES[name](storage)
    assert recorded.statements
    check_plans(sql_url, recorded)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_reads_an_index_and_sorts_nothing(lists, recording, name):
    method, where, paging, _ = LISTS[name]
    storage, url = lists
    with recording() as recorded:
        getattr(storage, method)(where, paging)
    assert recorded.statements
    check_plans(url, recorded)


# PostgreSQL chooses among indexes by the statistics of the moment.
ON_SQLITE = pytest.mark.parametrize("sql_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize("lists", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", LISTS)
def test_a_list_reads_the_index_of_its_filter(lists, recording, name):
    method, where, paging, indexes = LISTS[name]
    storage, url = lists
    with recording() as recorded:
        getattr(storage, method)(where, paging)
    ((statement, parameters),) = recorded.statements
    plan = sqlite_plan(url, statement, parameters)
    table, using, index = plan[0].partition(" USING INDEX ")
    assert table.endswith(method.removeprefix("list_")), plan
    assert using, plan
    assert index.split()[0] in indexes, plan


@ON_SQLITE
@pytest.mark.parametrize("name", SMALL)
def test_what_concerns_few_rows_reads_an_index_of_these_alone(storage, sql_url, recording, name):
    queries = {
        **QUERIES,
        "admit_run that interrupts": lambda s: admit(
            s, new_run(s.get_session("s", owner=None)), concurrency=Concurrency.INTERRUPT
        ),
    }
    beginning, index = SMALL[name]
    with recording() as recorded:
        queries[name](storage)
    ((statement, parameters),) = [one for one in recorded.statements if one[0].lstrip().startswith(beginning)]
    plan = sqlite_plan(sql_url, statement, parameters)
    assert any(index in step for step in plan), plan


@ON_SQLITE
@pytest.mark.parametrize(
    ("quota", "index"), [(Quota(of_owner=9), "ix_runs_owner_status (owner=?"), (Quota(of_all=9), "ix_runs_status (")]
)
def test_a_quota_counts_the_unfinished_runs_alone_and_no_row_is_read(storage, sql_url, recording, quota, index):
    with recording() as recorded:
        admit(storage, new_run(owner="o"), quota=quota)
    ((statement, parameters),) = [one for one in recorded.statements if "count(*)" in one[0]]
    (step,) = [step for step in sqlite_plan(sql_url, statement, parameters) if step.startswith("SEARCH")]
    assert f"COVERING INDEX {index}" in step
    assert "status=?" in step


@ON_SQLITE
def test_whether_a_session_is_busy_is_asked_of_its_unfinished_runs_alone(storage, sql_url, recording):
    session = storage.get_session("s", owner=None)
    with recording() as recorded:
        first = storage.admit_run(new_run(session), LEASE, owner=None, history_turns=3).run
        queued = storage.admit_run(new_run(session), LEASE, owner=None, history_turns=3).run
        storage.finish_run(ended(first))
        assert storage.claim_turn(queued, history_turns=3, now=at(1))
    asked = [(sql, values) for sql, values in recorded.statements if "EXISTS" in sql]
    assert len(asked) == 4
    for statement, parameters in asked:
        plan = sqlite_plan(sql_url, statement, parameters)
        assert any("ix_runs_open" in step for step in plan), plan
        assert not any("ux_runs_position" in step for step in plan), plan
