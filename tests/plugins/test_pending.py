"""Plugins that have tool calls approved: which of several counts, and what a broken one does."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from agentos import Agent, Answer, Denied, Pending, PendingAction, ToolCall, ToolContext, hookimpl
from agentos.testing import FinishedRun, call, run_agent

done: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


def delete(path: str) -> str:
    """Delete a file."""
    done.append(path)
    return f"deleted {path}"


class Policy:
    """Decides as a function says, and remembers the calls that it was asked about."""

    def __init__(self, decide: Callable[[ToolCall, ToolContext], Any]) -> None:
        self.decide = decide
        self.asked: list[str] = []

    @hookimpl
    def before_tool_call(self, call: ToolCall, context: ToolContext) -> Any:
        self.asked.append(call.arguments)
        return self.decide(call, context)


def says(value: Any) -> Policy:
    return Policy(lambda *_: value)


def fails() -> Policy:
    def decide(*_: object) -> None:
        raise RuntimeError("the rules are out of reach")

    return Policy(decide)


CLERK = Agent(id="clerk", model="openai:gpt-5-mini", tools=[delete])


def run(*policies: Policy, **fields: Any) -> FinishedRun:
    plugins = {f"policy-{number}": one for number, one in enumerate(policies)}
    turns = [[call("delete", '{"path": "/a"}')], "done"]
    return run_agent(CLERK, "go", turns=turns, plugins=plugins, **fields)


def approve(action: PendingAction) -> Answer:
    return Answer(decision="approve")


def test_a_call_that_a_plugin_has_approved_waits_and_then_runs() -> None:
    waiting = run(says(Pending("files are precious")))
    assert (waiting.status, waiting.pending[0].message, done) == ("paused", "files are precious", [])
    assert run(says(Pending()), answers=approve).status == "completed"
    assert done == ["/a"]


@pytest.mark.parametrize("others", [[Pending("b")], [Denied("c"), Pending("d")]])
def test_a_denial_wins_over_pending_wherever_it_comes(others: list[Any]) -> None:
    for said in ([Denied("no"), *others], [*others, Denied("no")]):
        finished = run(*map(says, said))
        assert finished.status == "completed"
        assert "it is denied" in (finished.tool_calls[0].error or "")
    assert done == []


def test_of_several_the_first_message_and_the_shortest_time_count() -> None:
    waiting = run(
        says(Pending(expires_in=1000, remember=True)),
        says(None),
        says(Pending("b", expires_in=60)),
        says(Pending("c", expires_in=90)),
    )
    (action,) = waiting.pending
    assert action.message == "b"
    assert action.expires_at is not None
    assert round((action.expires_at - action.created_at).total_seconds()) == 60
    assert not action.remember


def test_the_strictest_of_several_plugins_says_who_approves_and_all_of_them_are_the_rule() -> None:
    asked = [Pending("a", remember=True), Pending("b", approver="other", remember=True, rule="large")]
    (action,) = run(*map(says, asked)).pending
    assert (action.approver, action.message, action.remember) == ("other", "b", True)
    assert action.rule == "plugin:policy-0,plugin:policy-1:large"
    finished = run(*map(says, asked), answers=approve)
    assert (finished.status, done) == ("completed", ["/a"])


@pytest.mark.parametrize("broken", [fails(), says("approve"), says(True), says(Pending)])
def test_a_broken_answer_denies_also_beside_pending(broken: Policy, caplog: pytest.LogCaptureFixture) -> None:
    finished = run(says(Pending()), broken)
    assert finished.status == "completed"
    assert "it could not be found out whether the call is allowed" in (finished.tool_calls[0].error or "")
    assert done == []
    assert [one for one in caplog.records if getattr(one, "plugin", None) == "policy-1"]


def test_a_plugin_is_asked_again_after_the_answer_about_what_will_run() -> None:
    policy = Policy(lambda call, _: Denied("not that") if "/b" in call.arguments else Pending())
    finished = run(policy, answers=lambda _: Answer(decision="approve", arguments={"path": "/b"}))
    assert policy.asked == ['{"path": "/a"}', '{"path":"/b"}']
    assert (finished.tool_calls[0].arguments, finished.tool_calls[0].status) == ({"path": "/b"}, "failed")
    assert done == []


def test_all_calls_of_a_step_are_asked_about_at_once() -> None:
    met = threading.Barrier(3)
    policy = Policy(lambda *_: (met.wait(5), Pending())[1])
    calls = [call("delete", f'{{"path": "/{number}"}}', id=str(number), index=number) for number in range(3)]
    waiting = run_agent(CLERK, "go", turns=[calls, "done"], plugins={"policy": policy})
    assert [one.call.id for one in waiting.pending] == ["0", "1", "2"]


def test_a_plugin_that_does_not_decide_in_time_denies_that_call_alone() -> None:
    stopped = threading.Event()

    def decide(call: ToolCall, _: ToolContext) -> None:
        if "/slow" in call.arguments:
            stopped.wait(5)

    calls = [
        call("delete", '{"path": "/slow"}', id="1"),
        call("delete", '{"path": "/b"}', id="2", index=1),
    ]
    finished = run_agent(CLERK, "go", turns=[calls, "done"], plugins={"policy": Policy(decide)}, tool_timeout=0.3)
    stopped.set()
    errors = {one.arguments["path"]: one.error for one in finished.tool_calls}
    assert errors["/b"] is None
    assert "tool 'delete' was not called: what decides about it did not return within 0.3 s" in (errors["/slow"] or "")
    assert done == ["/b"]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_time_that_cannot_be_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"expires_in is .*; accepted: seconds, more than 0 and at most 315360000"):
        Pending("no", expires_in=seconds)


def test_a_message_that_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="the message is 7; accepted: a text"):
        Pending(7)  # type: ignore[arg-type]
