import contextvars
import dataclasses
import enum
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from agentos.cancellation import Cancellation
from agentos.domain.event import ToolCallEvent
from agentos.domain.message import ToolCall
from agentos.errors import RunCancelled, RunTimeout
from agentos.tools.context import ToolContext
from agentos.tools.executor import ToolExecutor
from agentos.tools.tool import Tool, as_tools, tool

hanging = threading.Event()


@pytest.fixture(autouse=True)
def _let_go_of_hanging_tools() -> Iterator[None]:
    hanging.clear()
    yield
    hanging.set()


def echo(text: str) -> str:
    """Say it again."""
    return text


def nap(seconds: float) -> float:
    """Sleep."""
    time.sleep(seconds)
    return seconds


def hang() -> None:
    """Never return."""
    hanging.wait()


def context(**fields: Any) -> ToolContext:
    return ToolContext(run_id="run-1", agent_id="agent-1", **fields)


def run(
    calls: Sequence[tuple[str, str]], *functions: Any, executor: ToolExecutor | None = None, **fields: Any
) -> list[ToolCallEvent]:
    tools = {one.name: one for function in functions or (echo, nap, hang) for one in as_tools(function)}
    wanted = [ToolCall(f"call-{number}", name, text) for number, (name, text) in enumerate(calls)]
    return list((executor or ToolExecutor(5)).execute(wanted, tools, context(**fields)))


def end_of(events: Sequence[ToolCallEvent], number: int = 0) -> ToolCallEvent:
    (end,) = [one for one in events if one.tool_call_id == f"call-{number}" and one.status != "started"]
    return end


def returning(value: Any) -> Callable[[], Any]:
    def give() -> Any:
        """Return it."""
        return value

    return give


def raising(error: BaseException) -> Callable[[], Any]:
    def fail() -> None:
        """Fail."""
        raise error

    return fail


def test_a_call_starts_and_completes() -> None:
    start, end = run([("echo", '{"text": " hi "}')])
    assert start == ToolCallEvent("call-0", "echo", {"text": " hi "}, "started")
    assert end == ToolCallEvent("call-0", "echo", {"text": " hi "}, "completed", result=" hi ", duration=end.duration)
    assert 0 <= (end.duration or 0) < 1


def test_no_calls_give_no_events() -> None:
    assert run([]) == []


def test_all_calls_start_in_order_before_any_ends() -> None:
    events = run([("echo", '{"text": "a"}'), ("nope", ""), ("echo", "bad"), ("echo", '{"text": "b"}')])
    assert [(one.tool_call_id, one.status) for one in events[:4]] == [(f"call-{n}", "started") for n in range(4)]
    assert {one.tool_call_id for one in events[4:]} == {f"call-{n}" for n in range(4)}


def test_the_calls_of_a_turn_run_at_the_same_time() -> None:
    begin = time.monotonic()
    run([("nap", '{"seconds": 0.2}')] * 4)
    assert time.monotonic() - begin < 0.4


def test_calls_end_in_the_order_of_their_ends() -> None:
    events = run([("nap", '{"seconds": 0.3}'), ("nap", '{"seconds": 0.01}')])
    assert [one.tool_call_id for one in events[2:]] == ["call-1", "call-0"]


def test_no_more_calls_run_at_once_than_allowed() -> None:
    now = most = 0
    lock = threading.Lock()

    def count() -> None:
        """Count who is here."""
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with lock:
            now -= 1

    events = run([("count", "")] * 10, count, executor=ToolExecutor(5, max_concurrent=3))
    assert most == 3
    assert [one.status for one in events[10:]] == ["completed"] * 10


def test_calls_beyond_the_limit_of_a_turn_fail() -> None:
    events = run([("echo", '{"text": "a"}')] * 5, executor=ToolExecutor(5, max_calls=3))
    assert [end_of(events, number).status for number in range(5)] == ["completed"] * 3 + ["failed"] * 2
    assert end_of(events, 4).error == "not called: one turn may call at most 3 tools"


def test_the_duration_is_the_calls_own_in_seconds() -> None:
    events = run([("nap", '{"seconds": 0.1}')] * 2, executor=ToolExecutor(5, max_concurrent=1))
    assert all(0.1 <= (end_of(events, number).duration or 0) < 0.2 for number in range(2))


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_an_unknown_tool_fails_and_names_those_that_exist() -> None:
    events = run([("weather", '{"a": 1}')])
    assert end_of(events).error == "there is no tool 'weather'; the tools are echo, hang, nap"
    assert end_of(events).arguments == '{"a": 1}'


def test_the_list_of_existing_tools_is_bounded() -> None:
    tools = [Tool(name=f"t{n:03}", description="", parameters={"type": "object"}, function=hang) for n in range(200)]
    error = end_of(run([("x" * 5000, "")], *tools)).error or ""
    assert error.endswith("t049 and 150 more")
    assert len(error) < 700


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{bad", "they are not valid JSON: "),
        ("[1]", "they are [1], not a JSON object. "),
        ('{"text": NaN}', "NaN is no JSON number. "),
        ('{"text": "\\ud800"}', 'the string "\ufffd" holds U+0000 or half of a surrogate pair. '),
        ('{"text":' + "[" * 5000, "they are nested more than 32 levels deep. "),
    ],
)
def test_arguments_that_are_no_object_fail_and_are_shown_as_their_text(text: str, said: str) -> None:
    start, end = run([("echo", text)])
    assert start.arguments == end.arguments == text
    assert end.status == "failed"
    assert (end.error or "").startswith(f"arguments of tool 'echo' are not accepted: {said}")


def test_arguments_that_the_schema_refuses_fail_and_are_shown_as_an_object() -> None:
    end = end_of(run([("echo", '{"text": 5}')]))
    assert end.arguments == {"text": 5}
    assert "text is 5, accepted there is string" in (end.error or "")


def test_what_cannot_be_stored_is_replaced_in_the_text_of_arguments_and_names() -> None:
    start, end = run([("na\ud800me\x00", "{\ud800\x00")])
    assert start.tool_name == "na\ufffdme\ufffd"
    assert start.arguments == "{\ufffd\ufffd"
    (end.error or "").encode()


def test_a_tool_that_changes_its_arguments_does_not_change_the_events() -> None:
    def sort(words: list[str]) -> list[str]:
        """Sort."""
        words.sort()
        return words

    start, end = run([("sort", '{"words": ["b", "a"]}')], sort)
    assert end.result == '["a","b"]'
    assert start.arguments == end.arguments == {"words": ["b", "a"]}


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no such city"), "tool 'fail' failed: ValueError: no such city"),
        (ValueError(), "tool 'fail' failed: ValueError"),
        (SystemExit(3), "tool 'fail' failed: SystemExit: 3"),
        (KeyboardInterrupt(), "tool 'fail' failed: KeyboardInterrupt"),
        (Unprintable(), "tool 'fail' failed: Unprintable"),
        (ValueError("a\x00b\ud800"), "tool 'fail' failed: ValueError: a\ufffdb\ufffd"),
        (RunCancelled("by the tool itself"), "tool 'fail' failed: RunCancelled: by the tool itself"),
    ],
)
def test_an_exception_of_a_tool_is_told_to_the_model(error: BaseException, said: str) -> None:
    assert end_of(run([("fail", "")], raising(error))).error == said


def test_the_text_of_an_exception_is_bounded() -> None:
    assert len(end_of(run([("fail", "")], raising(ValueError("x" * 10**6)))).error or "") < 2100


def test_the_traceback_goes_to_the_log_and_not_to_the_model(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        end = end_of(run([("fail", "")], raising(ValueError("boom"))))
    assert "Traceback" in caplog.text
    assert "Traceback" not in (end.error or "")
    assert caplog.records[0].run_id == "run-1"  # type: ignore[attr-defined]


# --- what comes back ------------------------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    colour: Colour


class Nothing:
    pass


loop: list[Any] = []
loop.append(loop)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as\nit is", "as\nit is"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        (2**70, str(2**70)),
        (1.5, "1.5"),
        ({"a": [1, "ä"]}, '{"a":[1,"ä"]}'),
        ({1: "x"}, '{"1":"x"}'),
        ([Point(1, Colour.RED), {2**70}, "\ud800"], '[{"x":1,"colour":"red"},[1180591620717411303424],"\ufffd"]'),
        (Point(1, Colour.RED), '{"x":1,"colour":"red"}'),
        ((date(2026, 1, 31), datetime(2026, 1, 31, tzinfo=UTC)), '["2026-01-31","2026-01-31T00:00:00+00:00"]'),
        (Decimal("0.10"), '"0.10"'),
        ("a\x00\ud800", "a\ufffd\ufffd"),
    ],
)
def test_a_result_is_the_text_itself_or_json(value: Any, text: str) -> None:
    assert end_of(run([("give", "")], returning(value))).result == text


@pytest.mark.parametrize("value", [Nothing(), [Nothing()], b"bytes", loop])
def test_a_result_that_has_no_json_fails(value: Any) -> None:
    end = end_of(run([("give", "")], returning(value)))
    assert (end.error or "").startswith("tool 'give' failed: TypeError: its result cannot be written as JSON")


@pytest.mark.parametrize(("letter", "kept"), [("x", 1000), ("ä", 500), ("€", 333)])
def test_a_long_result_is_cut_visibly(letter: str, kept: int) -> None:
    result = end_of(run([("give", "")], returning(letter * 5000), executor=ToolExecutor(5, 1000))).result or ""
    assert result == letter * kept + f"\n[cut here: {kept} of 5000 characters are shown]"


def test_a_result_of_just_the_limit_is_whole() -> None:
    assert end_of(run([("give", "")], returning("ä" * 500), executor=ToolExecutor(5, 1000))).result == "ä" * 500


# --- time -----------------------------------------------------------------------------------------------------------


def test_a_tool_that_does_not_return_is_given_up() -> None:
    begin = time.monotonic()
    events = run([("hang", ""), ("echo", '{"text": "a"}')], executor=ToolExecutor(0.1))
    assert time.monotonic() - begin < 0.5
    assert (
        end_of(events, 0).error == "tool 'hang' did not return within 0.1 s and was given up; it may still take effect"
    )
    assert end_of(events, 1).status == "completed"


def test_a_tools_own_timeout_wins_over_the_servers() -> None:
    @tool(timeout=2)
    def slow() -> str:
        """Take a while."""
        time.sleep(0.2)
        return "done"

    assert end_of(run([("slow", "")], slow, executor=ToolExecutor(0.05))).status == "completed"


def test_no_call_outlives_the_runs_deadline() -> None:
    begin = time.monotonic()
    events = run([("hang", "")], deadline=time.monotonic() + 0.1)
    assert time.monotonic() - begin < 0.5
    assert end_of(events).status == "failed"


def test_nothing_is_called_after_the_runs_deadline() -> None:
    assert end_of(run([("echo", '{"text": "a"}')], deadline=time.monotonic() - 1)).error == (
        "not called: the run has no time left"
    )


def test_waiting_calls_get_the_place_of_one_that_was_given_up() -> None:
    events = run([("hang", ""), ("echo", '{"text": "a"}')], executor=ToolExecutor(0.1, max_concurrent=1))
    assert end_of(events, 1).result == "a"


def test_what_a_tool_returns_too_late_is_dropped() -> None:
    @tool(timeout=0.05)
    def late() -> str:
        """Take too long."""
        time.sleep(0.15)
        return "late"

    events = run([("late", ""), ("nap", '{"seconds": 0.3}')], late, nap)
    assert [(one.status, one.result) for one in events if one.tool_call_id == "call-0"] == [
        ("started", None),
        ("failed", None),
    ]


def test_a_call_that_ended_in_time_is_not_overdue_because_its_event_is_read_late() -> None:
    tools = {one.name: one for one in as_tools(echo)}
    calls = [ToolCall(f"call-{number}", "echo", '{"text": "a"}') for number in range(3)]
    statuses = []
    for event in ToolExecutor(0.1).execute(calls, tools, context()):
        time.sleep(0.15)
        statuses.append(event.status)
    assert statuses == ["started"] * 3 + ["completed"] * 3


def test_a_tool_of_which_many_calls_hang_is_not_called_again_until_they_return() -> None:
    executor = ToolExecutor(0.05, max_abandoned=2)
    run([("hang", "")] * 2, executor=executor)
    events = run([("hang", ""), ("echo", '{"text": "a"}')], executor=executor)
    assert end_of(events, 0).error == "not called: 2 earlier calls of tool 'hang' have not returned"
    assert end_of(events, 1).status == "completed"
    hanging.set()
    time.sleep(0.1)
    assert end_of(run([("hang", "")], executor=executor)).status == "completed"


def test_a_call_that_is_given_up_is_cut_off_while_the_run_goes_on() -> None:
    seen: list[Any] = []
    done = threading.Event()

    def wait(context: ToolContext) -> None:
        """Wait until told otherwise."""
        context.cancellation.wait(5)
        seen.append(context.cancellation.cause)
        done.set()

    cancellation = Cancellation()
    run([("wait", "")], wait, executor=ToolExecutor(0.05), cancellation=cancellation)
    assert done.wait(1)
    assert isinstance(seen[0], RunTimeout)
    assert cancellation.cause is None


def test_a_tool_knows_its_own_deadline() -> None:
    def left(context: ToolContext) -> float:
        """Say how much time is left."""
        return context.deadline - time.monotonic()

    assert float(end_of(run([("left", "")], left, executor=ToolExecutor(2))).result or 0) == pytest.approx(2, abs=0.2)


# --- the end of the run -----------------------------------------------------------------------------------------------


def test_a_cancelled_run_ends_at_once_with_its_cause_although_tools_hang() -> None:
    cancellation = Cancellation()
    threading.Timer(0.1, cancellation.cancel, [RunCancelled("by the user")]).start()
    begin = time.monotonic()
    with pytest.raises(RunCancelled, match="by the user"):
        run([("hang", "")] * 20, cancellation=cancellation)
    assert 0.05 < time.monotonic() - begin < 0.5


def test_a_run_that_is_already_cancelled_calls_nothing() -> None:
    called: list[str] = []

    def note() -> None:
        """Note that it was called."""
        called.append("yes")

    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(RunCancelled):
        run([("note", "")], note, cancellation=cancellation)
    assert called == []


def test_a_cancelled_run_cuts_off_its_tools() -> None:
    waiting, cut = threading.Event(), threading.Event()

    def wait(context: ToolContext) -> None:
        """Wait for the cut."""
        with context.cancellation.cutting(cut.set):
            waiting.set()
            hanging.wait()

    def cancel() -> None:
        waiting.wait(5)
        cancellation.cancel()

    cancellation = Cancellation()
    threading.Thread(target=cancel).start()
    with pytest.raises(RunCancelled):
        run([("wait", "")], wait, cancellation=cancellation)
    assert cut.wait(1)


def test_a_cancelled_run_cuts_off_its_tools_even_while_nobody_reads_its_events() -> None:
    cut, began = threading.Event(), threading.Event()

    def wait(context: ToolContext) -> None:
        """Wait for the cut."""
        with context.cancellation.cutting(cut.set):
            began.set()
            hanging.wait()

    cancellation = Cancellation()
    tools = {one.name: one for one in as_tools(wait)}
    calls = [ToolCall("a", "wait", ""), ToolCall("b", "wait", "")]
    events = ToolExecutor(5).execute(calls, tools, context(cancellation=cancellation))
    assert [next(events).status, next(events).status] == ["started", "started"]
    assert began.wait(1)
    cancellation.cancel()
    assert cut.wait(1)
    with pytest.raises(RunCancelled):
        next(events)


def test_closing_the_events_early_cuts_off_the_tools() -> None:
    cut = threading.Event()

    def wait(context: ToolContext) -> None:
        """Wait for the cut."""
        with context.cancellation.cutting(cut.set):
            hanging.wait()

    tools = {one.name: one for one in as_tools(wait)}
    events = ToolExecutor(5).execute([ToolCall("a", "wait", ""), ToolCall("b", "wait", "")], tools, context())
    next(events)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert cut.wait(1)


def test_a_tool_sees_the_context_variables_of_the_run() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("request-7")
    assert end_of(run([("peek", "")], _named("peek", variable.get))).result == "request-7"


def _named(name: str, function: Callable[[], Any]) -> Tool:
    return Tool(name=name, description="", parameters={"type": "object"}, function=function)


def test_a_server_out_of_threads_fails_the_call_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert end_of(run([("echo", '{"text": "a"}')])).error == "not called: the server is out of threads"


COOPERATIVE = """
from gevent import monkey; monkey.patch_all()
import time, threading
from agentos.domain.message import ToolCall
from agentos.errors import RunCancelled
from agentos.cancellation import Cancellation
from agentos.tools.context import ToolContext
from agentos.tools.executor import ToolExecutor
from agentos.tools.tool import as_tool

def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds

def run(calls, executor=ToolExecutor(5), **fields):
    wanted = [ToolCall(str(n), "nap", '{"seconds": %s}' % seconds) for n, seconds in enumerate(calls)]
    return list(executor.execute(wanted, {"nap": as_tool(nap)}, ToolContext(run_id="r", agent_id="a", **fields)))

begin = time.monotonic()
assert [one.status for one in run([0.2, 0.2, 0.2])[3:]] == ["completed"] * 3
assert time.monotonic() - begin < 0.5, "not at the same time"
assert run([10], ToolExecutor(0.1))[-1].status == "failed"
cancellation = Cancellation()
threading.Timer(0.1, cancellation.cancel).start()
begin = time.monotonic()
try:
    run([10], cancellation=cancellation)
except RunCancelled:
    assert time.monotonic() - begin < 1
    print("cooperative")
"""


def test_the_threads_are_cooperative_under_gevent() -> None:
    done = subprocess.run([sys.executable, "-c", COOPERATIVE], capture_output=True, text=True, timeout=30)
    assert done.stdout == "cooperative\n", done.stderr
