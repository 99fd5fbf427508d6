"""File descriptors: the limit is raised at start, and a server that has none left stays a server."""

import resource
import sys
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from agentos.serving import descriptors
from parts.raw import RawClient
from parts.server import ROOT, AgentOSServer
from parts.waiting import until

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
GUNICORN = ["-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py")]
LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
PROGRAM = "from agentos import AgentOS; AgentOS().start()"
STARTS = {
    "gunicorn": [*GUNICORN, "wsgi:app"],
    "flask agentos serve": ["-m", "flask", "--app", "wsgi:app", "agentos", "serve"],
    "AgentOS.start": ["-c", PROGRAM],
}


def start(folder: Path, command: list[str], *, soft: int, hard: int, **settings: str) -> AgentOSServer:
    """Start a server in a process with these limits of open files."""
    limited = [sys.executable, "-c", LIMITED.format(soft=soft, hard=hard), *command]
    server = AgentOSServer(
        {"AGENTOS_PLUGINS": "none", "AGENTOS_MODEL": "scripted:echo", **settings},
        cwd=folder,
        workers=1,
        command=limited,
        wait=False,
    )
    try:
        server.wait_ready()
    except BaseException:
        server.kill()
        raise
    return server


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
def test_the_soft_limit_is_raised_to_the_hard_one_however_the_server_is_started(tmp_path, command):
    with start(tmp_path, command, soft=256, hard=4096) as server:
        (worker,) = server.worker_pids()

        assert psutil.Process(worker).rlimit(psutil.RLIMIT_NOFILE) == (4096, 4096)
        assert "the limit of open files is too low" in server.log()  # for the 2000 connections that are set


@pytest.mark.parametrize(
    ("limit", "served"), [(20, 5), (256, 64), (1024, 448), (4096, 1984), (4224, 2000), (2**31, 2000)]
)
def test_no_more_connections_are_promised_than_there_are_descriptors_for(limit, served):
    assert descriptors.connections(2000, limit) == served
    assert served * descriptors.OF_A_CONNECTION < limit


def test_fewer_connections_than_set_are_served_where_the_limit_is_low(tmp_path):
    with start(tmp_path, STARTS["gunicorn"], soft=256, hard=256) as server, ExitStack() as stack:
        (worker,) = server.worker_pids()
        for _ in range(100):
            client = stack.enter_context(RawClient(server.url))
            assert client.send(GET).answer().status == 200

        assert psutil.Process(worker).num_fds() < 256
        warned = [one for one in server.records() if one["message"].startswith("the limit of open files is too low")]
        assert [(one["wanted"], one["served"]) for one in warned] == [(2000, 64)]
    assert "no file descriptors are left" not in server.log()


def test_without_descriptors_the_idle_connections_are_closed_first(tmp_path):
    """A flag of gunicorn's promises more connections than there are descriptors for."""
    command = [*GUNICORN, "--worker-connections", "1000", "wsgi:app"]
    with start(tmp_path, command, soft=120, hard=120) as server, ExitStack() as stack:
        (worker,) = server.worker_pids()
        clients = []
        for _ in range(300):
            client = stack.enter_context(RawClient(server.url))
            assert client.send(GET).answer().status == 200
            clients.append(client)

        assert not clients[0].receive()  # the oldest of them
        assert clients[-1].send(GET).answer().status == 200
        for client in clients:
            client.close()
        until(lambda: psutil.Process(worker).num_fds() < 60)
        with RawClient(server.url) as client:
            assert client.send(GET).answer().status == 200
        told = [one for one in server.records() if one["message"].startswith("no file descriptors are left")]
        assert [one["level"] for one in told] == ["warning"]
        assert server.worker_pids() == [worker]
    assert "Traceback" not in server.log()


def test_without_descriptors_and_idle_connections_new_ones_wait_and_the_worker_rests(tmp_path):
    command = [*GUNICORN, "--worker-connections", "1000", "wsgi:app"]
    settings = {"AGENTOS_HEADER_TIMEOUT": "3"}
    with start(tmp_path, command, soft=120, hard=120, **settings) as server, ExitStack() as stack:
        (worker,) = server.worker_pids()
        for _ in range(200):
            stack.enter_context(RawClient(server.url)).send(b"GET /hea")
        until(lambda: "no file descriptors are left" in server.log())
        before = sum(psutil.Process(worker).cpu_times()[:2])
        with RawClient(server.url, timeout=20) as client:
            assert client.send(GET).answer().status == 200  # once those who never say anything have been given up

        assert sum(psutil.Process(worker).cpu_times()[:2]) - before < 2
        assert server.worker_pids() == [worker]
    assert "Traceback" not in server.log()


def test_the_limit_of_this_process_is_read() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    assert (descriptors.limit(), descriptors.limit(raised=True)) == (soft, hard)
