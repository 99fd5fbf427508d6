"""Starts a peer as the catalogue says, in a directory of its own, on the core on which AgentOS is measured too."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from benchmarks.measure import process_tree
from benchmarks.peers.catalogue import Peer
from benchmarks.processes import Served

# Found by what the import above has put on the path.
from parts.server import AgentOSServer  # type: ignore[import-not-found]  # isort: skip
from parts.virtual_environments import Unavailable  # type: ignore[import-not-found]  # isort: skip

SERVERS = Path(__file__).parent / "servers"

START_SECONDS = 90.0
"""Some load very much, and compile it the first time."""


@contextmanager
def serving(name: str, peer: Peer, programs: Path, model: str, home: Path) -> Iterator[Served]:
    """Serve a peer until the end of the block; raises :class:`Unavailable` with what it said if it does not start."""
    shutil.copytree(SERVERS / name, home)
    known = {"bin": str(programs), "port": str(_free_port())}
    env = {variable: value.format(**known) for variable, value in peer.env.items()}
    # What it keeps for its user, such as whether he agreed to telemetry, is in the copy.
    env |= {"HOME": str(home), "OPENAI_BASE_URL": f"{model}/v1", "OPENAI_API_KEY": "benchmark", "PYTHONPATH": ""}
    command = [part.format(**known) for part in peer.command]
    server = AgentOSServer(env, cwd=home, command=command, wait=False)
    os.sched_setaffinity(server.pid, sorted(os.sched_getaffinity(0))[:1])
    url = f"http://127.0.0.1:{known['port']}"
    try:
        _await(server, url + peer.ready)
        yield Served(url, process_tree(server.pid))
    finally:
        with suppress(AssertionError):  # it did not end in time, and was killed
            server.stop(timeout=10)


def _await(server: AgentOSServer, url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.process.poll() is None and time.monotonic() < deadline:
        with suppress(requests.RequestException):
            if requests.get(url, timeout=5).ok:
                return
        time.sleep(0.2)
    said = (server.log() + server.output()).strip().splitlines() or ["nothing"]
    raise Unavailable(f"could not be served; the last that it said: {said[-1]}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
