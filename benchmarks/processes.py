"""The processes of a benchmark: the stub model, the server as it is deployed, the floor, and the load program."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import requests

from benchmarks.load import Load, encode
from benchmarks.measure import process_tree

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

# The real server, as the tests start it.
from parts.server import AgentOSServer  # type: ignore[import-not-found]  # noqa: E402

START_SECONDS = 30.0


@dataclass(frozen=True)
class Served:
    """A running server under measurement."""

    url: str
    pids: list[int]
    """Its master, first, and its workers."""

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for something that is not measured."""
        answer = requests.post(f"{self.url}/api/v1{path}", json=body, timeout=60)
        assert answer.ok, f"{answer.status_code} {answer.text}"
        return dict(answer.json())


@contextmanager
def _on(cores: Callable[[list[int]], list[int]]) -> Iterator[None]:
    """Start processes on some of the machine's cores; where there is but one, on that.

    Whether a write wakes a reader that sleeps on this core or on another one is a matter of luck otherwise, and a third
    of what a write costs.
    """
    every = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores(every) or every)
    try:
        yield
    finally:
        os.sched_setaffinity(0, every)


def _first(cores: list[int]) -> list[int]:
    """Return the core of who is measured: one worker uses no more."""
    return cores[:1]


def _others(cores: list[int]) -> list[int]:
    """Return the cores of the model and the clients."""
    return cores[1:]


def put(load: Load) -> dict[str, Any]:
    """Run the load program and return what it saw."""
    program = [sys.executable, "-m", "benchmarks.load"]
    with _on(_others):
        done = subprocess.run(program, input=encode(load), stdout=subprocess.PIPE, check=True, cwd=ROOT)
    return dict(orjson.loads(done.stdout))


@contextmanager
def stub() -> Iterator[Served]:
    """Start the stub model."""
    port = _free_port()
    with _on(_others):
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.stub", str(port)], cwd=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        _await(lambda: requests.get(f"{url}/v1/models", timeout=5).ok, process)
        yield Served(url, [process.pid])
    finally:
        process.terminate()
        process.wait()


@contextmanager
def server(
    model: str,
    home: Path,
    *,
    workers: int = 1,
    settings: Mapping[str, str] | None = None,
    everywhere: bool = False,
    app: str = "wsgi:app",
) -> Iterator[Served]:
    """Start the server in its default configuration, but for the number of workers and where the model is.

    ``everywhere``: on all cores of the machine. ``app``: another application than the checkout's.
    """
    home.mkdir(parents=True, exist_ok=True)
    env = {"OPENAI_BASE_URL": f"{model}/v1", "OPENAI_API_KEY": "benchmark", "ANTHROPIC_BASE_URL": model}
    env |= settings or {}
    port = _free_port()  # not from its log, which settings may silence
    env["AGENTOS_ADDRESS"] = f"127.0.0.1:{port}"
    url = f"http://127.0.0.1:{port}"
    with _on(list if everywhere else _first):
        started = AgentOSServer(env, cwd=home, workers=workers, app=app, wait=False)
    with started:
        _await(lambda: len(process_tree(started.pid)) > workers and requests.get(f"{url}/ready", timeout=5).ok)
        yield Served(url, process_tree(started.pid))


@contextmanager
def floor(model: str, home: Path) -> Iterator[Served]:
    """Start the floor."""
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "benchmarks/floor_conf.py"), "benchmarks.floor:app"]
    env = {"OPENAI_BASE_URL": f"{model}/v1"}
    with _on(_first):
        started = AgentOSServer(env, cwd=home, command=command, wait=False)
    with started:
        _await(lambda: len(process_tree(started.pid)) > 1 and requests.get(started.url, timeout=5).status_code == 404)
        yield Served(started.url, process_tree(started.pid))


def fresh_process(program: str, cwd: Path) -> float:
    """Return the CPU seconds of a new Python process that runs a program."""
    before = os.times()
    subprocess.run([sys.executable, "-c", program], cwd=cwd, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _await(condition: Callable[[], bool], process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with suppress(requests.ConnectionError, AssertionError):
            if condition():
                return
        if time.monotonic() > deadline or (process is not None and process.poll() is not None):
            raise RuntimeError("a process of the benchmark did not start")
        time.sleep(0.05)
