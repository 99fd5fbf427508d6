import socket
import threading
import time

import psycopg
import pytest
from sqlalchemy import text

from agentos.config import Config
from agentos.errors import ConfigError, StorageError
from agentos.storage.admission import Ended
from agentos.storage.sqlalchemy import open_database, open_sql
from agentos.testing.storage.contract import admit, admitted, ended, key, new_run, new_session, said, take_turn
from parts.postgres import running_postgres


@pytest.fixture
def sql_url(fresh_postgresql_url):
    return fresh_postgresql_url


@pytest.fixture
def database(sql_url):
    database = open_database(sql_url)
    yield database
    database.close()


@pytest.fixture
def own_server():
    with running_postgres() as server:
        yield server


def test_an_unreachable_server_is_a_storage_error_at_once(open_storage):
    storage = open_storage("postgresql+psycopg://agentos:secret@127.0.0.1:1/none")
    start = time.monotonic()
    with pytest.raises(StorageError) as failed:
        storage.check()
    assert time.monotonic() - start < 2
    assert "secret" not in str(failed.value)


def test_a_server_that_accepts_but_never_answers_is_a_storage_error_in_bounded_time(open_storage):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        storage = open_storage(f"postgresql+psycopg://agentos@127.0.0.1:{silent.getsockname()[1]}/none")
        start = time.monotonic()
        with pytest.raises(StorageError):
            storage.check()
        assert time.monotonic() - start < 6


def test_a_url_without_a_database_is_refused():
    with pytest.raises(ConfigError, match="DATABASE"):
        open_sql("postgresql+psycopg://127.0.0.1", Config(environ={}))


def test_connections_that_the_server_ended_are_replaced_without_a_failure(storage, sql_url):
    session = new_session(storage)
    with psycopg.connect(sql_url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert storage.sessions.get(session.id, owner=None) == session
    take_turn(storage, session, "q", "a")


def test_after_the_server_was_away_the_next_call_works_without_a_restart(own_server, open_storage):
    storage = open_storage(own_server.create_database())
    storage.upgrade()
    session = new_session(storage)
    own_server.stop()
    start = time.monotonic()
    with pytest.raises(StorageError):
        storage.sessions.get(session.id, owner=None)
    with pytest.raises(StorageError):
        new_session(storage)
    assert time.monotonic() - start < 5
    own_server.start()
    assert storage.sessions.get(session.id, owner=None) == session
    take_turn(storage, session, "q", "a")


def test_a_pool_without_a_free_connection_is_a_storage_error_in_bounded_time(database):
    release = threading.Event()
    taken = threading.Semaphore(0)

    def hold():
        def work(connection):
            taken.release()
            release.wait(30)

        database.read(work)

    holders = [threading.Thread(target=hold) for _ in range(20)]
    for holder in holders:
        holder.start()
    for _ in holders:
        assert taken.acquire(timeout=10)
    start = time.monotonic()
    with pytest.raises(StorageError):
        database.write(lambda connection: None)
    assert 2 < time.monotonic() - start < 5
    release.set()
    for holder in holders:
        holder.join()
    database.write(lambda connection: None)


def test_a_transaction_that_the_server_ended_for_a_deadlock_is_done_again(storage, database):
    first, second = new_session(storage), new_session(storage)
    update = text("UPDATE sessions SET name = :name WHERE id = :id")
    tries = {"a": 0, "b": 0}
    meeting = threading.Barrier(2)

    def cross(name, order):
        def work(connection):
            tries[name] += 1
            connection.execute(update, {"id": order[0].id, "name": name})
            if tries[name] == 1:
                meeting.wait(10)
            connection.execute(update, {"id": order[1].id, "name": name})

        database.write(work)

    other = threading.Thread(target=cross, args=("a", (first, second)))
    other.start()
    cross("b", (second, first))
    other.join()
    assert sorted(tries.values()) == [1, 2]
    assert storage.sessions.get(first.id, owner=None).name == storage.sessions.get(second.id, owner=None).name


@pytest.mark.parametrize("by", ["a new run", "a request"])
def test_a_rollback_that_is_committed_while_the_end_is_being_saved_is_seen_by_it(storage, sql_url, by):
    session = new_session(storage)
    take_turn(storage, session, "q1", "a1")
    run = admitted(storage, session)
    saved = []
    with psycopg.connect(sql_url.replace("+psycopg", "")) as other:
        if by == "a new run":  # which holds the session's row as well
            other.execute("UPDATE sessions SET next_position = next_position + 1")
        other.execute("UPDATE runs SET cancel_requested = true, forget_requested = true WHERE id = %s", (run.id,))
        saving = threading.Thread(
            target=lambda: saved.append(storage.runs.finish(ended(run), messages=said("q2", "a2")))
        )
        saving.start()
        with psycopg.connect(sql_url.replace("+psycopg", ""), autocommit=True) as watch:
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            deadline = time.monotonic() + 10
            while watch.execute(waiting).fetchone() == (0,):
                assert time.monotonic() < deadline
                time.sleep(0.01)
        other.commit()
    saving.join()
    assert saved == [Ended()]
    assert storage.runs.get(run.id, owner=None).content == "Hi"
    assert [one.message.content for one in storage.sessions.history(session.id, owner=None, limit=9).messages] == [
        "q1",
        "a1",
    ]
    take_turn(storage, session, "q3", "a3")
    assert [one.sequence for one in storage.sessions.history(session.id, owner=None, limit=9).messages] == [1, 2, 3, 4]
    assert [one.content for one in admit(storage, new_run(session), history_turns=1).history] == ["q3", "a3"]
    assert storage.sessions.get(session.id, owner=None).run_count == 3


def test_a_second_request_with_a_key_waits_for_the_first_and_takes_its_place_if_that_is_undone(storage, sql_url):
    made = []
    with psycopg.connect(sql_url.replace("+psycopg", "")) as other:
        other.execute("INSERT INTO idempotency_keys VALUES ('alice', 'run', 'k', 'f', 'undone', 0, 9e15)")
        asking = threading.Thread(target=lambda: made.append(admit(storage, new_run(id="mine"), idempotency=key())))
        asking.start()
        asking.join(0.3)
        assert not made
        other.rollback()
    asking.join()
    assert [admission.run.id for admission in made] == ["mine"]


def test_the_urls_own_parameters_are_stronger(sql_url):
    database = open_database(f"{sql_url}?application_name=mine")
    name = database.read(lambda connection: connection.execute(text("SHOW application_name")).scalar())
    database.close()
    assert name == "mine"


LOST = ("25006", "57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04", "08006", "08P01")
KEPT = ("23505", "40001", "57014", "55P03", "42P01")


@pytest.mark.parametrize(("state", "lost"), [*((one, True) for one in LOST), *((one, False) for one in KEPT)])
def test_a_connection_is_given_up_when_the_servers_answer_says_that_it_is_of_no_use(database, state, lost):
    pid = text("SELECT pg_backend_pid()")
    fail = text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$")
    before = database.read(lambda connection: connection.execute(pid).scalar())
    with pytest.raises(StorageError):
        database.read(lambda connection: connection.execute(fail))
    after = database.read(lambda connection: connection.execute(pid).scalar())
    assert (after != before) is lost


def test_taking_a_connection_that_lay_in_the_pool_costs_one_journey_as_before(database, sql_url):
    database.read(lambda connection: connection.execute(text("SELECT 1")).scalar())
    sent = []

    class Cursor(psycopg.Cursor):
        def execute(self, query, *arguments, **options):
            sent.append(str(query))
            return super().execute(query, *arguments, **options)

    lent = database.engine.raw_connection()
    lent.dbapi_connection.cursor_factory = Cursor
    lent.close()
    database.read(lambda connection: connection.execute(text("SELECT 1")).scalar())
    assert sent == ["SHOW transaction_read_only", "SELECT 1"]
