"""One server for the whole corpus, with short limits; after each request it must be as well as before."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from parts.raw import ask
from parts.server import AgentOSServer
from parts.soak import full

SETTINGS = {
    "AGENTOS_MODEL": "scripted:echo",
    "AGENTOS_MAX_REQUEST_SIZE": "1MiB",
    "AGENTOS_MAX_OUTPUT_SIZE": "32MiB",
    "AGENTOS_REQUEST_TIMEOUT": "3",
    "AGENTOS_HEADER_TIMEOUT": "1",
    "AGENTOS_WRITE_TIMEOUT": "1",
    "AGENTOS_PLUGINS": "none",
    "AGENTOS_ALLOW_ANONYMOUS": "1",
}
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
GROWTH = full(150, 600) * 1024**2
"""Bytes that the worker may have grown by at the end: it held the events of many runs at once, and what is freed is not
all given back."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentOSServer]:
    folder = tmp_path_factory.mktemp("hostile")
    for module in ("hostile_app.py", "nasty.py"):
        shutil.copy(Path(__file__).with_name(module), folder)
    with AgentOSServer(SETTINGS, cwd=folder, workers=1, app="hostile_app:app") as server:
        (worker,) = server.worker_pids()
        before = psutil.Process(worker).memory_info().rss
        yield server
        assert psutil.Process(worker).memory_info().rss - before < GROWTH
    assert "SIGKILL" not in server.log()


@pytest.fixture
def url(server: AgentOSServer) -> str:
    return server.url


@pytest.fixture(autouse=True)
def unharmed(server: AgentOSServer) -> Iterator[None]:
    """After each test: the same worker answers, and has met no bug."""
    workers = server.worker_pids()
    logged = len(server.log())
    yield
    assert ask(server.url, HEALTH).status == 200
    assert server.worker_pids() == workers
    lines = server.log()[logged:].splitlines()
    assert [line for line in lines if '"level":"error"' in line or "Traceback" in line] == []
