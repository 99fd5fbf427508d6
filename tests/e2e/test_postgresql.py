"""The deployed server on a real PostgreSQL."""

import os
import signal
import threading
import time
from itertools import pairwise
from pathlib import Path

import psycopg
import requests

from parts.client import Client
from parts.server import AgentOSServer


def test_two_workers_start_on_an_empty_database_and_keep_a_sessions_order(
    fresh_postgresql_url: str, tmp_path: Path
) -> None:
    environment = {"AGENTOS_DATABASE_URL": fresh_postgresql_url, "AGENTOS_MODEL": "scripted:slow-3x0.02"}
    with AgentOSServer(environment, cwd=tmp_path, workers=2) as server:
        client = Client(server.url)
        session = client.post("/sessions", {"agent_id": "assistant"})["session_id"]
        answers: list[str] = []

        def say(number: int) -> None:
            run = client.post("/agents/assistant/run", {"input": str(number), "session_id": session})
            answers.append(run["status"])

        threads = [threading.Thread(target=say, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

        assert answers == ["completed"] * 20
        messages = client.get(f"/sessions/{session}/history")["messages"]
        assert [message["role"] for message in messages] == ["user", "assistant"] * 20
        runs = client.get(f"/runs?session_id={session}")["runs"]
        ran = [
            record["worker"]
            for record in server.records()
            if record.get("session_id") == session and "worker" in record
        ]
        assert len(set(ran)) == 2, "both workers must have had a part in it"
        spans = sorted((run["started_at"], run["ended_at"]) for run in runs)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_a_statement_in_the_database_does_not_stop_the_other_requests_of_a_worker(
    fresh_postgresql_url: str, tmp_path: Path
) -> None:
    # psycopg, imported unpatched, would block the whole worker; the streams of one worker must go on side by side.
    environment = {"AGENTOS_DATABASE_URL": fresh_postgresql_url, "AGENTOS_MODEL": "scripted:slow-10x0.1"}
    with AgentOSServer(environment, cwd=tmp_path, workers=1) as server:
        client = Client(server.url)
        before = time.monotonic()
        threads = [
            threading.Thread(target=client.post, args=("/agents/assistant/run", {"input": "go"})) for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        assert requests.get(f"{server.url}/health", timeout=2).status_code == 200
        for thread in threads:
            thread.join(30)
        assert time.monotonic() - before < 10  # one after the other they would take 20 s


def test_old_workers_and_one_that_starts_anew_serve_on_the_schema_of_a_newer_version(
    fresh_postgresql_url: str, tmp_path: Path
) -> None:
    environment = {"AGENTOS_DATABASE_URL": fresh_postgresql_url, "AGENTOS_MODEL": "scripted:echo"}
    with AgentOSServer(environment, cwd=tmp_path, workers=2) as server:
        client = Client(server.url)
        session = client.session("assistant")
        with psycopg.connect(fresh_postgresql_url.replace("+psycopg", ""), autocommit=True) as newer:
            newer.execute("ALTER TABLE runs ADD COLUMN brand_new TEXT")
            newer.execute("UPDATE alembic_version SET version_num = '9999'")
        os.kill(server.worker_pids()[0], signal.SIGKILL)
        server.wait_for(lambda: server.log().count("worker ready") == 3, 30, "whole again")
        for _ in range(10):  # each of the two
            answer = requests.get(f"{server.url}/ready", timeout=5)
            assert answer.status_code == 200
            assert "newer than this version's" in answer.text
            assert client.post("/agents/assistant/run", {"input": "hi", "session_id": session})["content"] == "hi"
