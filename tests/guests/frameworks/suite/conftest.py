"""A server with two workers that hosts a framework's agents, and the fake model that they ask."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from agentos_testing import HttpClient

from agentos.testing import Event
from guests.frameworks.catalogue import AGENTS, CATALOGUE, Framework
from parts.model_server import ModelServer
from parts.server import AgentOSServer

APP = Path(__file__).with_name("served_frameworks.py")


@dataclass
class Ended:
    """A run to its end, or its pause."""

    events: list[Event]

    @property
    def text(self) -> str:
        """The answer."""
        return "".join(event.data["token"] for event in self.of("token"))

    @property
    def last(self) -> Event:
        """How it ended."""
        return self.events[-1]

    def of(self, type: str) -> list[Event]:
        """Return the events of one type."""
        return [event for event in self.events if event.type == type]


class Hosting(AgentOSServer):
    """The server, with what tests ask of it."""

    transfers: Path
    model: ModelServer

    def run(self, agent: str, text: str = "go", **fields: Any) -> Ended:
        """Return all events of a run."""
        ended = Ended(list(self.client.stream(agent, text, **fields)))
        assert ended.last.type in ("complete", "error", "paused"), ended.events
        return ended

    def running(self, agent: str) -> list[str]:
        """Return the ids of an agent's runs that are under way."""
        runs = self.client.get(f"/api/v1/runs?agent_id={agent}&status=running").json["runs"]
        return [run["run_id"] for run in runs]

    def status(self, run_id: str) -> dict[str, Any]:
        """Return what the API says of a run."""
        return dict(self.client.get(f"/api/v1/runs/{run_id}").json)

    def guests(self) -> list[int]:
        """Return the guest processes that the server has, by their adapters' option."""
        found = []
        for folder in Path("/proc").iterdir():
            try:
                command = (folder / "cmdline").read_bytes()
                environment = (folder / "environ").read_bytes()
            except OSError:
                continue
            if b"agentos_guest" in command and f"TRANSFERS={self.transfers}".encode() in environment:
                found.append(int(folder.name))
        return found


Start = Callable[[], Hosting]


@pytest.fixture(scope="session")
def framework() -> Framework:
    return CATALOGUE[os.environ["AGENTOS_GUESTS_FRAMEWORK"]]


@pytest.fixture(scope="session")
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@contextmanager
def hosting(framework: Framework, model: ModelServer, folder: Path, **settings: str) -> Iterator[Hosting]:
    """Serve from a folder; again from the same folder, it is the same deployment."""
    shutil.copy(APP, folder)
    not_offered = framework.not_offered()
    environment = {
        "AGENTOS_PLUGINS": framework.name,
        "AGENTOS_ALLOW_ANONYMOUS": "1",
        "AGENTOS_MAX_RUNS_PER_OWNER": "1000",
        "AGENTOS_RATE_LIMIT": "none",
        "AGENTOS_REQUEST_TIMEOUT": "4",
        "AGENTOS_DATABASE_URL": f"sqlite:///{folder}/runs.db",
        "HOSTED_PYTHON": os.environ["AGENTOS_GUESTS_PYTHON"],
        "HOSTED_MODULE": framework.module,
        "HOSTED_FOLDER": str(framework.folder),
        "HOSTED_PROCESSES": str(framework.processes),
        "HOSTED_EXCLUSIVE": "1" if framework.exclusive else "",
        "HOSTED_AGENTS": " ".join(name for name in AGENTS if name not in not_offered),
        "FAKE_MODEL_URL": model.url,
        "TRANSFERS": str(folder / "transfers"),
        **settings,
    }
    server = Hosting(environment, cwd=folder, app="served_frameworks:app")
    server.transfers, server.model = folder / "transfers", model
    with server:
        # All processes have loaded their framework, so that no time of a test is that of a start.
        with ThreadPoolExecutor(framework.processes) as pool:
            warm = [pool.submit(server.run, "words", "say 40 warm") for _ in range(framework.processes)]
            assert all(run.result().text.endswith("warm-39 ") for run in warm), server.log()
        yield server


@pytest.fixture(scope="module")
def server(framework: Framework, model: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosting]:
    with hosting(framework, model, tmp_path_factory.mktemp("hosting")) as server:
        yield server


@pytest.fixture
def client(server: Hosting) -> HttpClient:
    return server.client


@pytest.fixture(autouse=True)
def offered(request: pytest.FixtureRequest, framework: Framework) -> None:
    """Skip a test of an agent that the framework has not, with its reason."""
    for mark in request.node.iter_markers("needs"):
        for agent in mark.args:
            if reason := framework.not_offered().get(agent):
                pytest.skip(f"{framework.name} has no {agent}: {reason}")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(agent): the test needs an agent that not each framework has")
