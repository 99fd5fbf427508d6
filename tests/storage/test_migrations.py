import json
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from agentos.domain.run import RunStatus
from agentos.domain.stored_request import StoredRequest
from agentos.errors import PreconditionFailed, RunNotFound, StorageError
from agentos.storage import migrations
from agentos.storage.admission import Quota, Unattended
from agentos.storage.agents import StoredAgent
from agentos.storage.migrations import HEAD, migrate, needs_at_least
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter
from agentos.storage.schema import SchemaState
from agentos.storage.sessions import SessionChanges
from agentos.storage.sqlalchemy import open_database
from agentos.storage.sqlalchemy.tables import metadata
from agentos.testing.storage.contract import (
    LEASE,
    admit,
    admitted,
    at,
    claimed,
    ended,
    frames,
    key,
    new_run,
    new_session,
    said,
    take_turn,
    taken_over,
)
from agentos.testing.storage.pausing import answer, paused, paused_run
from agentos.testing.storage.requests import WHOLE

UPGRADE = """
import sys
from agentos.config import Config
from agentos.storage.sqlalchemy import open_sql

storage = open_sql(sys.argv[1], Config(environ={}))
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.readline()
storage.upgrade()
storage.check()
assert storage.schema().ready
storage.close()
"""


# What a database of a revision may hold: a turn whose log was written in two parts, and a run under way.
TIME = 1_769_860_800_123_456
RUN = {
    **dict.fromkeys(("turn", "lease_owner", "lease_until", "content", "reasoning", "error", "ended_at")),
    **dict.fromkeys(("prompt_tokens", "completion_tokens", "reasoning_tokens", "loops"), 0),
    "agent_id": "a",
    "session_id": "s",
    "attempt": 1,
    "cancel_requested": False,
    "input": "q",
    "metadata": "{}",
    "context": "{}",
    "created_at": TIME,
    "started_at": TIME,
}
SESSION = {
    **dict.fromkeys(("version", "run_count", "total_tokens", "turn_count"), 1),
    "id": "s",
    "agent_id": "a",
    "metadata": "{}",
    "state": "{}",
    "next_position": 3,
    "message_count": 1,
    "created_at": TIME,
    "updated_at": TIME,
}
MESSAGE = {"session_id": "s", "sequence": 1, "turn": 1, "run_id": "old", "role": "user", "content": "q"}
ROWS_OF_0001 = [
    ("sessions", SESSION),
    ("runs", {**RUN, "id": "old", "position": 1, "turn": 1, "status": "completed", "ended_at": TIME}),
    ("runs", {**RUN, "id": "open", "position": 2, "status": "running", "lease_owner": "gone", "lease_until": TIME}),
    ("messages", {**MESSAGE, "shares_media": True, "created_at": TIME}),
    ("run_media", {"run_id": "old", "media": '[{"type":"image","data":"aGVsbG8=","content_type":"image/png"}]'}),
    ("run_events", {"run_id": "old", "first": 1, "last": 1, "events": "1 token {}"}),
    ("run_events", {"run_id": "old", "first": 2, "last": 2, "events": "2 complete {}"}),
    ("run_events", {"run_id": "open", "first": 1, "last": 1, "events": "1 token {}"}),
]
ROWS_OF_0002 = [
    (table, {**row, "ended_at": TIME} if row.get("run_id") == "old" and row.get("last") == 2 else row)
    for table, row in ROWS_OF_0001
]
REVISIONS = {
    "0001": ROWS_OF_0001,
    **dict.fromkeys(
        ("0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012"), ROWS_OF_0002
    ),
}
AGENT = {"document": '{"model":"x:y","instructions":"i","tools":["t"]}', "created_at": TIME, "updated_at": TIME}


def listed_agents(storage):
    return {agent.id: dict(agent.document) for agent in storage.agents.list(limit=9)}


def test_agents_of_an_earlier_revision_are_listed_and_so_is_what_its_workers_write(open_storage, sql_url, engine):
    if sql_url.startswith("sqlite"):
        sqlite3.connect(sql_url.removeprefix("sqlite:///")).close()
    database = open_database(sql_url)
    database.migrate(lambda connection: migrate(connection, "0004"))
    database.close()
    with engine.begin() as connection:
        insert(connection, "agents", {**AGENT, "id": "a"})
    storage = open_storage(sql_url)
    storage.upgrade()
    with engine.begin() as connection:
        assert connection.execute(text("SELECT listed FROM agents")).scalar() == '{"model":"x:y","tools":["t"]}'
        insert(connection, "agents", {**AGENT, "id": "b"})
    shown = {"model": "x:y", "tools": ["t"]}
    assert listed_agents(storage) == {"a": shown, "b": shown}
    changed = text("UPDATE agents SET document = :document, updated_at = updated_at + 1 WHERE id = 'a'")
    with engine.begin() as connection:
        connection.execute(changed, {"document": '{"model":"x:new"}'})
    assert listed_agents(storage) == {"a": {"model": "x:new"}, "b": shown}


def versions_of(storage, agent_id="a"):
    found = storage.agents.versions(agent_id, Paging()).items
    return [(one.version, storage.agents.version(agent_id, one.version).document, one.author) for one in found]


def test_agents_of_an_earlier_revision_become_version_1(open_storage, sql_url, engine):
    if sql_url.startswith("sqlite"):
        sqlite3.connect(sql_url.removeprefix("sqlite:///")).close()
    database = open_database(sql_url)
    database.migrate(lambda connection: migrate(connection, "0010"))
    database.close()
    with engine.begin() as connection:
        insert(connection, "agents", {**AGENT, "id": "a"})
    storage = open_storage(sql_url)
    storage.upgrade()
    agent = storage.agents.get("a")
    assert (agent.version, agent.document["instructions"]) == (1, "i")
    assert versions_of(storage) == [(1, agent.document, None)]
    changed = storage.agents.replace(replace(agent, document={"model": "x:new"}), expected_version=1, author="key:1")
    assert versions_of(storage) == [(2, changed.document, "key:1"), (1, agent.document, None)]


OF_WORKER_BEFORE = text("UPDATE agents SET document = :document, updated_at = updated_at + 1 WHERE id = 'a'")
NEW_DOCUMENT = {"model": "x:theirs"}


@pytest.fixture
def replaced_by_the_version_before(storage, engine):
    """An agent at version 2, with a document that a worker of the version before has written since."""
    agent = storage.agents.add(StoredAgent(id="a", document={"model": "x:1"}, created_at=at(0), updated_at=at(0)))
    storage.agents.replace(replace(agent, document={"model": "x:2"}), author="key:1")
    with engine.begin() as connection:
        connection.execute(OF_WORKER_BEFORE, {"document": json.dumps(NEW_DOCUMENT)})


def test_what_the_version_before_writes_becomes_a_version_when_it_is_read(storage, replaced_by_the_version_before):
    for _ in range(2):
        agent = storage.agents.get("a")
        assert (agent.version, agent.document) == (3, NEW_DOCUMENT)
    assert versions_of(storage)[:2] == [(3, NEW_DOCUMENT, None), (2, {"model": "x:2"}, "key:1")]


def test_what_the_version_before_writes_is_not_lost_when_it_is_replaced(storage, replaced_by_the_version_before):
    agent = StoredAgent(id="a", document={"model": "x:4"}, created_at=at(0), updated_at=at(0))
    with pytest.raises(PreconditionFailed, match="at version 3, not 2"):
        storage.agents.replace(agent, expected_version=2)
    assert storage.agents.replace(agent).version == 4
    assert [number for number, *_ in versions_of(storage)] == [4, 3, 2, 1]
    assert versions_of(storage)[1] == (3, NEW_DOCUMENT, None)


def test_an_agent_that_the_version_before_deletes_and_registers_continues_its_numbers(
    storage, engine, replaced_by_the_version_before
):
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM agents"))
        insert(connection, "agents", {**AGENT, "id": "a"})
        insert(connection, "agents", {**AGENT, "id": "b"})
    assert [storage.agents.get(one).version for one in ("a", "b")] == [3, 1]
    assert versions_of(storage, "b") == [(1, json.loads(AGENT["document"]), None)]
    assert storage.agents.delete("a")
    assert versions_of(storage, "a") == []


def insert(connection, table, row):
    columns = ", ".join(row)
    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES (:{', :'.join(row)})"), row)


def scripts():
    config = AlembicConfig()
    config.set_main_option("script_location", migrations.__path__[0])
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def indexes(engine):
    """Return the indexes as the database describes them; Alembic's comparison does not look at their conditions."""
    if engine.dialect.name == "sqlite":
        found = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        found = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    with engine.connect() as connection:
        return {
            " ".join(sql.split()).replace("runs.", "").replace("sessions.", "")
            for (sql,) in connection.execute(text(found))
        }


@pytest.fixture
def engine(sql_url):
    engine = create_engine(sql_url)
    yield engine
    engine.dispose()


def differences(engine):
    """Return in what a database's tables differ from those that the stores work with."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return compare_metadata(context, metadata)


def test_the_migrations_make_the_tables(storage, engine):
    assert differences(engine) == []


def test_the_migrations_make_the_indexes(storage, engine):
    migrated = indexes(engine)
    metadata.drop_all(engine)
    metadata.create_all(engine)
    assert migrated == indexes(engine)


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_database_of_an_earlier_revision_is_upgraded_with_what_it_holds(open_storage, sql_url, engine, revision):
    if sql_url.startswith("sqlite"):
        sqlite3.connect(sql_url.removeprefix("sqlite:///")).close()
    database = open_database(sql_url)
    database.migrate(lambda connection: migrate(connection, revision))
    database.close()
    with engine.begin() as connection:
        for table, row in REVISIONS[revision]:
            insert(connection, table, row)
    storage = open_storage(sql_url)
    assert storage.schema().current == revision
    storage.upgrade()

    assert differences(engine) == []
    session = storage.sessions.get("s", owner="anonymous")
    assert session.owner == storage.runs.get("old", owner="anonymous").owner == "anonymous"
    assert storage.sessions.get("s", owner="a") is None
    ((message,),) = [storage.sessions.history("s", owner=None, limit=9).messages]
    ((picture,),) = [message.message.media]
    assert (message.message.content, picture.size, picture.data) == ("q", 5, None)
    assert storage.runs.get("old", owner="anonymous").media == (picture,)
    assert storage.attachments.read(picture.reference, owner="anonymous") == b"hello"
    assert [frame.number for frame in storage.events.read("old")] == [1, 2]
    assert storage.runs.request_cancel("open", owner=None, forget=True).id == "open"
    (taken,) = taken_over(storage)
    assert (taken.attempt, taken.crashes) == (2, 1)
    assert list(storage.runs.cancel_requests(LEASE.worker_id)) == ["open"]
    assert storage.runs.finish(ended(taken, seconds=99), messages=said("forgotten"), frames=frames(2, 2))
    admission = storage.runs.admit(new_run(session), claim=LEASE, owner=None, history_turns=9, idempotency=key())
    assert [message.content for message in admission.history] == ["q"]
    assert storage.events.delete_old(ended_before=at(9), limit=9) == 1
    assert [len(storage.events.read(run_id)) for run_id in ("old", "open")] == [0, 2]
    storage.sessions.fork("s", "fork", SessionChanges(), owner=None, now=at(9))
    assert storage.sessions.delete("s", owner=None)
    ((message,),) = [storage.sessions.history("fork", owner=None, limit=9).messages]
    assert storage.attachments.read(message.message.media[0].reference, owner="anonymous") == b"hello"


def test_every_earlier_revision_is_upgraded_by_a_test():
    revisions = {script.revision for script in scripts().walk_revisions()}
    assert revisions - {HEAD} == set(REVISIONS)


def test_a_worker_of_the_version_before_can_still_write(storage, engine):
    with engine.begin() as connection:
        for table, row in ROWS_OF_0002:
            insert(connection, table, row)
    assert storage.runs.get("open", owner="anonymous").session_id == "s"
    assert storage.sessions.get("s", owner="anonymous").id == "s"
    assert len(storage.events.read("old")) == 2


def test_the_head_is_the_newest_revision():
    assert scripts().get_current_head() == HEAD


def test_a_new_database_is_at_no_revision_until_it_is_upgraded(open_storage, sql_url):
    storage = open_storage(sql_url)
    assert storage.schema().current is None
    assert not storage.schema().ready
    storage.upgrade()
    assert storage.schema().current == HEAD


def test_an_upgrade_at_head_is_one_query(storage, recording):
    with recording() as recorded:
        storage.upgrade()
    assert len(recorded.statements) == 1


def test_an_upgrade_keeps_what_is_there(storage, engine, open_storage, sql_url):
    session = new_session(storage)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE other (id INTEGER)"))
    again = open_storage(sql_url)
    again.upgrade()
    assert again.sessions.get(session.id, owner=None) == session


def test_workers_that_start_on_an_empty_database_do_not_race(sql_url):
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", UPGRADE, sql_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    failures = [worker.communicate(timeout=60)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4, "\n".join(failures)


def test_a_migration_that_fails_leaves_nothing_behind(open_storage, sql_url, engine):
    storage = open_storage(sql_url)
    if sql_url.startswith("sqlite"):
        sqlite3.connect(sql_url.removeprefix("sqlite:///")).close()
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE messages (id INTEGER)"))
    with pytest.raises(StorageError):
        storage.upgrade()
    assert storage.schema().current is None
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE messages"))
    storage.upgrade()
    assert storage.schema().ready


def upgraded_by_a_newer_version(engine, revision="9999", least=None):
    """Do what a newer version does to a schema: add to it, and say which versions can still work with it."""
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))
        connection.execute(text("ALTER TABLE runs ADD COLUMN brand_new TEXT"))
        connection.execute(text("ALTER TABLE sessions ADD COLUMN brand_new INTEGER NOT NULL DEFAULT 7"))
        connection.execute(text("CREATE TABLE brand_new (id INTEGER)"))
        if least is not None:
            with Operations.context(MigrationContext.configure(connection)):
                needs_at_least("0001")
                needs_at_least(least)


@pytest.mark.parametrize("least", [None, "0001", HEAD])
def test_a_schema_of_a_newer_version_that_only_added_is_ready_and_works(storage, engine, open_storage, sql_url, least):
    upgraded_by_a_newer_version(engine, least=least)
    for one in (storage, open_storage(sql_url)):  # a worker that runs, and one that starts
        one.upgrade()
        assert (one.schema().current, one.schema().ready) == ("9999", True)
        assert "newer than this version's" in one.schema().description
        session = new_session(one)
        for number in range(2):
            take_turn(one, session, f"q{number}", "a")
        assert len(one.sessions.history(session.id, owner=None, limit=9).messages) == 4
        assert one.sessions.delete(session.id, owner=None)


@pytest.mark.parametrize("least", ["9000", "9999"])
def test_a_schema_that_takes_a_newer_version_is_not_ready_and_says_so(storage, engine, least):
    upgraded_by_a_newer_version(engine, least=least)
    assert not storage.schema().ready
    with pytest.raises(StorageError, match=f"knows revision {least}.*run a newer version of AgentOS"):
        storage.upgrade()
    assert storage.schema().current == "9999"


@pytest.mark.parametrize("revision", ["ae1027a6acf", "", "head", "-1", "3", "٣٣٣٣"])
def test_a_revision_that_is_none_of_ours_is_not_ready_and_is_not_touched(storage, engine, revision):
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    assert not storage.schema().ready
    with pytest.raises(StorageError, match="another program's database"):
        storage.upgrade()
    assert storage.schema().current == revision


@pytest.mark.parametrize(
    ("current", "head", "least", "ready", "hint"),
    [
        (None, None, None, True, "no schema to migrate"),
        (None, "0004", None, False, "'flask agentos db upgrade'"),
        ("0003", "0004", None, False, "'flask agentos db upgrade'"),
        ("0004", "0004", None, True, "is at 0004"),
        ("0005", "0004", None, True, "newer than this version's 0004"),
        ("0005", "0004", "0002", True, "newer than this version's 0004"),
        ("0005", "0004", "0005", False, "run a newer version of AgentOS"),
        ("0010", "0009", "0010", False, "run a newer version of AgentOS"),
        ("10000", "9999", None, True, "newer"),
        ("abc", "0004", None, False, "another program's database"),
    ],
)
def test_what_is_said_of_a_schema_is_what_helps(current, head, least, ready, hint):
    state = SchemaState(current, head, least)
    assert (state.ready, hint in state.description) == (ready, True)
    assert ("db upgrade" in state.description) is state.older


def test_a_status_of_a_newer_version_is_shown_and_is_neither_taken_over_nor_counted_as_an_end(storage, engine):
    session = new_session(storage)
    run = admitted(storage, session)
    ended_before = take_turn(storage, new_session(storage), "q", "a")
    with engine.begin() as connection:
        change = text("UPDATE runs SET status = 'napping', lease_until = 1 WHERE id = :id")
        connection.execute(change, {"id": run.id})
    found = storage.runs.get(run.id, owner=None)
    assert (found.status, found.status.value, found.status.finished) == ("napping", "napping", False)
    assert [one.status for one in storage.runs.list(RunFilter(), Paging()).items] == ["completed", "napping"]
    assert storage.runs.list(RunFilter(status=RunStatus("napping")), Paging()).items[0].id == run.id
    assert storage.runs.unattended(limit=9) == Unattended()
    with pytest.raises(RunNotFound):
        storage.runs.claim(run.id, LEASE, now=at(9))
    assert storage.runs.get(run.id, owner=None) == found
    behind = storage.runs.admit(new_run(session), claim=LEASE, owner=None, history_turns=3)
    assert behind.run.status is RunStatus.QUEUED, "it keeps its place in its session"
    assert storage.runs.claim(behind.run.id, LEASE, now=at(9)) is None
    assert [one.id for one in storage.sessions.history(session.id, owner=None, limit=9).runs] == []
    storage.runs.admit(new_run(), claim=LEASE, owner=None, history_turns=3, quota=Quota(of_all=2))
    assert ended_before.status.finished


def test_ids_are_ordered_by_code_point_on_postgresql(fresh_postgresql_url, open_storage):
    open_storage(fresh_postgresql_url).upgrade()
    engine = create_engine(fresh_postgresql_url)
    ids = text(
        "SELECT count(*) FILTER (WHERE collation_name = 'C'), count(*) FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
        " AND (column_name = 'id' OR column_name LIKE '%\\_id') AND column_name <> 'tool_call_id'"
    )
    with engine.connect() as connection:
        in_order, every = connection.execute(ids).one()
    engine.dispose()
    assert in_order == every > 8


# What a worker of revision 0008 does when it sweeps, by its own words.
SWEEP_OF_0008 = """
UPDATE runs SET attempt = attempt + 1, lease_owner = 'old', lease_until = 9e15
WHERE ended_at IS NULL AND lease_until < 8e15 AND status IN ('queued', 'running')
"""


def test_a_worker_of_the_version_before_takes_no_paused_run_and_fences_off_what_it_takes(storage, engine):
    waiting = paused(storage)
    unclaimed = admit(storage, new_run(), None).run
    executed = claimed(storage, admit(storage, new_run(), None).run.id).run
    with engine.begin() as connection:
        connection.execute(text(SWEEP_OF_0008))
    assert storage.runs.get(waiting.id, owner=None) == waiting
    assert answer(storage, waiting).status is RunStatus.QUEUED
    for run in (unclaimed, executed):
        assert storage.runs.get(run.id, owner=None).worker_id == "old"
        with pytest.raises(RunNotFound):
            storage.runs.claim(run.id, LEASE, now=at(9))
        assert storage.runs.finish(ended(run)) is None


@pytest.mark.parametrize("request_of_run", [WHOLE, StoredRequest(), None])
def test_the_request_of_a_paused_run_says_what_the_version_before_refuses_to_continue(storage, engine, request_of_run):
    run = admit(storage, new_run(request=request_of_run)).run
    stored = text("SELECT request FROM runs")
    with engine.connect() as connection:
        before = json.loads(connection.execute(stored).scalar() or "{}")
    for _ in range(2):
        answer(storage, paused_run(storage, run))
        run = claimed(storage, run.id).run
        assert run.request == request_of_run
        with engine.connect() as connection:
            assert json.loads(connection.execute(stored).scalar()) == {"paused": True, **before}
