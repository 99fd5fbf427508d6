"""A PostgreSQL primary and its standby change their parts under the server, which is never restarted.

What this does not show: a network that is cut in two, a virtual address that moves, and what a proxy in between adds.
"""

import time
from collections.abc import Callable, Iterator
from typing import LiteralString

import psycopg
import pytest
import requests
from sqlalchemy import text

from agentos.config import Config
from agentos.errors import StorageError
from agentos.storage.sqlalchemy import open_sql
from agentos.testing.storage.contract import new_session
from parts.client import Client
from parts.postgres import PostgresServer, running_postgres
from parts.server import AgentOSServer
from parts.waiting import until

SOON = 10.0


@pytest.fixture
def primary() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def standby(primary: PostgresServer) -> Iterator[PostgresServer]:
    server = PostgresServer.standby_of(primary)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def database(primary: PostgresServer) -> str:
    return primary.create_database()


def readiness(server: AgentOSServer) -> tuple[int, str]:
    answer = requests.get(f"{server.url}/ready", timeout=10)
    return answer.status_code, answer.json()["checks"][0]["detail"]


def set_read_only(server: PostgresServer, *, on: bool) -> None:
    server.execute(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if on else 'off'}")
    server.execute("SELECT pg_reload_conf()")


def test_a_server_that_becomes_read_only_is_left_and_found_again(
    primary: PostgresServer, serve: Callable[..., AgentOSServer]
) -> None:
    server = serve()
    client = Client(server.url)
    assert client.post("/sessions", {"agent_id": "assistant"})
    set_read_only(primary, on=True)
    until(lambda: readiness(server) == (503, "the database is read-only now; try again later"), SOON)
    for _ in range(10):
        answer = client.request("POST", "/sessions", {"agent_id": "assistant"})
        assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_ERROR")
        assert int(answer.headers["Retry-After"]) >= 1
        assert requests.get(f"{server.url}/health", timeout=5).status_code == 200
    set_read_only(primary, on=False)
    until(lambda: readiness(server)[0] == 200, SOON)
    for _ in range(10):
        assert client.post("/agents/assistant/run", {"input": "hi"})["content"] == "hi"


def test_a_connection_in_the_pool_is_asked_whether_it_can_write(primary: PostgresServer, database: str) -> None:
    storage = open_sql(database, Config(environ={}))
    storage.upgrade()

    def is_usable() -> bool:
        try:
            storage.check()  # which writes nothing, and so meets no refusal of a write
        except StorageError:
            return False
        return True

    try:
        assert is_usable()
        set_read_only(primary, on=True)
        until(lambda: not is_usable(), 3)
        with pytest.raises(StorageError, match="read-only"):
            storage.check()
        set_read_only(primary, on=False)
        until(is_usable, 3)
    finally:
        storage.close()


def test_of_several_hosts_the_one_that_takes_writes_is_used_after_each_switch(
    primary: PostgresServer,
    standby: PostgresServer,
    database: str,
    serve: Callable[..., AgentOSServer],
) -> None:
    name = database.rpartition("/")[2]
    hosts = f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}"
    server = serve(AGENTOS_DATABASE_URL=f"postgresql://agentos@{hosts}/{name}")
    client = Client(server.url)
    session = client.post("/sessions", {"agent_id": "assistant"})["session_id"]
    wait_until_there(standby.url(database), session)

    primary.stop()
    standby.promote()
    began = time.monotonic()
    until(lambda: readiness(server)[0] == 200, SOON)
    assert time.monotonic() - began < SOON
    for _ in range(10):  # each worker, with each connection that it held
        assert client.get(f"/sessions/{session}")["session_id"] == session
        assert client.post("/agents/assistant/run", {"input": "hi", "session_id": session})["content"] == "hi"
    assert len(client.said(session)) == 20


def test_a_standby_alone_is_not_ready_until_it_is_promoted(
    primary: PostgresServer, standby: PostgresServer, database: str
) -> None:
    storage = open_sql(database, Config(environ={}))
    storage.upgrade()
    wait_for_schema(standby.url(database))
    other = open_sql(standby.url(database), Config(environ={}))
    try:
        with pytest.raises(StorageError, match="read-only"):
            other.check()
        standby.promote()
        other.check()
        assert new_session(other).id
    finally:
        other.close()
        storage.close()


def test_a_write_that_meets_a_read_only_server_is_done_again_on_the_other(
    primary: PostgresServer, standby: PostgresServer, database: str
) -> None:
    """The connection was fine when it was taken; the server changed before the write."""
    name = database.rpartition("/")[2]
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    storage = open_sql(f"postgresql://agentos@{hosts}/{name}", Config(environ={}))
    storage.upgrade()
    wait_for_schema(standby.url(database))
    tries = []

    def work(connection):
        tries.append(connection.execute(text("SELECT inet_server_port()")).scalar())
        if len(tries) == 1:
            connection.execute(text("SET TRANSACTION READ ONLY"))  # as if the server were so from now on
            set_read_only(primary, on=True)
            standby.promote()
        connection.execute(text("INSERT INTO agents (id, document, created_at, updated_at) VALUES ('a', '{}', 1, 1)"))

    try:
        storage._database.write(work)
        assert tries == [primary.port, standby.port]
        assert [agent.id for agent in storage.agents.list(limit=10)] == ["a"]
    finally:
        storage.close()


def wait_until_there(url: str, session_id: str) -> None:
    _wait_for(url, "SELECT 1 FROM sessions WHERE id = %s", session_id)


def wait_for_schema(url: str) -> None:
    _wait_for(url, "SELECT 1 WHERE to_regclass(%s) IS NOT NULL", "alembic_version")


def _wait_for(url: str, query: LiteralString, value: str) -> None:
    """Wait until a standby has what a query asks for. It follows a little later: its database too may be missing."""

    def there() -> bool:
        try:
            with psycopg.connect(url.replace("+psycopg", "")) as connection:
                return bool(connection.execute(query, (value,)).fetchone())
        except psycopg.OperationalError:
            return False

    until(there, SOON)
