"""What a whole turn costs the database, from the request to its saved end."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import Pool

from agentos.bootstrap import build
from agentos.config import Config
from agentos.domain.message import Message
from agentos.domain.principal import OPERATOR
from agentos.domain.run import RunStatus
from agentos.domain.run_request import RunRequest
from agentos.domain.stored_request import ModelOverrides
from agentos.services.services import Services


@pytest.fixture(params=["sqlite", "postgresql"])
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Services]:
    sqlite = f"sqlite:///{tmp_path / 'agentos.db'}"
    url = sqlite if request.param == "sqlite" else request.getfixturevalue("fresh_postgresql_url")
    # A heartbeat in the middle of a turn would be counted with it.
    services = build(Config(environ={}, database_url=url, model="scripted:echo", lease_seconds=3600, history_turns=4))
    yield services
    services.close()


def test_turn_200_costs_as_much_as_turn_5(services: Services) -> None:
    session, _ = services.sessions.create("assistant", caller=OPERATOR)
    statements: list[str] = []
    rows = 0

    def count(connection, cursor, statement, parameters, context, many) -> None:
        nonlocal rows
        statements.append(statement)
        rows += max(cursor.rowcount, 0)

    costs: list[tuple[int, int]] = []
    event.listen(Engine, "after_cursor_execute", count)
    try:
        for turn in range(200):
            statements.clear()
            rows = 0
            request = RunRequest(caller=OPERATOR, agent_id="assistant", input=f"turn {turn}", session_id=session.id)
            run = services.runs.start(request).wait(10)
            assert run is not None
            assert run.status is RunStatus.COMPLETED
            costs.append((len(statements), rows))
    finally:
        event.remove(Engine, "after_cursor_execute", count)

    # Now and then a turn is counted with what happens beside it: the log's commit, the look for cancel requests.
    # place, run, window; count, end, messages, events
    assert min(costs[4:9])[0] == 7
    assert min(costs[4:9]) == min(costs[195:200])
    assert max(costs[5:]) <= (min(costs[4:9])[0] + 4, min(costs[4:9])[1] + 2)
    assert services.sessions.get(session.id, OPERATOR).run_count == 200


def test_what_is_kept_of_a_request_costs_no_statement_more(services: Services) -> None:
    plain = RunRequest(caller=OPERATOR, agent_id="assistant", input="Hi")
    messages = (Message("user", "Hello"), Message("assistant", "Hi"))
    whole = replace(plain, messages=messages, overrides=ModelOverrides(parameters={"seed": 7}))
    statements: list[str] = []

    def keep(connection, cursor, statement, parameters, context, many) -> None:
        statements.append(statement)

    costs = []
    event.listen(Engine, "after_cursor_execute", keep)
    try:
        for request in (plain, plain, whole):
            statements.clear()
            run = services.runs.start(request).wait(10)
            assert run is not None
            assert run.status is RunStatus.COMPLETED
            written = ("INSERT INTO runs ", "UPDATE runs ", "INSERT INTO run_events", "INSERT INTO messages")
            costs.append(sorted(one.split("(")[0].split(" SET")[0] for one in statements if one.startswith(written)))
    finally:
        event.remove(Engine, "after_cursor_execute", keep)
    assert costs[0] == costs[1] == costs[2]
    assert len([one for one in costs[0] if one.startswith(("INSERT INTO runs", "UPDATE runs"))]) == 2


@pytest.mark.parametrize("in_session", [False, True])
def test_a_plain_run_makes_two_commits(tmp_path: Path, in_session: bool) -> None:
    commits: list[str] = []

    def trace(connection: sqlite3.Connection, record: object) -> None:
        connection.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)

    event.listen(Pool, "connect", trace)
    try:
        url = f"sqlite:///{tmp_path / 'agentos.db'}"
        services = build(Config(environ={}, database_url=url, model="scripted:echo", lease_seconds=3600))
        session_id = services.sessions.create("assistant", caller=OPERATOR)[0].id if in_session else None
        counts = []
        for _ in range(20):
            commits.clear()
            request = RunRequest(caller=OPERATOR, agent_id="assistant", input="Hi", session_id=session_id)
            run = services.runs.start(request).wait(10)
            assert run is not None
            assert run.status is RunStatus.COMPLETED
            counts.append(len(commits))
        services.close()
    finally:
        event.remove(Pool, "connect", trace)
    # Now and then the log's commit is counted with it.
    assert min(counts) == 2
    assert sorted(counts)[len(counts) // 2] == 2
