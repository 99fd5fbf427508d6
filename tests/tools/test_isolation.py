"""Isolated tools: what they give back, what their limits do, and that nothing of them is left."""

import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from agentos.cancellation import Cancellation
from agentos.domain.event import ToolCallEvent
from agentos.domain.message import ToolCall
from agentos.errors import PluginError, RunCancelled
from agentos.testing.tools import ToolContract
from agentos.tools.context import ToolContext
from agentos.tools.executor import ToolExecutor
from agentos.tools.isolation import Isolation
from agentos.tools.tool import Tool, Toolkit, as_tool, tool
from tools import isolated_examples as examples


def run(
    calls: Sequence[tuple[Callable[..., Any], dict[str, Any]]],
    *,
    timeout: float = 20,
    isolation: Isolation | None = None,
    max_result_size: int = 64 * 1024,
    **fields: Any,
) -> list[ToolCallEvent]:
    tools = {as_tool(function).name: as_tool(function) for function, _ in calls}
    wanted = [
        ToolCall(f"call-{number}", function.__name__, orjson.dumps(arguments).decode())
        for number, (function, arguments) in enumerate(calls)
    ]
    executor = ToolExecutor(timeout, max_result_size, isolation=isolation)
    return list(executor.execute(wanted, tools, ToolContext(**{"run_id": "run-1", "agent_id": "clerk", **fields})))


def end_of(function: Callable[..., Any], arguments: dict[str, Any] | None = None, **given: Any) -> ToolCallEvent:
    return run([(function, arguments or {})], **given)[-1]


def result_of(function: Callable[..., Any], arguments: dict[str, Any] | None = None, **given: Any) -> Any:
    event = end_of(function, arguments, **given)
    assert event.error is None
    assert event.result is not None
    return orjson.loads(event.result)


def gone(pid: int, within: float = 2.0) -> bool:
    """Whether a process is no more, or no more than an entry that init has yet to remove."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def pids_in(note: Path) -> list[int]:
    deadline = time.monotonic() + 10
    while not note.exists() or len(note.read_text().split()) < 2:
        assert time.monotonic() < deadline, "the tool did not start"
        time.sleep(0.02)
    return [int(pid) for pid in note.read_text().split()]


# --- what it gives back ---------------------------------------------------------------------------------------------


def test_arguments_arrive_as_the_types_that_the_function_wants() -> None:
    arguments = {"day": "2026-01-31", "point": {"x": 4}, "times": 2}
    assert result_of(examples.describe, arguments) == {"day": 2026, "point": "Point", "x": 8}


def test_arguments_that_are_not_accepted_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/there/is/no/python")
    event = end_of(examples.describe, {"day": "never", "point": {"x": "four"}})
    assert (event.error or "").startswith("arguments of tool 'describe' are not accepted: ")


def test_each_call_has_a_process_and_a_session_of_its_own() -> None:
    first, second = (result_of(examples.family) for _ in range(2))
    this = psutil.Process().pid
    assert first[0] != second[0]
    assert [pids[1] for pids in (first, second)] == [this, this]
    assert all(pids[2] == pids[0] for pids in (first, second))


def test_the_context_holds_the_plain_values_of_the_run() -> None:
    given = {"owner": "acme", "session_id": "s1", "user_id": "u1", "request_id": "r1"}
    said = result_of(examples.whoami, **given, timeout=20)
    assert said == {"run_id": "run-1", "agent_id": "clerk", **given, "left": 20}


@pytest.mark.parametrize("name", ["emit", "set_state", "state"])
def test_it_cannot_write_into_the_run_and_is_told_what_to_do(name: str) -> None:
    event = end_of(getattr(examples, name))
    assert f"context.{name} does not work in an isolated tool" in (event.error or "")
    assert "use it in a tool that is not isolated" in (event.error or "")


def test_it_cannot_ask_and_says_where_that_works() -> None:
    event = end_of(examples.ask)
    assert "context.ask does not work in an isolated tool" in (event.error or "")
    assert "accepted is a tool that is not isolated" in (event.error or "")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("value", "tool 'fail' failed: ValueError: no such city\ufffd"),
        ("exit", "tool 'fail' failed: SystemExit: 3"),
        ("unprintable", "tool 'fail' failed: Unprintable"),
    ],
)
def test_an_exception_is_told_as_that_of_any_tool(kind: str, said: str) -> None:
    assert end_of(examples.fail, {"kind": kind}).error == said


def test_the_traceback_is_for_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    event = end_of(examples.fail, {"kind": "value"})
    assert "isolated_examples.py" in caplog.records[-1].traceback
    assert "isolated_examples.py" not in (event.error or "")


def test_what_it_prints_is_no_part_of_its_answer_and_there_is_nothing_to_read() -> None:
    assert end_of(examples.chatter).result == "read ''"


@pytest.mark.parametrize(("letter", "kept"), [("x", 1000), ("€", 333), ("\x01", 1000)])
def test_a_long_result_is_cut_as_that_of_any_tool(letter: str, kept: int) -> None:
    result = end_of(examples.repeat, {"text": letter, "times": 5000}, max_result_size=1000).result
    assert result == letter * kept + f"\n[cut here: {kept} of 5000 characters are shown]"


@pytest.mark.parametrize(
    ("line", "times", "said"),
    [
        ("x", 10**6, "tool 'forge' failed: the answer of its process is too long"),
        ("nonsense\n", 1, "tool 'forge' failed: its process gave an answer that is none"),
        ("[1]\n", 1, "tool 'forge' failed: its process gave an answer that is none"),
        ("[" * 10000 + "\n", 1, "tool 'forge' failed: its process gave an answer that is none"),
    ],
)
def test_a_forged_answer_fails_the_call_alone(line: str, times: int, said: str) -> None:
    assert end_of(examples.forge, {"line": line, "times": times}, max_result_size=1000).error == said


def test_one_that_hangs_up_is_stopped() -> None:
    error = end_of(examples.hang_up).error
    assert error == "tool 'hang_up' failed: it closed its connection to the server and was stopped"


# --- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", [examples.compute, examples.compute_in_one_call])
def test_one_that_computes_without_end_is_stopped_at_its_limit_of_cpu_time(tool: Callable[..., Any]) -> None:
    error = end_of(tool, isolation=Isolation(cpu=0.5)).error
    assert error == f"tool '{tool.__name__}' took more than 1 s of CPU time and was stopped"


def test_one_that_takes_all_memory_is_stopped_at_its_limit() -> None:
    error = end_of(examples.hoard, isolation=Isolation(memory=128 * 1024**2)).error
    assert error == "tool 'hoard' failed: it needs more memory than 128 MiB"


def test_one_that_does_not_return_is_killed_with_what_it_started(tmp_path: Path) -> None:
    note = tmp_path / "note"
    event = end_of(examples.wait, {"note": str(note)}, timeout=2)
    assert event.error == "tool 'wait' did not return within 2 s and was stopped"
    assert 1.9 < (event.duration or 0) < 3
    assert all(gone(pid) for pid in pids_in(note))


def test_a_cancelled_run_kills_it_at_once(tmp_path: Path) -> None:
    note, cancellation = tmp_path / "note", Cancellation()
    pids: list[int] = []

    def cancel() -> None:
        pids.extend(pids_in(note))
        cancellation.cancel(RunCancelled("by the user"))

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(RunCancelled, match="by the user"):
        run([(examples.wait, {"note": str(note)})], cancellation=cancellation)
    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)


WORKER = """
import sys
from agentos.testing.tools import call_tool
from tools.isolated_examples import wait
call_tool(wait, {"note": sys.argv[1]})
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_it_dies_with_its_worker(tmp_path: Path) -> None:
    note = tmp_path / "note"
    folder = str(Path(__file__).parents[1])
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(note)], env={**os.environ, "PYTHONPATH": folder})
    pid, started = pids_in(note)
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    try:
        assert gone(pid)
    finally:
        psutil.Process(started).kill()


def test_what_it_leaves_running_is_killed_when_it_has_answered() -> None:
    event = end_of(examples.leave_behind)
    assert (event.duration or 0) < 5
    assert gone(int(event.result or 0))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("exit", "tool 'end' failed: its process ended with exit code 3 before it answered"),
        ("crash", "tool 'end' failed: its process was ended by the system: Segmentation fault"),
    ],
)
def test_a_process_that_ends_without_an_answer_is_told(how: str, said: str) -> None:
    assert end_of(examples.end, {"how": how}).error == said


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_its_limits_are_set_for_good_and_it_yields_to_the_server() -> None:
    limits = result_of(examples.limits, isolation=Isolation(cpu=5, memory=256 * 1024**2))
    assert limits["RLIMIT_CPU"] == [5, 6]
    assert limits["RLIMIT_AS"] == [256 * 1024**2] * 2
    assert limits["RLIMIT_CORE"] == [0, 0]
    assert limits["RLIMIT_NOFILE"] == [256, 256]
    assert limits["nice"] >= 10
    assert "NoNewPrivs:\t1\n" in limits["status"]


def test_it_cannot_fill_the_disk_with_one_file(tmp_path: Path) -> None:
    error = end_of(examples.write, {"path": str(tmp_path / "large"), "size": 65 * 1024**2}).error
    assert error == "tool 'write' failed: OSError: [Errno 27] File too large"


def test_it_sees_nothing_of_the_servers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("AGENTOS_DATABASE_URL", "postgresql://user:secret@db")
    assert set(result_of(examples.environment)) <= {
        *("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ")
    }


def test_no_more_processes_run_at_once_than_a_worker_may_have() -> None:
    isolation = Isolation(max_processes=1)
    begin = time.monotonic()
    events = run([(examples.nap, {"seconds": 0.3})] * 2, isolation=isolation)
    assert [one.status for one in events[2:]] == ["completed"] * 2
    assert time.monotonic() - begin > 0.6


def test_one_that_waits_for_its_turn_does_not_run_when_its_time_is_over(tmp_path: Path) -> None:
    note = tmp_path / "note"
    calls = [(examples.nap, {"seconds": 30.0}), (examples.wait, {"note": str(note)})]
    events = run(calls, isolation=Isolation(max_processes=1), timeout=0.5)
    late = "did not return within 0.5 s and was stopped"
    assert {one.error for one in events[2:]} == {f"tool 'nap' {late}", f"tool 'wait' {late}"}
    time.sleep(0.3)
    assert not note.exists()


def test_its_process_imports_nothing_heavy() -> None:
    assert result_of(examples.imported) == []


# --- what can be isolated -------------------------------------------------------------------------------------------


class Notes(Toolkit):
    @tool(isolated=True)
    def add(self) -> None:
        """Write a note."""


@tool(isolated=True)
def of_the_main_program() -> None:
    """Do nothing."""


def nested() -> Callable[..., Any]:
    @tool(isolated=True)
    def inner() -> None:
        """Do nothing."""

    return inner


PARAMETERS = {"type": "object"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: as_tool(nested()),
        lambda: Notes().tools(),
        lambda: Tool(name="x", description="", parameters=PARAMETERS, function=lambda: None, isolated=True),
        lambda: as_tool(of_the_main_program),
    ],
    ids=["a function inside a function", "a method", "a lambda", "the main program"],
)
def test_what_another_process_cannot_import_is_refused_when_it_is_registered(
    make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_the_main_program, "__module__", "__main__")
    with pytest.raises(PluginError, match=r"is isolated, and .* cannot be imported by"):
        make()


class TestIsolatedToolsKeepTheContract(ToolContract):
    def tools(self) -> list[Any]:
        return [examples.documented]


def test_the_tool_of_the_how_to_works_and_is_stopped_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "untrusted-tools.md"
    block = page.read_text("utf-8").split("```python\n")[1].split("```")[0]
    (tmp_path / "factors.py").write_text(block.replace("timeout=5", "timeout=1"))
    monkeypatch.syspath_prepend(tmp_path)
    function = importlib.import_module("factors").largest_prime_factor
    assert end_of(function, {"number": 600851475143}).result == "6857"
    assert "did not return within 1 s and was stopped" in (end_of(function, {"number": 2**61 - 1}).error or "")


# --- the rest of the worker -----------------------------------------------------------------------------------------

COOPERATIVE = """
from gevent import monkey; monkey.patch_all()
import threading, time
from agentos.testing.tools import ToolCallFailed, call_tool
from tools import isolated_examples as examples

longest, going = 0.0, True
def tick():
    global longest
    while going:
        begin = time.monotonic()
        time.sleep(0.01)
        longest = max(longest, time.monotonic() - begin)

ticker = threading.Thread(target=tick)
ticker.start()
assert call_tool(examples.describe, {"day": "2026-01-31", "point": {"x": 4}})
for tool, said in ((examples.compute, "did not return within 1 s"), (examples.end, "exit code 3")):
    try:
        call_tool(tool, {"how": "exit"} if tool is examples.end else {}, timeout=1)
    except ToolCallFailed as error:
        assert said in str(error), error
going = False
ticker.join()
print("cooperative" if longest < 0.5 else f"held up for {longest} s")
"""


def test_waiting_for_it_is_cooperative_under_gevent() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COOPERATIVE],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert done.stdout == "cooperative\n", done.stderr
