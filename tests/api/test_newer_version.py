"""A worker of this version on a database where a newer version works too, as during a rolling update."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from api.conftest import Served

NEWER = [
    {"unheard_of": {"limit": 1}},
    {"tools": [{"name": "calculator", "needs_approval": True}]},
    {"concurrency": "merge"},
    {"max_turns": "few"},
]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "agentos.db"


@pytest.fixture
def served(serve: Callable[..., Served], database: Path) -> Served:
    return serve(database_url=f"sqlite:///{database}", assistant=False)


def change(database: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute(statement, values)


def store_agent(database: Path, **fields: object) -> None:
    document = json.dumps({"id": "newer", "model": "test:model", **fields})
    change(database, "INSERT INTO agents (id, document, created_at, updated_at) VALUES ('newer', ?, 1, 1)", document)


def test_a_worker_stays_ready_when_a_newer_version_adds_to_the_schema(served: Served, database: Path) -> None:
    change(database, "ALTER TABLE runs ADD COLUMN brand_new TEXT")
    change(database, "UPDATE alembic_version SET version_num = '9999'")
    answer = served.client.get("/ready")
    assert answer.status_code == 200
    assert "newer than this version's" in answer.json["checks"][1]["detail"]
    assert served.run("Hi", served.new_session()).status_code == 200


def test_a_worker_that_is_too_old_for_the_schema_is_not_ready_and_says_what_helps(
    served: Served, database: Path
) -> None:
    change(database, "CREATE TABLE schema_compatibility (least TEXT NOT NULL)")
    change(database, "INSERT INTO schema_compatibility VALUES ('9999')")
    assert served.client.get("/ready").status_code == 200, "as long as the schema is its own"
    change(database, "UPDATE alembic_version SET version_num = '9999'")
    answer = served.client.get("/ready")
    assert answer.status_code == 503
    assert "run a newer version of AgentOS" in answer.json["checks"][1]["detail"]
    assert "db upgrade" not in answer.text


@pytest.mark.parametrize("fields", NEWER)
def test_an_agent_that_this_version_does_not_understand_is_listed_and_never_run(
    served: Served, database: Path, fields: dict[str, object]
) -> None:
    store_agent(database, **fields)
    client = FlaskClient(served.app)  # without the check of our own description of agents
    assert [agent["id"] for agent in client.get("/api/v1/agents").json["agents"]] == ["newer", "scripted"]
    assert client.get("/api/v1/agents/newer").status_code == 200
    for path in ("run", "run/stream"):
        answer = client.post(f"/api/v1/agents/newer/{path}", json={"input": "Hi"})
        assert (answer.status_code, answer.json["code"]) == (500, "EXECUTION_ERROR")
        assert "agent 'newer' cannot run" in answer.json["message"]
        assert "another version of AgentOS" in answer.json["message"]
    assert served.provider.requests == []
    assert served.client.get("/api/v1/runs").json["runs"] == []


def test_a_run_with_a_status_of_a_newer_version_is_shown_as_it_is(served: Served, database: Path) -> None:
    session = served.new_session()
    run_id = served.run("Hi", session).json["run_id"]
    change(database, "UPDATE runs SET status = 'paused', ended_at = NULL, lease_owner = 'gone', lease_until = 1")
    client = FlaskClient(served.app)
    assert client.get(f"/api/v1/runs/{run_id}").json["status"] == "paused"
    assert [run["status"] for run in client.get("/api/v1/runs").json["runs"]] == ["paused"]
    served.services.sweeper.sweep()
    assert client.get(f"/api/v1/runs/{run_id}").json["status"] == "paused"
    assert len(served.provider.requests) == 1
