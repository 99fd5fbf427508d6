"""The life of plugins under gunicorn: each worker starts them once, and stops them once behind its runs."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from parts.client import Client
from parts.server import AgentOSServer
from parts.waiting import until

# Each worker writes what happens into one file, a line each: appending a short line is atomic.
APP = """
import os
import time

from agentos import Agent, Toolkit, create_app, hookimpl, tool


def note(what):
    with open("life.txt", "a") as file:
        file.write(f"{os.getpid()} {what}\\n")


class Notes(Toolkit):
    @tool
    def write(self, text: str) -> None:
        '''Write a note.'''

    def close(self):
        note("close")


class Life:
    @hookimpl
    def register_tools(self, register):
        register(Notes())

    @hookimpl
    def server_start(self, server):
        note("start")
        WRONG_START

    @hookimpl
    def server_stop(self, server):
        note(f"stop with {server.agents.get('slow').id}")
        WRONG_STOP

    @hookimpl
    def run_finished(self, run):
        note(f"finished {run.status.value}")

DECIDING

plugins = {"life": Life()}
app = create_app(agents={"slow": Agent(id="slow", model="scripted:slow-10x0.1")}, plugins=plugins)
"""

Serve = Callable[..., AgentOSServer]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    servers = []

    def start(*, start: str = "pass", stop: str = "pass", deciding: str = "", **options: Any) -> AgentOSServer:
        text = APP.replace("WRONG_START", start).replace("WRONG_STOP", stop).replace("DECIDING", deciding)
        (tmp_path / "living.py").write_text(text)
        env = {"AGENTOS_DATABASE_URL": f"sqlite:///{tmp_path}/a.db", **options.pop("env", {})}
        servers.append(AgentOSServer(env, cwd=tmp_path, app="living:app", plugins="", **options))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


def life(server: AgentOSServer) -> dict[int, list[str]]:
    """Return what happened in each worker."""
    found: dict[int, list[str]] = {}
    for line in (server.cwd / "life.txt").read_text().splitlines():
        pid, _, what = line.partition(" ")
        found.setdefault(int(pid), []).append(what)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_each_worker_starts_and_stops_its_plugins_once(serve: Serve, number: int) -> None:
    server = serve(workers=2)
    workers = server.worker_pids()
    assert life(server) == {pid: ["start"] for pid in workers}
    assert server.stop(number) == 0
    assert life(server) == {pid: ["start", "stop with slow", "close"] for pid in workers}


def test_plugins_stop_after_the_runs_of_their_worker(serve: Serve) -> None:
    server = serve(workers=2)
    client = Client(server.url)
    for _ in range(4):
        client.post("/agents/slow/run", {"input": "go", "background": True})
    assert server.stop() == 0
    ran = life(server).values()
    assert sum(one.count("finished completed") for one in ran) == 4
    for one in ran:
        assert one[0] == "start"
        assert one[-2:] == ["stop with slow", "close"]


def test_a_worker_that_replaces_another_starts_them_anew(serve: Serve) -> None:
    server = serve(workers=2)
    before = server.worker_pids()
    server.process.send_signal(signal.SIGHUP)
    until(lambda: len(life(server)) == 4, 30)
    until(lambda: all(life(server)[pid][-1] == "close" for pid in before), 30)
    assert {tuple(life(server)[pid]) for pid in before} == {("start", "stop with slow", "close")}


def test_plugins_that_do_not_stop_hold_up_the_end_for_a_second_at_most(serve: Serve) -> None:
    server = serve(workers=2, stop="time.sleep(60)")
    workers = server.worker_pids()
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 10
    assert life(server) == {pid: ["start", "stop with slow", "close"] for pid in workers}
    late = [one for one in server.records() if one.get("hook") == "server_stop"]
    assert [one["plugin"] for one in late] == ["life", "life"]


def test_a_plugin_that_fails_to_start_and_decides_ends_the_deployment_in_one_line(serve: Serve) -> None:
    deciding = "def before_run(self, request, agent): return None\nLife.before_run = hookimpl(before_run)"
    server = serve(workers=2, start="raise RuntimeError('no rules')", deciding=deciding, wait=False)
    assert server.process.wait(30) not in (0, -9)
    line = server.log().strip().splitlines()[-1]
    assert "plugin 'life' is broken: server_start failed: RuntimeError: no rules; it decides what is allowed" in line


def test_a_plugin_that_fails_to_start_and_decides_nothing_is_logged_and_the_server_serves(serve: Serve) -> None:
    server = serve(workers=1, start="raise RuntimeError('its broker is away')")
    assert Client(server.url).post("/agents/slow/run", {"input": "go"})["status"] == "completed"
    (failed,) = [one for one in server.records() if one.get("hook") == "server_start"]
    assert failed["plugin"] == "life"
