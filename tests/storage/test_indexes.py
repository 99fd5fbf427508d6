"""Every query that the interface offers is answered by an index, in the order of the index."""

import json
import shutil
import sqlite3
from contextlib import closing, contextmanager
from operator import attrgetter

import psycopg
import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex

from agentos.config import Config
from agentos.domain.checkpoint import Checkpoint
from agentos.domain.message import Message
from agentos.domain.pending import PendingKind
from agentos.domain.run import BusyPolicy, RunStatus
from agentos.domain.session import Session
from agentos.storage.admission import Lease, Quota
from agentos.storage.agents import StoredAgent
from agentos.storage.aliases import Alias
from agentos.storage.events import FrameBatch
from agentos.storage.keys import StoredKey
from agentos.storage.paging import Cursor, Paging
from agentos.storage.pauses import PendingFilter
from agentos.storage.runs import RunFilter
from agentos.storage.sessions import SessionChanges, SessionFilter
from agentos.storage.sqlalchemy import open_sql, tables
from agentos.storage.sqlalchemy.dialects import FOLD
from agentos.testing.storage.aliases import ALIAS, session_of
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
from agentos.testing.storage.pausing import APPROVED, action, answer, pause, paused

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
    SessionFilter(name_contains="n"): ["ix_sessions_activity"],
    SessionFilter(owner="o", name_contains="n"): ["ix_sessions_owner"],
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
    RunFilter(since=at(1), until=at(9)): ["ix_runs_created"],
    RunFilter(owner="o", status=RunStatus.FAILED, since=at(1)): ["ix_runs_owner_status"],
    RunFilter(owner="o", session_id="s", until=at(9)): ["ix_runs_session"],
}
PENDING_FILTERS = {
    PendingFilter(): ["ix_pending_actions_created"],
    PendingFilter(owner="o"): ["ix_pending_actions_owner"],
    PendingFilter(agent_id="a"): ["ix_pending_actions_agent"],
    PendingFilter(session_id="s"): ["ix_pending_actions_session"],
    PendingFilter(run_id="p"): ["ix_pending_actions_run"],
    PendingFilter(kind=PendingKind.APPROVAL): ["ix_pending_actions_kind"],
    PendingFilter(owner="o", agent_id="a", kind=PendingKind.INPUT): ["ix_pending_actions_owner"],
    PendingFilter(owner="o", session_id="s"): ["ix_pending_actions_session"],
    PendingFilter(owner="o", run_id="p", session_id="s"): ["ix_pending_actions_run"],
}
LISTS = {
    f"{method} {where} {'after a cursor' if paging.cursor else ''}": (method, where, paging, indexes)
    for method, filters in (
        ("sessions.list", SESSION_FILTERS),
        ("runs.list", RUN_FILTERS),
        ("runs.waiting", PENDING_FILTERS),
    )
    for where, indexes in filters.items()
    for paging in (Paging(), AFTER)
}


def run_in(storage, session_id):
    """Return the id of a run of a session."""
    return storage.runs.list(RunFilter(session_id=session_id), Paging(limit=1)).items[0].id


QUERIES = {
    "sessions.delete_oldest": lambda s: s.sessions.delete_oldest(SessionFilter(updated_before=at(-9)), limit=5),
    "sessions.delete_oldest of an owner": lambda s: s.sessions.delete_oldest(
        SessionFilter(owner="o", user_id="u"), limit=5
    ),
    "sessions.count": lambda s: s.sessions.count(SessionFilter()),
    "sessions.count of an owner": lambda s: s.sessions.count(SessionFilter(owner="o")),
    "sessions.history": lambda s: s.sessions.history("s", owner=None, limit=5),
    "sessions.history before": lambda s: s.sessions.history("s", owner=None, limit=5, before=9),
    "sessions.fork": lambda s: s.sessions.fork("s", "fork", SessionChanges(), owner="o", now=at(9)),
    "sessions.fork before a run": lambda s: s.sessions.fork(
        "s", "fork", SessionChanges(), before_run_id=run_in(s, "s"), owner="o", now=at(9)
    ),
    "sessions.get": lambda s: s.sessions.get("s", owner=None),
    "runs.get": lambda s: s.runs.get("r", owner=None),
    "sessions.get of an owner": lambda s: s.sessions.get("s", owner="o"),
    "runs.get of an owner": lambda s: s.runs.get("r", owner="o"),
    "sessions.update": lambda s: s.sessions.update("s", SessionChanges(name="n"), owner="o", now=at(5)),
    "sessions.delete": lambda s: s.sessions.delete("session-1", owner="o"),
    "keys.get": lambda s: s.keys.get("k"),
    "keys.list": lambda s: s.keys.list(),
    "keys.revoke": lambda s: s.keys.revoke("k", now=at(5)),
    "agents.list": lambda s: s.agents.list(limit=5, offset=3),
    "agents.list after another": lambda s: s.agents.list(limit=5, after="a", leave_out=["b", "c"]),
    "agents.get": lambda s: s.agents.get("agent-1"),
    "agents.add": lambda s: s.agents.add(stored_agent("new", "1")),
    "agents.replace": lambda s: s.agents.replace(stored_agent("agent-1", "new")),
    "agents.replace that forgets versions": lambda s: s.agents.replace(stored_agent("agent-1", "new"), keep=1),
    "agents.versions": lambda s: s.agents.versions("agent-1", Paging()),
    "agents.version": lambda s: s.agents.version("agent-1", 2),
    "agents.delete": lambda s: s.agents.delete("agent-1"),
    "attachments.read": lambda s: s.attachments.read(shown(s), owner=None),
    "attachments.read of an owner": lambda s: s.attachments.read(shown(s), owner="o"),
    "attachments.read of an earlier version": lambda s: s.attachments.read("run:r:0", owner="o"),
    "attachments.read of a message of an earlier version": lambda s: s.attachments.read("message:s:1:0", owner="o"),
    "runs.admit and runs.finish with attachments": lambda s: show(s, s.sessions.get("s", owner=None)),
    "events.read": lambda s: s.events.read("r", after=3),
    "events.append": lambda s: s.events.append([FrameBatch("r", frames(1, 2))]),
    "events.append with checkpoints": lambda s: s.events.append([FrameBatch("r", checkpoints=[Checkpoint(number=2)])]),
    "runs.backlog": lambda s: s.runs.backlog(),
    "runs.unattended": lambda s: s.runs.unattended(limit=5),
    "runs.claim": lambda s: s.runs.claim("r", LEASE, now=at(5)),
    "runs.claim after a pause": lambda s: s.runs.claim("resumed", LEASE, now=at(5)),
    "runs.claim behind another run": lambda s: s.runs.claim(second_in_session(s), LEASE, now=at(5)),
    "runs.window": lambda s: s.runs.window("s", turns=3),
    "runs.pause": lambda s: pause(s, s.runs.get("r", owner=None), limit=99),
    "runs.answer": lambda s: s.runs.answer("p", {"p-1": APPROVED}, owner=None),
    "runs.answer of an owner": lambda s: s.runs.answer("p", {"p-1": APPROVED, "p-2": APPROVED}, owner="o"),
    "runs.get of a paused run": lambda s: s.runs.get("p", owner="o"),
    "runs.actions": lambda s: s.runs.actions("p"),
    "runs.checkpoints": lambda s: s.runs.checkpoints("p"),
    "runs.delete of a paused run": lambda s: s.runs.delete("p", owner=None),
    "runs.finish of a paused run": lambda s: s.runs.finish(ended(s.runs.get("p", owner=None))),
    "runs.admit and runs.finish": lambda s: s.runs.finish(
        ended(admit(s, new_run(s.sessions.get("s", owner=None))).run)
    ),
    "runs.admit with a key": lambda s: admit(s, new_run(s.sessions.get("s", owner=None)), idempotency=key("new")),
    "runs.admit with a key that was used": lambda s: s.runs.admit(
        new_run(s.sessions.get("s", owner=None)), claim=LEASE, owner=None, history_turns=3, idempotency=key("3")
    ),
    "runs.admit that would be rejected": lambda s: admit(
        s, new_run(s.sessions.get("s", owner=None)), concurrency=BusyPolicy.REJECT
    ),
    "runs.admit with room for unclaimed runs": lambda s: admit(s, new_run(), None, quota=Quota(unclaimed=9)),
    "runs.admit of an owner with a quota": lambda s: admit(
        s, new_run(s.sessions.get("s", owner="o")), owner="o", quota=Quota(of_owner=9, of_all=9)
    ),
    "sessions.create with a key": lambda s: s.sessions.create(
        Session(id="new", agent_id="a", created_at=at(0), updated_at=at(0)), idempotency=key("3")
    ),
    "runs.request_cancel of an owner": lambda s: s.runs.request_cancel("r", owner="o"),
    "runs.request_cancel": lambda s: s.runs.request_cancel("r", owner=None),
    "runs.cancel_requests": lambda s: s.runs.cancel_requests("gone"),
    "runs.leased": lambda s: s.runs.leased("gone"),
    "runs.delete": lambda s: s.runs.delete(run_in_session(s), owner=None),
    "runs.delete of an owner": lambda s: s.runs.delete("r", owner="o"),
    "runs.delete_old": lambda s: s.runs.delete_old(ended_before=at(99), limit=5),
    "runs.delete_old after a place": lambda s: s.runs.delete_old(
        ended_before=at(99), after=Cursor(at(1), "m"), limit=5
    ),
    "runs.request_cancel_of_owner": lambda s: s.runs.request_cancel_of_owner("o"),
    "runs.request_cancel_of_owner of a user": lambda s: s.runs.request_cancel_of_owner("o", user_id="u"),
    "runs.delete_of_owner": lambda s: s.runs.delete_of_owner("o", limit=5),
    "runs.delete_of_owner of a user": lambda s: s.runs.delete_of_owner(
        "o", user_id="u", after=Cursor(at(1), "m"), limit=5
    ),
    "aliases.find": lambda s: s.aliases.find(ALIAS),
    "aliases.bind": lambda s: s.aliases.bind(ALIAS, session_of(ALIAS)),
    "aliases.delete_of_owner": lambda s: s.aliases.delete_of_owner("o", limit=5),
    "aliases.delete_of_owner of a user": lambda s: s.aliases.delete_of_owner("o", user_id="u", limit=5),
    "events.delete_old": lambda s: s.events.delete_old(ended_before=at(9), limit=5),
    "idempotency.delete_old": lambda s: s.idempotency.delete_old(created_before=at(9), limit=5),
}
# The one index that serves a query about the few rows that are not done with.
SMALL = {
    "runs.cancel_requests": ("SELECT", "ix_runs_to_stop"),
    "runs.leased": ("SELECT", "ix_runs_lease"),
    "events.delete_old": ("SELECT", "ix_run_events_ended"),
    "idempotency.delete_old": ("WITH", "ix_idempotency_keys_created"),
    "agents.replace that forgets versions": ("DELETE", "ix_runs_status"),
    "runs.admit with room for unclaimed runs": ("SELECT count", "ix_runs_unclaimed"),
    "runs.admit that would be rejected": ("SELECT EXISTS", "ix_runs_open"),
    "runs.admit that interrupts": ("WITH", "ix_runs_open"),
}


FEW = ("oldest", "lost", "some_aliases", "ROW")
"""What a step reads whole that has only the rows which the query was asked for."""


def sqlite_plan(url, statement, parameters):
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.create_function(FOLD, 1, str, deterministic=True)
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
    storage.runs.finish(ended(run), messages=[Message("user", "look", media=(*run.media, picture(b"more")))])


def run_in_session(storage):
    return storage.runs.list(RunFilter(session_id="s"), Paging(limit=1)).items[0].id


def second_in_session(storage):
    """Admit two runs in a session, and return the id of the one that waits."""
    session = storage.sessions.get("s", owner=None)
    return [admit(storage, new_run(session)).run.id for _ in range(2)][1]


def shown(storage):
    return storage.runs.get("r", owner=None).media[0].reference


def stored_agent(agent_id, instructions):
    document = {"model": "x:y", "instructions": instructions}
    return StoredAgent(id=agent_id, document=document, created_at=at(0), updated_at=at(0))


def seed(storage):
    for number in range(20):
        storage.agents.add(stored_agent(f"agent-{number}", "1"))
        storage.agents.replace(stored_agent(f"agent-{number}", "2"))
    for number in range(20):
        ids = {"owner": "o", "agent_id": "a", "user_id": "u", "team_id": "t", "workflow_id": "w"}
        new_session(storage, id=f"session-{number}", seconds=number, **ids)
    session = new_session(storage, id="s", owner="o", user_id="u")
    for number in range(20):
        take_turn(storage, session, "q", "a", seconds=number)
        storage.runs.finish(ended(admit(storage, new_run(), idempotency=key(str(number))).run), frames=frames(1, 2))
    storage.keys.add(StoredKey(id="k", name="n", owner="o", scopes=(), digest="d", created_at=at(0)))
    for number in range(20):
        alias = Alias(owner="o", door="chat", id=str(number))
        storage.aliases.bind(alias, session_of(alias, user_id="u"))
    admitted(storage, id="r", owner="o", lease=Lease("gone", -1.0), media=(picture(b"known"),))
    paused(storage, id="p", owner="o", actions=[action(id="p-1"), action(id="p-2")])
    answer(storage, paused(storage, id="resumed"))


@pytest.fixture(scope="module")
def seeded_sqlite(tmp_path_factory):
    """Return the file of a database to copy: to fill one takes longer than these tests."""
    path = tmp_path_factory.mktemp("seeded") / "test.db"
    seed_new(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="module")
def seeded_postgresql(postgres_server):
    url = postgres_server.create_database()
    seed_new(url)
    yield url
    postgres_server.drop_database(url)


def seed_new(url):
    storage = open_sql(url, Config(environ={}))
    storage.upgrade()
    seed(storage)
    storage.close()


@contextmanager
def copied(request, folder):
    """Give the URL of a copy of the database of this kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{shutil.copy(request.getfixturevalue('seeded_sqlite'), folder)}"
        return
    server = request.getfixturevalue("postgres_server")
    url = server.create_database(like=request.getfixturevalue("seeded_postgresql"))
    yield url
    server.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def sql_url(request, tmp_path):
    """The URL of a database with something of all kinds."""
    with copied(request, tmp_path) as url:
        yield url


@pytest.fixture
def storage(open_storage, sql_url):
    return open_storage(sql_url)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def lists(request, tmp_path_factory):
    """Return a storage for all tests that change nothing, and its URL."""
    with copied(request, tmp_path_factory.mktemp("lists")) as url:
        storage = open_sql(url, Config(environ={}))
        yield storage, url
        storage.close()


def check_plans(sql_url, recorded):
    for statement, parameters in recorded.statements:
        if isinstance(parameters, list):
            continue  # many inserts
        if sql_url.startswith("sqlite"):
            wrong = [
                step
                for step in sqlite_plan(sql_url, statement, parameters)
                if "TEMP B-TREE" in step or (step.startswith("SCAN") and "INDEX" not in step and not step.endswith(FEW))
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
        attrgetter(method)(storage)(where, paging)
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
        attrgetter(method)(storage)(where, paging)
    ((statement, parameters),) = recorded.statements
    plan = sqlite_plan(url, statement, parameters)
    table, using, index = plan[0].partition(" USING INDEX ")
    assert table.endswith("pending_actions" if method == "runs.waiting" else method.removesuffix(".list")), plan
    assert using, plan
    assert index.split()[0] in indexes, plan


@ON_SQLITE
@pytest.mark.parametrize("name", SMALL)
def test_what_concerns_few_rows_reads_an_index_of_these_alone(storage, sql_url, recording, name):
    queries = {
        **QUERIES,
        "runs.admit that interrupts": lambda s: admit(
            s, new_run(s.sessions.get("s", owner=None)), concurrency=BusyPolicy.INTERRUPT
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
    session = storage.sessions.get("s", owner=None)
    with recording() as recorded:
        first = storage.runs.admit(new_run(session), claim=LEASE, owner=None, history_turns=3).run
        queued = storage.runs.admit(new_run(session), claim=LEASE, owner=None, history_turns=3).run
        storage.runs.finish(ended(first))
        assert storage.runs.claim(queued.id, LEASE, now=at(1))
    asked = [(sql, values) for sql, values in recorded.statements if "EXISTS" in sql and "FROM runs" in sql]
    assert len(asked) == 3
    for statement, parameters in asked:
        plan = sqlite_plan(sql_url, statement, parameters)
        assert any("ix_runs_open" in step for step in plan), plan
        assert not any("ux_runs_position" in step for step in plan), plan


@ON_SQLITE
def test_what_no_worker_looks_after_is_looked_for_among_the_few_runs_that_may_be_such(storage, sql_url, recording):
    with recording() as recorded:
        storage.runs.unattended(limit=5)
    plans = [sqlite_plan(sql_url, statement, parameters)[0] for statement, parameters in recorded.statements]
    used = [plan.partition(" USING INDEX ")[2].split()[0] for plan in plans]
    assert used == ["ix_runs_unclaimed", "ix_runs_lease", "ix_runs_to_stop"], plans
    assert plans[1].startswith("SEARCH"), "the paused runs, which no worker has, are left out"


@pytest.mark.parametrize("table", [tables.runs, tables.records])
def test_a_lease_that_is_prolonged_changes_no_index(table):
    """PostgreSQL looks at the conditions of indexes too, also of those that do not have the row."""
    said = [str(CreateIndex(index).compile(dialect=postgresql.dialect())) for index in table.indexes]
    assert said
    assert not [sql for sql in said if "lease_until" in sql]
