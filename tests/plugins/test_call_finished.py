"""The hook that observes the ends of calls to models and tools."""

import logging
from typing import Any

import pytest

from agentos import ProviderUnavailable, Step, Token, ToolCallEvent, hookimpl
from agentos.models.scripted import Fail, call
from parts.waiting import until


class Calls:
    """Keeps the calls of all runs."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.runs: set[str] = set()

    @hookimpl
    def call_finished(self, run: Any, call: Any) -> None:
        self.seen.append(call)
        self.runs.add(run.id)


class CallsAndEvents(Calls):
    """Has the hook that sees all events too."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Any] = []

    @hookimpl
    def run_event(self, run: Any, event: Any) -> None:
        self.events.append(event)


def look_up(word: str) -> str:
    """Look a word up."""
    if word == "y":
        raise ValueError("no such word")
    return "42"


TWO = [call("look_up", '{"word": "x"}', id="a"), call("look_up", '{"word": "y"}', id="b", index=1)]
TURNS = (["Let me see.", *TWO], "It is 42.")


@pytest.mark.parametrize("plugin", [Calls, CallsAndEvents])
def test_it_sees_the_ends_of_calls_and_nothing_else(serve, plugin: type[Calls]) -> None:
    calls = plugin()
    served = serve(*TURNS, tools=[look_up], plugins={"calls": calls})
    run = served.run("Hi").json
    until(lambda: len(calls.seen) == 4)
    asked, one, other, answered = calls.seen
    assert isinstance(asked, Step)
    assert isinstance(answered, Step)
    assert isinstance(one, ToolCallEvent)
    assert (asked.status, asked.model, answered.finish_reason) == ("completed", "test:model", "stop")
    assert {one.status, other.status} == {"completed", "failed"}
    assert all(seen.duration is not None for seen in calls.seen)
    assert calls.runs == {run["run_id"]}


def test_each_try_of_a_call_is_seen(serve) -> None:
    calls = Calls()
    served = serve([Fail(ProviderUnavailable("away"))], "Hi.", plugins={"calls": calls})
    assert served.run("Hi").status_code == 200
    until(lambda: len(calls.seen) == 2)
    assert [(one.attempt, one.status, one.cause) for one in calls.seen] == [
        (1, "failed", "PROVIDER_UNAVAILABLE"),
        (2, "completed", None),
    ]


def test_the_other_hook_still_sees_every_event(serve) -> None:
    both = CallsAndEvents()
    served = serve(*TURNS, tools=[look_up], plugins={"both": both})
    served.run("Hi")
    until(lambda: both.events and type(both.events[-1]).__name__ == "Complete")
    assert [one.token for one in both.events if isinstance(one, Token)] == ["Let me see.", "It is 42."]
    ends = [one for one in both.events if isinstance(one, Step | ToolCallEvent) and one.status != "started"]
    assert ends == both.seen


def test_what_it_raises_is_logged_and_harms_no_run(serve, caplog: pytest.LogCaptureFixture) -> None:
    class Bad:
        @hookimpl
        def call_finished(self, run: Any, call: Any) -> None:
            raise RuntimeError("bad observer")

    with caplog.at_level(logging.ERROR):
        served = serve("Hi.", plugins={"bad": Bad()})
        assert served.run("Hi").json["content"] == "Hi."
        until(lambda: any(getattr(record, "hook", "") == "call_finished" for record in caplog.records))
