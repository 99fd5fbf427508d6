"""A cancel or a deletion, from any worker or the command line, stops what a run does within a second."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from faults.conftest import starter
from parts.client import Client, Event
from parts.model_server import ModelServer
from parts.server import AgentOSServer
from parts.waiting import until

SOON = 1.5  # a second, and what a busy machine adds
TOLD = 3.0  # a follower at another worker looks once a second whether a silent run is still there

# Agents whose model calls a tool; each tool writes down that it began, and the one in a thread that it was stopped.
APP = """
import os
import threading
import time
from pathlib import Path

from agentos import Agent, Finish, ModelProvider, ToolCallDelta, ToolContext, create_app, hookimpl, tool

FOLDER = Path(__file__).parent

class Caller(ModelProvider):
    def stream(self, request):
        yield ToolCallDelta(index=0, id="call_1", name=request.model, arguments="{}")
        yield Finish("stop")

class Plugin:
    @hookimpl
    def register_model_providers(self, register):
        register("caller", lambda config: Caller())

@tool
def threaded(context: ToolContext) -> str:
    '''Wait until the run has to stop.'''
    stopped = threading.Event()
    (FOLDER / f"{context.run_id} began").write_text(str(os.getpid()))
    try:
        with context.cancellation.cutting(stopped.set):
            stopped.wait(60)
    finally:
        (FOLDER / f"{context.run_id} stopped").write_text("")
    return "done"

@tool(isolated=True)
def isolated(context: ToolContext) -> str:
    '''Wait in a process of its own.'''
    (FOLDER / f"{context.run_id} began").write_text(str(os.getpid()))
    time.sleep(60)
    return "done"

agents = {one: Agent(id=one, model=f"caller:{one}", tools=[tool]) for one, tool in
          (("threaded", threaded), ("isolated", isolated))}
agents["model"] = Agent(id="model", model="openai:fault-silence-midway")
app = create_app(agents=agents, plugins={"caller": Plugin()})
"""


@dataclass
class Site:
    """Two workers, one of which executes the run, and the command line."""

    here: Client
    there: Client
    server: AgentOSServer
    folder: Path

    def cli(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "flask", "agentos", *arguments]
        environment = self.server.environment
        subprocess.run(command, cwd=self.folder, env=environment, check=True, capture_output=True, timeout=60)

    def text(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""


@pytest.fixture(scope="module")
def site(
    database_kind: str, request: pytest.FixtureRequest, model: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("stopping")
    (folder / "stopping.py").write_text(APP)
    database = f"sqlite:///{folder}/agentos.db"
    if database_kind == "postgresql":
        database = request.getfixturevalue("postgres_server").create_database()
    # The lease is long: what is found here is not found by it.
    settings = {"OPENAI_API_KEY": "k", "AGENTOS_LEASE_SECONDS": "60"}
    with starter(database, model, folder) as start:
        servers = [start(workers=1, app="stopping:app", **settings) for _ in range(2)]
        yield Site(Client(servers[0].url), Client(servers[1].url), servers[0], folder)


STOPS: dict[str, Callable[[Site, str, str], object]] = {
    "cancel at the same worker": lambda site, _, run: site.here.post(f"/runs/{run}/cancel", None),
    "cancel at the other worker": lambda site, _, run: site.there.post(f"/runs/{run}/cancel", None),
    "cancel by the command line": lambda site, _, run: site.cli("runs", "cancel", run, "--no-wait"),
    "delete at the same worker": lambda site, session, _: site.here.request("DELETE", f"/sessions/{session}"),
    "delete at the other worker": lambda site, session, _: site.there.request("DELETE", f"/sessions/{session}"),
    "delete by the command line": lambda site, session, _: site.cli("sessions", "delete", session),
}


class Followers:
    """Reads streams, each in a thread, and keeps the last event of each."""

    def __init__(self, streams: list[Iterator[Event]]) -> None:
        self.last: list[Event] = []
        self._threads = [threading.Thread(target=self._read, args=(one,)) for one in streams]
        for thread in self._threads:
            thread.start()

    def _read(self, events: Iterator[Event]) -> None:
        *_, last = events
        self.last.append(last)

    def wait(self, timeout: float) -> list[Event]:
        end = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return self.last


def stopped(site: Site, model: ModelServer, work: str, run_id: str, cuts: int) -> bool:
    if work == "model":
        return model.connections_cut > cuts
    if work == "threaded":
        return (site.folder / f"{run_id} stopped").exists()
    return not psutil.pid_exists(int(site.text(f"{run_id} began")))


@pytest.mark.parametrize("work", ["model", "threaded", "isolated"])
@pytest.mark.parametrize("how", STOPS)
def test_what_a_run_does_is_stopped_within_a_second_and_its_followers_are_told(
    site: Site, model: ModelServer, how: str, work: str
) -> None:
    session = site.here.session(work)
    stream = site.here.stream(f"/agents/{work}/run/stream", {"input": "go", "session_id": session})
    run_id = next(stream).run_id
    if work == "model":
        next(stream)
    else:
        until(lambda: site.text(f"{run_id} began"))
    followers = Followers([stream, site.there.follow(run_id)])
    time.sleep(0.3)
    cuts = model.connections_cut

    STOPS[how](site, session, run_id)  # of the command line, the time counts from its end
    until(lambda: stopped(site, model, work, run_id, cuts), SOON)
    ends = followers.wait(TOLD)
    assert [(event.type, event.data["code"]) for event in ends] == [("error", "RUN_CANCELLED")] * 2


@pytest.mark.parametrize("how", [how for how in STOPS if how.startswith("delete")])
def test_a_run_that_waits_its_turn_in_a_deleted_session_ends_too(site: Site, how: str) -> None:
    session = site.here.session("threaded")
    body = {"input": "go", "session_id": session}
    first = site.here.stream("/agents/threaded/run/stream", body)
    first_id = next(first).run_id
    second = site.here.stream("/agents/threaded/run/stream", body)
    second_id = next(second).run_id
    STOPS[how](site, session, first_id)
    ends = Followers([first, second]).wait(SOON)
    assert [event.data["code"] for event in ends] == ["RUN_CANCELLED"] * 2
    assert not site.text(f"{second_id} began")
