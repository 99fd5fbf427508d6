"""Agents and tools with `async def`, and those that start an event loop, on a real server with two workers."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from parts.client import Client
from parts.server import AgentOSServer
from parts.waiting import until

POETS = '''
"""Agents and a tool in a module of their own."""
import asyncio, os, sys
from agentos import tool

class Poet:
    name = "Poet"
    allow_overrides = ("seed",)
    async def stream(self, context):
        for number in range(40):
            yield f"{context.input}-{number} "
            await asyncio.sleep(0.002)

class Made:
    """Has something in it, so that another one is not the same."""
    def __init__(self, words):
        self.words = words
    async def stream(self, context):
        context.emit("progress", {"of": self.words})
        yield self.words

class Pid:
    async def stream(self, context):
        yield str(os.getpid())

@tool(isolated=True)
async def apart(a: int) -> str:
    """Do it in a process of its own."""
    await asyncio.sleep(0)
    return f"{a} {'agentos_guest' in sys.modules}"

poet = Poet()
'''
SERVER = '''
import asyncio, sys, time
from agentos import AgentOS, Config, ToolContext, tool
from poets import Made, Pid, apart, poet

class Here:
    """In the program itself."""
    async def stream(self, context):
        answer = context.ask("Which city?", {"type": "string"}) if context.input == "ask" else "none"
        yield f"{len(context.history)} {answer} {context.overrides.parameters}"

class StartsALoop:
    """Written for a thread of its own, as most frameworks' examples are."""
    def stream(self, context):
        yield asyncio.run(self.words(context.input))
    async def words(self, text):
        await asyncio.sleep(0.05)
        return f"{text} {'agentos_guest' in sys.modules}"

class AsksForALoop:
    def stream(self, context):
        yield asyncio.get_event_loop().run_until_complete(asyncio.sleep(0, "asked"))

class StartsLate:
    def stream(self, context):
        if context.input == "said":
            yield "said "
        elif context.input == "wrote":
            context.emit("progress", 1)
        elif context.input == "waited":
            time.sleep(0.01)
        asyncio.new_event_loop().run_until_complete(asyncio.sleep(0))
        yield "and more"

def closure():
    class Inner:
        def __init__(self): self.kept = []
        def stream(self, context):
            yield asyncio.run(asyncio.sleep(0, "never"))
    return Inner()

@tool
async def add(a: int, b: int) -> int:
    """Add."""
    await asyncio.sleep(0.01)
    return a + b

@tool
async def tells(context: ToolContext, what: str) -> dict:
    """Tell what it was given."""
    context.emit("told", {"what": what})
    return {"owner": context.owner, "agent": context.agent_id, "what": what}

@tool
async def breaks() -> str:
    """Break."""
    raise RuntimeError("sk-secret-123456789012345678901234567890")

@tool(timeout=0.5)
async def sleeps() -> str:
    """Sleep."""
    await asyncio.sleep(60)
    return "slept"

@tool
def loops(a: int) -> str:
    """Start a loop."""
    return asyncio.run(asyncio.sleep(0.01, f"{a} {'agentos_guest' in sys.modules}"))

@tool
def loops_late() -> str:
    """Wait, then start a loop."""
    time.sleep(0.01)
    return asyncio.run(asyncio.sleep(0, "never"))

server = AgentOS(Config(address="127.0.0.1:0", workers=2))
server.register_agent("poet", poet)
server.register_agent("made", Made("made here"))
server.register_agent("here", Here())
server.register_agent("pid", Pid())
server.register_agent("loop", StartsALoop())
server.register_agent("asks", AsksForALoop())
server.register_agent("late", StartsLate())
for one in (apart, add, tells, breaks, sleeps, loops, loops_late):
    server.register_tool(one)
if __name__ == "__main__":
    server.register_agent("closure", closure())
    server.start()
'''


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentOSServer]:
    here: Path = tmp_path_factory.mktemp("async")
    (here / "poets.py").write_text(POETS)
    (here / "server.py").write_text(SERVER)
    env = {"AGENTOS_PLUGINS": "none", "AGENTOS_LOG_CONTENT": "1"}
    with AgentOSServer(env, cwd=here, command=[sys.executable, "server.py"]) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: AgentOSServer) -> Client:
    return Client(server.url)


def run(client: Client, agent: str, text: str = "Hi", **fields: Any) -> Any:
    return client.post(f"/agents/{agent}/run", {"input": text, **fields})


def failure(client: Client, agent: str, text: str) -> Any:
    answer = client.request("POST", f"/agents/{agent}/run", {"input": text})
    assert answer.status_code == 500, answer.text
    return answer.json()


def call(client: Client, tool: str, **arguments: Any) -> Any:
    return client.post(f"/tools/{tool}/call", {"arguments": arguments})


def test_twenty_at_once_say_what_each_was_asked(client: Client) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda one: run(client, "poet", f"p{one}")["content"], range(20)))
    assert answers == ["".join(f"p{one}-{number} " for number in range(40)) for one in range(20)]


def test_an_agent_of_the_program_is_found_by_its_id(client: Client) -> None:
    assert run(client, "made")["content"] == "made here"
    assert run(client, "here")["content"] == "0 none {}"


def test_it_is_shown_as_any_other(client: Client) -> None:
    shown = client.get("/agents/poet")
    assert (shown["name"], shown["source"]) == ("Poet", "code")


def test_all_workers_share_one_process(client: Client, server: AgentOSServer) -> None:
    pids = {run(client, "pid")["content"] for _ in range(10)}
    assert len(pids) == 1
    assert int(pids.pop()) not in server.worker_pids()


def test_a_question_pauses_and_its_answer_continues(client: Client) -> None:
    paused = client.request("POST", "/agents/here/run", {"input": "ask", "session_id": client.session("here")}).json()
    (action,) = paused["pending"]
    assert (paused["status"], action["kind"], action["message"]) == ("paused", "input", "Which city?")
    client.post(f"/runs/{paused['run_id']}/resume", {"answers": [{"id": action["id"], "output": "Paris"}]})
    until(lambda: client.get(f"/runs/{paused['run_id']}")["status"] == "completed")
    assert client.get(f"/runs/{paused['run_id']}")["content"] == "0 Paris {}"


def test_a_sync_agent_that_starts_a_loop_is_moved(client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: run(client, "loop", f"p{one}")["content"], range(16)))
    assert answers == [f"p{one} True" for one in range(16)]


def test_one_that_asks_for_a_loop_that_is_there_fails_with_a_sentence(client: Client) -> None:
    assert "make it `async def`, or declare it as `Guest(" in failure(client, "asks", "Hi")["message"]


@pytest.mark.parametrize("text", ["said", "wrote", "waited"])
def test_one_that_has_begun_fails_with_a_sentence(client: Client, text: str) -> None:
    said = failure(client, "late", text)["message"]
    assert said == (
        "agent 'late' starts an event loop, which a worker cannot run; make it `async def`, or declare it as"
        ' `Guest("package.module:name")`'
    )


def test_one_that_cannot_be_imported_fails_with_a_sentence(client: Client) -> None:
    assert "make it `async def`, or declare it as `Guest(" in failure(client, "closure", "Hi")["message"]


def test_async_tools_are_called(client: Client) -> None:
    assert call(client, "add", a=2, b=3)["result"] == "5"
    with ThreadPoolExecutor(8) as pool:
        assert [one["result"] for one in pool.map(lambda n: call(client, "add", a=n, b=1), range(16))] == [
            str(n + 1) for n in range(16)
        ]


def test_the_context_of_an_async_tool_says_whose_run_it_is(client: Client) -> None:
    assert call(client, "tells", what="x")["result"] == '{"owner":"anonymous","agent":"","what":"x"}'


def test_an_isolated_one_has_a_process_of_its_own(client: Client) -> None:
    assert call(client, "apart", a=7)["result"] == "7 False"


def test_arguments_are_checked_before_the_call(client: Client) -> None:
    answer = client.request("POST", "/tools/add/call", {"arguments": {"a": "two", "b": 3}})
    assert answer.status_code == 400


def test_an_error_is_data_without_its_secret(client: Client) -> None:
    error = call(client, "breaks")["error"]
    assert error.startswith("tool 'breaks' failed: RuntimeError")
    assert "123456789012345678901234567890" not in error


def test_a_tool_that_does_not_return_is_given_up(client: Client) -> None:
    error = call(client, "sleeps")["error"]
    assert error == "tool 'sleeps' did not return within 0.5 s and was given up; it may still take effect"


def test_a_sync_tool_that_starts_a_loop_is_moved(client: Client) -> None:
    assert call(client, "loops", a=7)["result"] == "7 True"
    assert call(client, "loops", a=8)["result"] == "8 True"


def test_a_sync_tool_that_has_waited_fails_with_a_sentence(client: Client) -> None:
    assert call(client, "loops_late")["error"] == (
        "tool 'loops_late' failed: it starts an event loop, which a worker cannot run; make it `async def`, or declare"
        ' it as `Guest("package.module:name")`'
    )
