"""Isolated tools in the server as it is deployed: whatever they do, the other streams of the worker keep their pace."""

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from parts.client import Client
from parts.server import AgentOSServer

# An agent for each tool, whose model calls the tool and then says what came of it.
APP = """
from agentos import Agent, Finish, ModelProvider, TextDelta, ToolCallDelta, create_app, hookimpl
from tools.isolated_examples import compute, compute_in_one_call, family, hoard

class Caller(ModelProvider):
    def stream(self, request):
        last = request.messages[-1]
        if last.role == "tool":
            yield TextDelta(last.content)
        else:
            yield ToolCallDelta(index=0, id="call_1", name=request.model, arguments="{}")
        yield Finish("stop")

class Plugin:
    @hookimpl
    def register_model_providers(self, register):
        register("caller", lambda config: Caller())

TOOLS = (compute, compute_in_one_call, family, hoard)
agents = {one.__name__: Agent(id=one.__name__, model=f"caller:{one.__name__}", tools=[one]) for one in TOOLS}
app = create_app(agents=agents, plugins={"caller": Plugin()})
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentOSServer]:
    folder = tmp_path_factory.mktemp("isolated")
    (folder / "isolating.py").write_text(APP)
    settings = {
        "AGENTOS_DATABASE_URL": "memory://",
        "AGENTOS_MODEL": "scripted:slow-60x0.05",
        "AGENTOS_TOOL_TIMEOUT": "2",
        "AGENTOS_TOOL_MEMORY": "128MiB",
        "PYTHONPATH": f"{folder}:{Path(__file__).parents[1]}:{Path(__file__).parents[2]}",
    }
    with AgentOSServer(settings, cwd=folder, workers=1, app="isolating:app") as server:
        yield server


def test_other_streams_keep_their_pace_while_isolated_tools_compute_and_take_memory(server: AgentOSServer) -> None:
    client = Client(server.url)
    times: list[float] = []
    answers: dict[str, str] = {}

    def listen() -> None:
        times.extend(
            time.monotonic()
            for event in client.stream("/agents/assistant/run/stream", {"input": "go"})
            if event.type == "token"
        )

    def ask(agent: str) -> None:
        answers[agent] = client.post(f"/agents/{agent}/run", {"input": "go"})["content"]

    listener = threading.Thread(target=listen)
    askers = [threading.Thread(target=ask, args=(one,)) for one in ("compute", "compute_in_one_call", "hoard")]
    for thread in (listener, *askers):
        thread.start()
    for thread in (listener, *askers):
        thread.join(30)

    late = "did not return within 2 s and was stopped"
    assert answers == {
        "compute": f"tool 'compute' {late}",
        "compute_in_one_call": f"tool 'compute_in_one_call' {late}",
        "hoard": "tool 'hoard' failed: it needs more memory than 128 MiB",
    }
    assert len(times) == 60
    assert max(after - before for before, after in pairwise(times)) < 0.5


def test_nothing_is_left_of_isolated_processes(server: AgentOSServer) -> None:
    (worker,) = server.worker_pids()
    client = Client(server.url)
    process, parent, _ = (
        int(text) for text in client.post("/agents/family/run", {"input": "go"})["content"].strip("[]").split(",")
    )
    assert parent == worker
    assert not psutil.pid_exists(process)
    assert psutil.Process(worker).children() == []
