"""Every query that the interface offers is answered by an index, in the order of the index."""

import json
import sqlite3

import psycopg
import pytest

from agentos.domain.run import Concurrency, RunStatus
from agentos.domain.session import Session
from agentos.storage.values import (
    Cursor,
    FrameBatch,
    Lease,
    Paging,
    RunFilter,
    SessionFilter,
)
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
}
RUN_FILTERS = {
    RunFilter(): ["ix_runs_created"],
    RunFilter(session_id="s"): ["ix_runs_session"],
    RunFilter(agent_id="a"): ["ix_runs_agent"],
    RunFilter(status=RunStatus.FAILED): ["ix_runs_status"],
    RunFilter(session_id="s", agent_id="a"): ["ix_runs_session", "ix_runs_agent"],
}
LISTS = {
    f"{method} {where} {'after a cursor' if paging.cursor else ''}": (method, where, paging, indexes)
    for method, filters in (("list_sessions", SESSION_FILTERS), ("list_runs", RUN_FILTERS))
    for where, indexes in filters.items()
    for paging in (Paging(), AFTER)
}
QUERIES = {
    **{
        name: lambda s, m=method, w=where, p=paging: getattr(s, m)(w, p)
        for name, (method, where, paging, _) in LISTS.items()
    },
    "delete_sessions": lambda s: s.delete_sessions(SessionFilter(updated_before=at(-9)), limit=5),
    "history": lambda s: s.history("s", limit=5),
    "history before": lambda s: s.history("s", limit=5, before=9),
    "get_session": lambda s: s.get_session("s"),
    "get_run": lambda s: s.get_run("r"),
    "list_agents": lambda s: s.list_agents(),
    "read_frames": lambda s: s.read_frames("r", after=3),
    "append_frames": lambda s: s.append_frames([FrameBatch("r", frames(1, 2))]),
    "take_lost_runs": lambda s: s.take_lost_runs(LEASE, limit=5),
    "admit_run and finish_run": lambda s: s.finish_run(ended(admit(s, new_run(s.get_session("s"))).run)),
    "admit_run with a key": lambda s: admit(s, new_run(s.get_session("s")), idempotency=key("new")),
    "admit_run with a key that was used": lambda s: s.admit_run(
        new_run(s.get_session("s")), LEASE, history_turns=3, idempotency=key("3")
    ),
    "admit_run that would be rejected": lambda s: admit(s, new_run(s.get_session("s")), concurrency=Concurrency.REJECT),
    "create_session with a key": lambda s: s.create_session(
        Session(id="new", agent_id="a", created_at=at(0), updated_at=at(0)), idempotency=key("3")
    ),
    "request_cancel": lambda s: s.request_cancel("r"),
    "cancel_requests": lambda s: s.cancel_requests("gone"),
    "delete_frames": lambda s: s.delete_frames(ended_before=at(9), limit=5),
    "delete_idempotency_keys": lambda s: s.delete_idempotency_keys(created_before=at(9), limit=5),
}
# The one index that serves a query about the few rows that are not done with.
SMALL = {
    "cancel_requests": ("SELECT", "ix_runs_to_stop"),
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


@pytest.fixture
def storage(storage):
    for number in range(20):
        ids = {"agent_id": "a", "user_id": "u", "team_id": "t", "workflow_id": "w"}
        new_session(storage, id=f"session-{number}", seconds=number, **ids)
    session = new_session(storage, id="s", user_id="u")
    for number in range(20):
        take_turn(storage, session, "q", "a", seconds=number)
        storage.finish_run(ended(admit(storage, new_run(), idempotency=key(str(number))).run), frames=frames(1, 2))
    admitted(storage, id="r", lease=Lease("gone", -1.0))
    return storage


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_reads_an_index_and_sorts_nothing(storage, sql_url, recording, name):
    with recording() as recorded:
        QUERIES[name](storage)
    assert recorded.statements
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


# PostgreSQL chooses among indexes by the statistics of the moment.
ON_SQLITE = pytest.mark.parametrize("sql_url", ["sqlite"], indirect=True)


@ON_SQLITE
@pytest.mark.parametrize("name", LISTS)
def test_a_list_reads_the_index_of_its_filter(storage, sql_url, recording, name):
    method, where, paging, indexes = LISTS[name]
    with recording() as recorded:
        getattr(storage, method)(where, paging)
    ((statement, parameters),) = recorded.statements
    plan = sqlite_plan(sql_url, statement, parameters)
    assert any(f"{method.removeprefix('list_')} USING INDEX {index}" in plan[0] for index in indexes), plan


@ON_SQLITE
@pytest.mark.parametrize("name", SMALL)
def test_what_concerns_few_rows_reads_an_index_of_these_alone(storage, sql_url, recording, name):
    queries = {
        **QUERIES,
        "admit_run that interrupts": lambda s: admit(s, new_run(s.get_session("s")), concurrency=Concurrency.INTERRUPT),
    }
    beginning, index = SMALL[name]
    with recording() as recorded:
        queries[name](storage)
    ((statement, parameters),) = [one for one in recorded.statements if one[0].lstrip().startswith(beginning)]
    plan = sqlite_plan(sql_url, statement, parameters)
    assert any(index in step for step in plan), plan


@ON_SQLITE
def test_whether_a_session_is_busy_is_asked_of_its_unfinished_runs_alone(storage, sql_url, recording):
    session = storage.get_session("s")
    with recording() as recorded:
        first = storage.admit_run(new_run(session), LEASE, history_turns=3).run
        queued = storage.admit_run(new_run(session), LEASE, history_turns=3).run
        storage.finish_run(ended(first))
        assert storage.claim_turn(queued, history_turns=3, now=at(1))
    asked = [(sql, values) for sql, values in recorded.statements if "EXISTS" in sql]
    assert len(asked) == 4
    for statement, parameters in asked:
        plan = sqlite_plan(sql_url, statement, parameters)
        assert any("ix_runs_open" in step for step in plan), plan
        assert not any("ux_runs_position" in step for step in plan), plan
