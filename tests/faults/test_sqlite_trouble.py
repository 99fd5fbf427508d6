"""An SQLite file that another process holds, and a disk without room."""

import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
import requests

from faults.conftest import visible_within
from parts.client import Client, Event
from parts.server import AgentOSServer
from parts.waiting import until

HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("ROLLBACK")
"""

# An application of the same server whose connections find no page free while there is a file `full`.
FULL_APP = """
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.pool import Pool

@event.listens_for(Pool, "checkout")
def bound(connection, record, proxy):
    connection.execute(f"PRAGMA max_page_count = {1 if Path('full').exists() else 1 << 30}")

from agentos.app import create_app
app = create_app()
"""
LEASE = 2.0
VISIBLE = visible_within(LEASE)


@pytest.fixture(scope="session")
def database_kind() -> str:
    return "sqlite"


@contextmanager
def lock_held(server: AgentOSServer, seconds: float) -> Iterator[None]:
    """Let another process hold the lock of the file for so long; leaves when it has let go."""
    command = [sys.executable, "-c", HOLD, str(server.cwd / "agentos.db"), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield


def in_background(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_worker_stays_responsive_while_the_file_is_locked(serve: Callable[..., AgentOSServer]) -> None:
    server = serve(workers=1)
    client = Client(server.url)
    agent = client.register(model="scripted:slow-20x0.1")
    session = client.session(agent)
    times: list[float] = []
    waits: list[float] = []
    answers: list[requests.Response] = []
    events: list[Event] = []

    def follow() -> None:
        for event in client.stream(f"/agents/{agent}/run/stream", {"input": "go", "session_id": session}):
            events.append(event)
            times.append(time.monotonic())

    threads = [in_background(follow)]
    until(lambda: len(events) >= 3)
    with lock_held(server, 4):
        threads += [
            in_background(lambda: answers.append(client.request("POST", "/sessions", {"agent_id": agent})))
            for _ in range(3)
        ]
        end = time.monotonic() + 3.5
        while time.monotonic() < end:
            before = time.monotonic()
            assert requests.get(f"{client.url}/health", timeout=5).status_code == 200
            waits.append(time.monotonic() - before)
            time.sleep(0.05)
    for thread in threads:
        thread.join(20)
    assert sorted(waits)[int(len(waits) * 0.95)] < 0.2, sorted(waits)
    assert max(after - before for before, after in pairwise(times[:21])) < 1, "the stream stood still"
    # The run ended while the file was locked; its end waited.
    assert events[-1].type == "complete"
    assert len(client.said(session)) == 2

    for answer in answers:
        assert answer.status_code == 201 or answer.json()["code"] == "STORAGE_ERROR"
    made = [answer.json()["session_id"] for answer in answers if answer.status_code == 201]
    assert {one["session_id"] for one in client.get("/sessions")["sessions"]} == {session, *made}
    client.session(agent)


def test_a_write_that_waits_for_a_short_lock_succeeds(serve: Callable[..., AgentOSServer]) -> None:
    server = serve()
    client = Client(server.url)
    with lock_held(server, 1.5):
        before = time.monotonic()
        client.session()
        assert time.monotonic() - before > 1, "it did not meet the lock"


@contextmanager
def no_free_page(server: AgentOSServer) -> Iterator[None]:
    """SQLite itself says that the disk is full: every new page is refused."""
    mark = server.cwd / "full"
    mark.touch()
    try:
        yield
    finally:
        mark.unlink()


@contextmanager
def no_longer_file(server: AgentOSServer) -> Iterator[None]:
    """The operating system refuses every write that would make a file longer than the database's are now."""
    sizes = [(server.cwd / name).stat().st_size for name in ("agentos.db", "agentos.db-wal")]
    assert server.log_file.stat().st_size < max(sizes) / 2
    workers = server.worker_pids()
    before = [resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in workers]
    for pid, (_, hard) in zip(workers, before, strict=True):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (max(sizes), hard))
    try:
        yield
    finally:
        for pid, limits in zip(workers, before, strict=True):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("full", [no_free_page, no_longer_file])
def test_a_full_disk_refuses_what_would_be_lost_and_needs_no_restart(
    serve: Callable[..., AgentOSServer], tmp_path: Path, full: Callable[[AgentOSServer], "contextmanager[None]"]
) -> None:
    (tmp_path / "bounded.py").write_text(FULL_APP)
    server = serve(app="bounded:app", AGENTOS_LEASE_SECONDS=str(LEASE))
    client = Client(server.url)
    agent = client.register(model="scripted:slow-400x0.005")
    session = client.session(agent)
    stream = client.stream(f"/agents/{agent}/run/stream", {"input": "go", "session_id": session})
    run_id = next(stream).run_id
    large = {"agent_id": agent, "metadata": {"text": "x" * 12_000}}
    with full(server):
        # A run whose end has no room does not complete.
        last = list(stream)[-1]
        assert (last.type, last.data["code"]) == ("error", "STORAGE_ERROR")
        for path, body in (
            ("/sessions", large),
            ("/agents/assistant/run", {"input": "x" * 200_000}),
            ("/agents/assistant/run/stream", {"input": "x" * 200_000}),
        ):
            answer = client.request("POST", path, body)
            assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_ERROR")
            assert "Retry-After" in answer.headers
        assert client.get(f"/sessions/{session}")["session_id"] == session
        assert requests.get(f"{client.url}/health", timeout=5).status_code == 200

    assert client.post("/sessions", large)["metadata"] == large["metadata"]
    assert client.post("/agents/assistant/run", {"input": "x" * 200_000})["content"] == "x" * 200_000
    assert client.ended(run_id, timeout=VISIBLE)["status"] == "failed"
    assert client.said(session) == []
    assert client.post("/agents/assistant/run", {"input": "hi", "session_id": session})["content"] == "hi"
