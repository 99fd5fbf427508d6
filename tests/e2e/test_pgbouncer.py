"""The deployed server on a real PostgreSQL behind a real pgbouncer in transaction mode."""

import threading
from pathlib import Path

import pytest

from parts.client import Client
from parts.pgbouncer import running_pgbouncer
from parts.postgres import PostgresServer
from parts.server import AgentOSServer

RUNS = 96


@pytest.mark.parametrize("pooler", ["auto", "transaction"])
@pytest.mark.parametrize("ignoring", ["", "options"])
def test_many_runs_at_once_complete(
    postgres_server: PostgresServer, fresh_postgresql_url: str, tmp_path: Path, pooler: str, ignoring: str
) -> None:
    statuses: list[str] = []
    with running_pgbouncer(postgres_server, ignoring=ignoring) as between:
        environment = {
            "AGENTOS_DATABASE_URL": between.url(fresh_postgresql_url),
            "AGENTOS_DATABASE_POOLER": pooler,
            "AGENTOS_MODEL": "scripted:slow-3x0.02",
        }
        with AgentOSServer(environment, cwd=tmp_path, workers=2) as server:
            client = Client(server.url)
            sessions = [client.session("assistant") for _ in range(RUNS // 4)]

            def say(number: int) -> None:
                body = {"input": str(number), "session_id": sessions[number % len(sessions)]}
                answer = client.request("POST", "/agents/assistant/run", body)
                statuses.append(answer.json().get("status") or answer.json()["code"])

            threads = [threading.Thread(target=say, args=(number,)) for number in range(RUNS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert statuses == ["completed"] * RUNS
            assert {len(client.said(session)) for session in sessions} == {8}
        assert [record for record in server.records() if record["level"] == "error"] == []
