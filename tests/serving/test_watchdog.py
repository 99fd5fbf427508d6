"""What holds a worker is named in the log; a machine that does not let the worker run is not."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agentos.serving.watchdog import Reading, held
from parts.server import AgentOSServer

PROGRAM = '''
import time
from gevent import monkey
import agentos

block = monkey.get_original("time", "sleep")


def crunch(seconds: float) -> str:
    """Compute for some seconds of a processor's time, however busy the machine is."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(1000))
    return "done"


def nap(seconds: float) -> str:
    """Block in the operating system."""
    block(seconds)
    return "done"


def add(count: int) -> str:
    """Make one long call in C, which no other thread interrupts."""
    return str(sum(range(count)))


def wait(seconds: float) -> str:
    """Wait as others do."""
    time.sleep(seconds)
    return "done"


class Thinker:
    def stream(self, context):
        crunch(0.6)
        yield "done"


server = agentos.AgentOS()
for tool in (crunch, nap, add, wait):
    server.register_tool(tool)
server.register_agent("thinker", Thinker())
app = server.app
'''


HOG = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
for _ in range(3):
    end = time.monotonic() + 0.7
    while time.monotonic() < end:
        pass
    time.sleep(0.3)
"""
"""Takes a processor from all others, three times."""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., AgentOSServer]]:
    (tmp_path / "program.py").write_text(PROGRAM, "utf-8")
    servers: list[AgentOSServer] = []

    def make(**env: str) -> AgentOSServer:
        servers.append(AgentOSServer(env, cwd=tmp_path, workers=1, plugins="none", app="program:app"))
        return servers[-1]

    yield make
    for server in servers:
        server.kill()


def ask(server: AgentOSServer, tool: str, **arguments: Any) -> None:
    with suppress(OSError):  # the server ends before its answer
        server.client.post(f"/api/v1/tools/{tool}/call", {"arguments": arguments})


def call(server: AgentOSServer, tool: str, **arguments: Any) -> None:
    answer = server.client.post(f"/api/v1/tools/{tool}/call", {"arguments": arguments})
    assert answer.status == 200, answer.text


def lines_of(server: AgentOSServer) -> list[dict[str, Any]]:
    return [record for record in server.records() if record["logger"] == "agentos.serving.watchdog"]


def first_of(server: AgentOSServer) -> dict[str, Any]:
    server.wait_for(lambda: lines_of(server), 20, "named")
    return lines_of(server)[0]


@pytest.mark.parametrize(
    ("tool", "arguments", "line"),
    [
        ("crunch", {"seconds": 0.8}, "sum(range(1000))"),
        ("nap", {"seconds": 0.8}, "block(seconds)"),
    ],
)
def test_a_tool_that_holds_the_worker_is_named_with_its_stack(
    start: Callable[..., AgentOSServer], tool: str, arguments: dict[str, Any], line: str
) -> None:
    server = start()
    call(server, tool, **arguments)
    is_named(server, first_of(server), tool, line)


def test_a_long_call_in_c_is_named_nearly_always(start: Callable[..., AgentOSServer]) -> None:
    """The watching thread gets Python's lock when the call is over, and now and then another thread is quicker."""
    server = start()
    found: list[dict[str, Any]] = []
    for _ in range(5):
        call(server, "add", count=40_000_000)
        server.wait_for(lambda: lines_of(server), 20, "logged")
        found = [record for record in lines_of(server) if record.get("tool") == "add"]
        if found:
            break
    assert found, lines_of(server)
    is_named(server, found[0], "add", "return str(sum(range(count)))")


def is_named(server: AgentOSServer, found: dict[str, Any], tool: str, line: str) -> None:
    assert (found["level"], found["tool"]) == ("warning", tool)
    assert f"tool '{tool}' held this worker" in found["message"]
    assert found["seconds"] > 0.2
    [place] = [entry for entry in found["stack"] if entry.endswith(f" {tool}")]
    number = int(place.rpartition(":")[2].split()[0])
    assert place.startswith(str(server.cwd / "program.py"))
    lines = PROGRAM.splitlines()
    assert any(line in lines[near] or "thread_time" in lines[near] for near in (number - 1, number - 2)), place


def test_an_agent_that_holds_the_worker_is_named_with_its_run(start: Callable[..., AgentOSServer]) -> None:
    server = start()
    run = server.client.post("/api/v1/agents/thinker/run", {"input": "Hi"}).json
    found = first_of(server)
    assert found["run_id"] == run["run_id"]
    assert "tool" not in found
    assert any(entry.endswith(" Thinker.stream") for entry in found["stack"])


def test_what_waits_as_it_should_is_not_named(start: Callable[..., AgentOSServer]) -> None:
    server = start()
    call(server, "wait", seconds=1.5)
    call(server, "crunch", seconds=0.8)  # the line that comes next is this one's
    assert first_of(server)["tool"] == "crunch"


def test_it_can_be_switched_off_and_needs_as_long_as_the_setting_says(start: Callable[..., AgentOSServer]) -> None:
    off, patient = start(AGENTOS_HOLD_WARNING="0"), start(AGENTOS_HOLD_WARNING="1")
    call(off, "crunch", seconds=0.8)
    call(patient, "crunch", seconds=0.5)
    call(patient, "crunch", seconds=1.8)
    assert first_of(patient)["seconds"] > 1
    assert lines_of(off) == []


def test_repeats_are_counted(start: Callable[..., AgentOSServer]) -> None:
    server = start()
    deadline = time.monotonic() + 60
    while not any("repeated" in record for record in lines_of(server)) and time.monotonic() < deadline:
        call(server, "nap", seconds=0.5)
    once, again = lines_of(server)[:2]
    assert "repeated" not in once
    assert again["repeated"] >= 2


def test_what_never_ends_is_named_while_it_goes_on(start: Callable[..., AgentOSServer]) -> None:
    server = start()
    threading.Thread(target=ask, args=(server, "crunch"), kwargs={"seconds": 60}, daemon=True).start()
    server.wait_for(lambda: "held this worker" in server.log(), 50, "named before it ends")
    [found] = lines_of(server)
    assert found["tool"] == "crunch"
    assert found["message"].endswith("it still does")
    assert 5 <= found["seconds"] < 50


def test_a_worker_that_was_stopped_is_no_false_alarm(start: Callable[..., AgentOSServer]) -> None:
    server = start()
    [worker] = server.worker_pids()
    os.kill(worker, signal.SIGSTOP)
    time.sleep(1.5)  # the time of the stop itself
    os.kill(worker, signal.SIGCONT)
    call(server, "wait", seconds=0.5)
    call(server, "crunch", seconds=0.8)
    found = first_of(server)
    assert found["tool"] == "crunch"
    assert len(lines_of(server)) == 1


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="only Linux tells who waits for a processor")
def test_a_worker_without_a_processor_is_no_false_alarm(start: Callable[..., AgentOSServer]) -> None:
    server = start()
    [worker] = server.worker_pids()
    core = min(os.sched_getaffinity(0))
    # The loop's thread alone: the one that watches it may be awake all the time.
    os.sched_setaffinity(worker, {core})
    waited = delay_of(worker)
    hog = subprocess.run([sys.executable, "-c", HOG, str(core)], timeout=60, check=False)
    if hog.returncode:
        pytest.skip("this user may not take a processor from others")
    if delay_of(worker) - waited < 1:
        pytest.skip("the system did not give all of a processor to the program that takes it")
    call(server, "crunch", seconds=0.8)
    assert first_of(server)["tool"] == "crunch"


@pytest.mark.parametrize(
    ("computed", "delayed", "watched", "expected"),
    [
        (1.0, 0.0, 1.0, 1.0),  # it computes
        (1.0, 0.0, 0.0, 1.0),  # in C, so that not even the watching thread runs
        (0.0, 0.0, 1.0, 1.0),  # it is blocked in the operating system
        (0.0, 0.0, 0.0, 0.1),  # the process was stopped, or the machine was: nothing ran
        (0.1, 0.9, 1.0, 0.1),  # others had the processor, of this thread alone
        (0.1, 0.9, 0.1, 0.1),  # and of all threads
        (0.4, 0.6, 1.0, 0.4),  # it computes, and has not enough of a processor
    ],
)
def test_only_time_in_which_it_could_have_turned_counts(
    computed: float, delayed: float, watched: float, expected: float
) -> None:
    since, now = Reading(5.0, 2.0, 3.0, 4.0), Reading(6.0, 2.0 + computed, 3.0 + delayed, 4.0 + watched)
    assert held(since, now, 0.05) == pytest.approx(expected)


def delay_of(pid: int) -> float:
    """Return how many seconds the main thread of a process has waited for a processor."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1]) / 1e9
