"""The hook that observes the events of runs: which, in what order, and what a bad observer can do: nothing."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agentos import (
    Complete,
    CustomEvent,
    Error,
    Reasoning,
    RunContext,
    RunStart,
    StateEvent,
    Step,
    Token,
    ToolCallEvent,
    ToolContext,
    Usage,
    hookimpl,
)
from agentos.execution.live import LiveRun
from agentos.models.deltas import ReasoningDelta
from agentos.models.scripted import Pause, call
from parts.waiting import until


class Watch:
    """Keeps the events of all runs, and does what a test says at each."""

    def __init__(self, then: Callable[[Any, Any], Any] = lambda *_: None) -> None:
        self.then = then
        self.seen: list[tuple[Any, Any]] = []
        self.threads: set[str] = set()

    @hookimpl
    def run_event(self, run: Any, event: Any) -> None:
        self.seen.append((run, event))
        self.threads.add(threading.current_thread().name)
        self.then(run, event)

    @property
    def events(self) -> list[Any]:
        return [event for _, event in self.seen]

    @property
    def types(self) -> list[str]:
        return [type(event).__name__ for event in self.events]

    def ended(self) -> None:
        until(lambda: isinstance(self.events[-1] if self.events else None, Complete | Error))


def look_up(word: str) -> str:
    """Look a word up."""
    return "42"


def test_it_sees_all_events_of_a_run_in_their_order(serve) -> None:
    watch = Watch()
    turns = ([ReasoningDelta("Hm."), "Let me ", "see.", call("look_up", '{"word": "x"}')], "It is 42.")
    served = serve(*turns, tools=[look_up], plugins={"watch": watch})
    run = served.run("Hi").json
    watch.ended()
    assert watch.types == [
        *("RunStart", "Step", "Reasoning", "Token", "Token", "Usage", "Step", "ToolCallEvent", "ToolCallEvent"),
        *("Step", "Token", "Usage", "Step", "Complete"),
    ]
    start, begun, thought, first, second, usage, step, called, answered, _, last, *_, end = watch.events
    assert (begun.status, step.status) == ("started", "completed")
    assert (start.input, thought.content, end.output) == ("Hi", "Hm.", "It is 42.")
    assert [(one.token, one.index) for one in (first, second, last)] == [("Let me ", 0), ("see.", 1), ("It is 42.", 2)]
    assert (called.status, answered.status, answered.result) == ("started", "completed", "42")
    assert step.model == "test:model"
    assert usage.completion_tokens > 0
    assert {one.id for one, _ in watch.seen} == {run["run_id"]}


def test_what_it_sees_is_what_clients_see(serve) -> None:
    watch = Watch()
    served = serve(["a\0b", "", "c"], plugins={"watch": watch})
    run = served.run("Hi").json
    watch.ended()
    sent = served.client.get(f"/api/v1/runs/{run['run_id']}/events").text
    numbered = [event for event in watch.events if not isinstance(event, Usage | Step)]
    assert [event.type for event in numbered] == [
        line.removeprefix("event: ") for line in sent.splitlines() if line.startswith("event: ")
    ]
    assert [event.token for event in numbered if isinstance(event, Token)] == ["a\ufffdb", "c"]


def test_the_run_has_ended_with_its_last_event_and_not_before(serve) -> None:
    watch = Watch()
    serve(plugins={"watch": watch}).run("Hi")
    watch.ended()
    assert {run.status.value for run, _ in watch.seen[:-1]} == {"running"}
    assert (watch.seen[-1][0].status.value, watch.seen[-1][0].content) == ("completed", "Hello there")


def test_it_is_called_in_the_runs_own_thread(serve) -> None:
    watch = Watch()
    run = serve(plugins={"watch": watch}).run("Hi").json
    watch.ended()
    assert watch.threads == {f"run-{run['run_id']}"}


def test_clients_have_an_event_before_it_has(serve) -> None:
    """A client reads the first token while the observer still has it."""
    held = threading.Event()
    watch = Watch(lambda _, event: held.wait(10) if isinstance(event, Token) else None)
    served = serve("Hello", plugins={"watch": watch})
    for piece in served.stream("Hi").response:
        if b"Hello" in piece:
            break
    held.set()
    watch.ended()


@pytest.mark.parametrize(
    ("agent", "status"),
    [(lambda context: iter([1]), "failed"), (lambda context: iter(["a", Usage(1, 2)]), "completed")],
)
def test_agents_that_are_not_ours_are_seen_too(serve, agent: Any, status: str) -> None:
    class Own:
        def stream(self, context: RunContext) -> Iterator[Any]:
            return iter(agent(context))

    watch = Watch()
    serve(agents={"own": Own()}, plugins={"watch": watch}).client.post("/api/v1/agents/own/run", json={"input": "Hi"})
    watch.ended()
    assert watch.types[0] == "RunStart"
    assert (watch.types[-1], watch.seen[-1][0].status.value) == ("Error" if status == "failed" else "Complete", status)


def test_a_cancelled_run_ends_for_it_as_for_clients(serve) -> None:
    watch = Watch()
    served = serve(["one ", Pause(30), "two"], plugins={"watch": watch})
    run = served.run("Hi", background=True).json
    until(lambda: "Token" in watch.types)
    served.client.post(f"/api/v1/runs/{run['run_id']}/cancel")
    watch.ended()
    assert (watch.events[-1].code, watch.types.count("Error")) == ("RUN_CANCELLED", 1)


def fail(*_: object) -> None:
    raise RuntimeError("its broker is away")


def leave(*_: object) -> None:
    raise SystemExit(0)


@pytest.mark.parametrize("wrong", [fail, leave])
def test_one_that_fails_harms_neither_the_run_nor_the_others_and_has_few_lines(serve, log_records, wrong) -> None:
    broken, watch = Watch(wrong), Watch()
    served = serve([f"{number} " for number in range(200)], plugins={"a-broken": broken, "watch": watch})
    answer = served.run("Hi")
    assert (answer.status_code, answer.json["status"]) == (200, "completed")
    watch.ended()
    assert broken.types == watch.types
    lines = [one for one in log_records("agentos.plugins") if one.levelno == logging.ERROR]
    assert {(one.plugin, one.hook) for one in lines} == {("a-broken", "run_event")}
    assert 1 <= len(lines) <= 3


def test_a_slow_one_delays_its_own_run_alone(serve) -> None:
    held = threading.Event()
    watch = Watch(lambda run, event: held.wait(20) if run.input == "slow" and isinstance(event, Token) else None)
    served = serve("Hello there", plugins={"watch": watch})
    slow = served.run("slow", background=True).json
    until(lambda: any(run.input == "slow" and isinstance(event, Token) for run, event in watch.seen))
    began = time.monotonic()
    assert served.run("quick").status_code == 200
    assert time.monotonic() - began < 5
    held.set()
    assert served.ended(slow["run_id"])["status"] == "completed"


def test_one_that_never_returns_cannot_keep_a_run_from_its_deadline(serve) -> None:
    held = threading.Event()
    watch = Watch(lambda _, event: held.wait(30) if isinstance(event, Token) else None)
    served = serve("Hello", plugins={"watch": watch}, request_timeout=0.3)
    answer = served.run("Hi")
    assert (answer.status_code, answer.json["details"]["cause"]) == (504, "TIMEOUT")
    assert watch.types == ["RunStart", "Step", "Token"], "no second event while the first one is shown"
    held.set()
    watch.ended()
    assert (watch.types[:3], watch.types[-1]) == (["RunStart", "Step", "Token"], "Error")


def test_what_tools_and_agents_emit_is_seen_at_once_and_outside_of_locks(serve) -> None:
    def note(context: ToolContext) -> str:
        """Write a note."""
        context.emit("note", {"n": 1})
        context.set_state([{"op": "add", "path": "/n", "value": 1}])
        return ",".join(watch.types[-2:])  # what was seen by then

    def look(run: Any, event: Any) -> None:
        if isinstance(event, CustomEvent | StateEvent):
            lengths.append(len(run.input))

    lengths: list[int] = []
    watch = Watch(look)
    served = serve([call("note")], "done", tools=[note], plugins={"watch": watch})
    run = served.run("Hi", served.new_session()).json
    assert run["content"] == "done"
    watch.ended()
    results = [event.result for event in watch.events if isinstance(event, ToolCallEvent) and event.result]
    assert results == ["CustomEvent,StateEvent"]
    assert lengths == [2, 2]


def test_events_that_arrive_together_come_one_by_one(serve) -> None:
    watch = Watch()
    serve([["a", "b", "c"]], plugins={"watch": watch}).run("Hi")
    watch.ended()
    assert [event.token for event in watch.events if isinstance(event, Token)] == ["a", "b", "c"]


def test_the_piece_that_makes_an_answer_too_long_is_seen_as_it_was_sent(serve) -> None:
    watch = Watch()
    served = serve(["x" * 5000, "never"], plugins={"watch": watch}, max_output_size=1024)
    assert served.run("Hi").status_code == 502
    watch.ended()
    assert watch.types == ["RunStart", "Step", "Token", "Error"]


def test_a_run_that_waits_for_its_session_has_begun_for_it(serve) -> None:
    watch = Watch()
    served = serve(["a", Pause(0.3)], plugins={"watch": watch})
    session = served.new_session()
    first = served.run("1", session, background=True).json
    second = served.run("2", session, background=True).json
    served.ended(second["run_id"])
    until(lambda: watch.types.count("Complete") == 2)
    for run_id in (first["run_id"], second["run_id"]):
        mine = [type(event).__name__ for run, event in watch.seen if run.id == run_id]
        assert (mine[0], mine[-1]) == ("RunStart", "Complete")


def test_without_an_observer_no_run_looks_for_one(serve) -> None:
    served = serve(["a", Pause(5)])
    run = served.run("Hi", background=True).json
    assert type(served.services.worker.get(run["run_id"])) is LiveRun


def test_run_finished_comes_after_the_last_event(serve) -> None:
    order: list[str] = []

    class Both(Watch):
        @hookimpl
        def run_finished(self, run: Any) -> None:
            order.append("finished")

    both = Both(lambda _, event: order.append(type(event).__name__))
    serve(plugins={"both": both}).run("Hi")
    until(lambda: "finished" in order)
    assert order[-2:] == ["Complete", "finished"]


def test_it_sees_a_thought_that_has_no_text_that_can_be_stored_as_it_is_stored(serve) -> None:
    watch = Watch()
    serve([ReasoningDelta("a\0b"), "ok"], plugins={"watch": watch}).run("Hi")
    watch.ended()
    assert [event.content for event in watch.events if isinstance(event, Reasoning)] == ["a\ufffdb"]
    assert isinstance(watch.events[0], RunStart)
    assert not [event for event in watch.events if isinstance(event, ToolCallEvent)]
