"""PostgreSQL behind a real pgbouncer in transaction mode."""

import threading

import psycopg
import pytest
from sqlalchemy import text

from agentos.errors import ConfigError
from agentos.storage.sqlalchemy import open_database
from agentos.storage.sqlalchemy.postgresql import LIMITS
from agentos.testing.storage.contract import new_session, take_turn
from parts.pgbouncer import running_pgbouncer


@pytest.fixture(scope="module", params=["", "options,extra_float_digits"], ids=["strict", "ignoring options"])
def pooler(request, postgres_server):
    """A pooler refuses the parameter `options` at the start of a session, or was told to drop it without a word."""
    with running_pgbouncer(postgres_server, ignoring=request.param) as pooler:
        yield pooler


@pytest.fixture
def direct_url(fresh_postgresql_url):
    return fresh_postgresql_url


@pytest.fixture
def sql_url(pooler, direct_url):
    return pooler.url(direct_url)


@pytest.fixture(params=["auto", "transaction"])
def database(request, storage, sql_url):
    database = open_database(sql_url, pooler=request.param)
    yield database
    database.close()


def shown(database, name):
    return lambda connection: connection.execute(text(f"SHOW {name}")).scalar()


def test_it_migrates_and_takes_turns(storage):
    session = new_session(storage)
    for number in range(10):  # more often than the driver waits before it prepares a statement
        take_turn(storage, session, f"q{number}", f"a{number}")
    assert len(storage.sessions.history(session.id, owner=None, limit=99).messages) == 20


def test_many_threads_at_once_share_few_sessions(storage, sql_url):
    failures = []

    def work():
        try:
            session = new_session(storage)
            for _ in range(8):
                take_turn(storage, session, "q", "a")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("how", ["write", "snapshot"])
@pytest.mark.parametrize("name", LIMITS)
def test_the_limits_hold_within_a_transaction(database, how, name):
    database.read(database_ping(database))
    assert getattr(database, how)(shown(database, name)) == f"{LIMITS[name] // 1000}s"


def database_ping(database):
    return lambda connection: connection.execute(database.ping).first()


def test_nothing_stays_in_the_sessions_of_the_server(database, direct_url):
    for _ in range(20):
        database.write(shown(database, "statement_timeout"))
        database.read(database_ping(database))
    assert database.pooled
    with psycopg.connect(direct_url.replace("+psycopg", ""), autocommit=True) as direct:
        before = direct.execute("SHOW statement_timeout").fetchone()
    leaked = {database.read(shown(database, "statement_timeout")) for _ in range(20)}
    prepared = {
        database.read(
            lambda connection: connection.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar()
        )
        for _ in range(20)
    }
    assert (leaked, prepared) == ({before[0]}, {0})


def test_without_a_pooler_the_limits_are_those_of_the_session(direct_url):
    database = open_database(direct_url)
    assert database.read(shown(database, "statement_timeout")) == "10s"
    assert not database.pooled
    database.close()


def test_options_and_a_pooler_are_refused_together():
    with pytest.raises(ConfigError, match="ALTER ROLE"):
        open_database("postgresql://h/db?options=-c%20work_mem=1MB", pooler="transaction")
