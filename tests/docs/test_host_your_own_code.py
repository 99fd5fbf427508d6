"""What `docs/how-to/host-your-own-code.md` says of agents that wait, stop and block, on a real server."""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from parts.client import Client
from parts.pages import ROOT, blocks_of
from parts.server import AgentOSServer
from parts.waiting import until

PAGE = ROOT / "docs" / "how-to" / "host-your-own-code.md"
SLOW = "import json, sys, time\njson.load(sys.stdin)\nprint('\"begun\"', flush=True)\ntime.sleep(60)\n"
SERVER = """
import asyncio, os
from agentos import AgentOS, Config
from child_process import ChildProcess
from relay import Relay

class WithAsyncio:
    def stream(self, context):
        yield str(asyncio.run(asyncio.sleep(1, "slept")))

class Odd:
    def stream(self, context):
        yield 7

server = AgentOS(Config(address="127.0.0.1:0", workers=1))
server.register_agent("framework", ChildProcess("async_agent.py"))
server.register_agent("slow", ChildProcess("slow.py"))
server.register_agent("asyncio", WithAsyncio())
server.register_agent("odd", Odd())
server.register_agent("relay", Relay("127.0.0.1", int(os.environ["UPSTREAM_PORT"])))
if __name__ == "__main__":
    server.start()
"""


class Upstream:
    """Sends one line of a response and then nothing; ``left`` is set when its client closes the connection."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.left = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(30)
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst line\n")
            while connection.recv(65536):
                pass
            self.left.set()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[AgentOSServer]:
    here: Path = tmp_path_factory.mktemp("host")
    for block in blocks_of(PAGE, "python"):
        if block.file in ("relay.py", "child_process.py", "async_agent.py"):
            (here / block.file).write_text(block.text)
    (here / "slow.py").write_text(SLOW)
    (here / "server.py").write_text(SERVER)
    command = [sys.executable, "server.py"]
    with AgentOSServer(
        {"AGENTOS_PLUGINS": "none", "AGENTOS_LOG_CONTENT": "1", "UPSTREAM_PORT": str(upstream.port)},
        cwd=here,
        workers=1,
        command=command,
    ) as server:
        yield server


def test_runs_in_processes_of_their_own_do_not_wait_for_each_other(server: AgentOSServer) -> None:
    client = Client(server.url)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post("/agents/framework/run", {"input": "Why?"}), range(4)))
    assert {answer["content"] for answer in answers} == {"You asked: Why? (0 messages before) "}


def test_a_cancelled_run_kills_its_process(server: AgentOSServer) -> None:
    client = Client(server.url)
    events = client.stream("/agents/slow/run/stream", {"input": "x"})
    run_id = next(event.run_id for event in events if event.type == "token")
    (child,) = psutil.Process(server.worker_pids()[0]).children()
    client.post(f"/runs/{run_id}/cancel", {})
    assert [event.data["code"] for event in events if event.type == "error"] == ["RUN_CANCELLED"]
    until(lambda: not child.is_running())


def test_a_cancelled_run_cuts_the_connection_that_it_waits_for(server: AgentOSServer, upstream: Upstream) -> None:
    client = Client(server.url)
    events = client.stream("/agents/relay/run/stream", {"input": "x"})
    run_id = next(event.run_id for event in events if event.type == "token")
    began = time.monotonic()
    client.post(f"/runs/{run_id}/cancel", {})
    assert upstream.left.wait(5)
    assert time.monotonic() - began < 2
    assert [event.data["code"] for event in events if event.type == "error"] == ["RUN_CANCELLED"]


def test_an_agent_that_starts_an_event_loop_is_moved_to_a_guest_process(server: AgentOSServer) -> None:
    client = Client(server.url)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post("/agents/asyncio/run", {"input": "x"}), range(4)))
    assert [answer["content"] for answer in answers] == ["slept"] * 4
    assert "an agent starts an event loop and is moved to a guest process" in server.log()


def test_any_other_value_fails_the_run(server: AgentOSServer) -> None:
    answer = Client(server.url).request("POST", "/agents/odd/run", {"input": "x"})
    assert (answer.status_code, answer.json()["details"]["cause"]) == (500, "AGENT_FAILED")
