"""Runs that wait for people, and continue from what is kept of them as JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import agents
import pytest
from agentos_guest import Answer, Failed, Media
from driving import ADAPTER, conversation, model, resume, run
from pydantic_ai import Agent, ApprovalRequired, CallDeferred, DeferredToolRequests, DeferredToolResults, RunContext
from pydantic_ai.capabilities import HandleDeferredToolCalls
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.function import DeltaToolCall

APPROVED = {"approved": True}


@pytest.fixture(autouse=True)
def transfers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "transfers"
    file.touch()
    monkeypatch.setenv("TRANSFERS", str(file))
    return file


def test_a_tool_that_needs_an_approval_waits_for_it(transfers: Path) -> None:
    paused = run(agents.approval)
    assert paused.pause is not None
    (action,) = paused.pause.actions
    assert (action.kind, action.tool_name, action.arguments) == ("approval", "transfer", {"amount": 500, "to": "Ada"})
    assert paused.calls == []
    assert transfers.read_text() == ""


def test_approved(transfers: Path) -> None:
    done = resume(agents.approval, run(agents.approval), APPROVED)
    assert done.text == "done: sent 500 to Ada"
    assert done.calls == [("call_1", "started"), ("call_1", "completed")]
    assert transfers.read_text() == "500 Ada\n"


def test_approved_with_other_arguments(transfers: Path) -> None:
    done = resume(agents.approval, run(agents.approval), {**APPROVED, "arguments": {"amount": 5, "to": "Bob"}})
    assert done.text == "done: sent 5 to Bob"
    assert {json.dumps(call.arguments) for call in done.tool_calls} == {'{"amount": 5, "to": "Bob"}'}
    assert transfers.read_text() == "5 Bob\n"


def test_rejected(transfers: Path) -> None:
    done = resume(agents.approval, run(agents.approval), {"approved": False, "message": "too much"})
    assert done.text == "not done: too much"
    assert done.calls == [("call_1", "started"), ("call_1", "failed")]
    assert transfers.read_text() == ""


def test_arguments_that_the_tool_does_not_take_reach_the_model_and_not_the_tool(transfers: Path) -> None:
    done = resume(agents.approval, run(agents.approval), {**APPROVED, "arguments": {"amount": "much", "to": "Bob"}})
    assert "sent" not in done.text
    assert ("call_1", "failed") in done.calls
    assert transfers.read_text() == ""


def test_an_approval_that_a_capability_gives_needs_no_pause(transfers: Path) -> None:
    def approve(context: RunContext[Any], requests: DeferredToolRequests) -> DeferredToolResults:
        return requests.build_results(approve_all=True)

    own = agents.approval
    done = run(Agent(own.model, toolsets=own.toolsets, capabilities=[HandleDeferredToolCalls(approve)]))
    assert done.text == "done: sent 500 to Ada"
    assert done.calls == [("call_1", "started"), ("call_1", "completed")]


def test_a_question() -> None:
    paused = run(agents.question)
    assert paused.pause is not None
    assert [(action.kind, action.message) for action in paused.pause.actions] == [("input", "Which city?")]
    done = resume(agents.question, paused, {"output": "Paris"})
    assert done.text == "Paris"
    # It started before the pause, and a call starts once.
    assert paused.calls + done.calls == [("call_1", "started"), ("call_1", "completed")]


async def _calls_all(messages: Any, info: Any) -> AsyncIterator[Any]:
    results = {part.tool_name: part.content for m in messages for part in m.parts if isinstance(part, ToolReturnPart)}
    if results:
        yield json.dumps(results, sort_keys=True)
    else:
        for number, name in enumerate(["free", "outside", "checked"]):
            yield {number: DeltaToolCall(name=name, json_args="{}", tool_call_id=f"call_{name}")}


def _mixed(log: list[str]) -> Agent[None, Any]:
    agent = Agent(model(_calls_all), output_type=[str, DeferredToolRequests])

    @agent.tool_plain
    def free() -> str:
        log.append("free")
        return "at once"

    @agent.tool_plain
    def outside() -> str:
        raise CallDeferred(metadata={"message": "Look outside."})

    @agent.tool
    def checked(context: RunContext[None]) -> str:
        if not context.tool_call_approved:
            raise ApprovalRequired(metadata={"message": "Really?", "limit": 7})
        assert context.tool_call_metadata is not None
        return f"limit {context.tool_call_metadata['limit']}"

    return agent


def test_calls_that_need_nobody_are_not_repeated() -> None:
    log: list[str] = []
    agent = _mixed(log)
    paused = run(agent)
    assert paused.pause is not None
    said = {action.tool_name: (action.kind, action.message) for action in paused.pause.actions}
    assert said == {"outside": ("input", "Look outside."), "checked": ("approval", "Really?")}
    answers = {"outside": {"output": {"weather": "fine"}}, "checked": APPROVED}
    done = resume(agent, paused, *(answers[action.tool_name] for action in paused.pause.actions))
    assert json.loads(done.text) == {"checked": "limit 7", "free": "at once", "outside": {"weather": "fine"}}
    assert log == ["free"]


async def _asks_twice(messages: Any, info: Any) -> AsyncIterator[Any]:
    results = [part.content for m in messages for part in m.parts if isinstance(part, ToolReturnPart)]
    if len(results) < 2:
        # A model may use an id again.
        yield {0: DeltaToolCall(name="ask", json_args='{"question": "And?"}', tool_call_id="call_1")}
    else:
        yield f"{results} of {len(messages)}"


def test_a_run_may_pause_twice_with_the_same_id_of_a_call() -> None:
    agent = Agent(model(_asks_twice), output_type=[str, DeferredToolRequests])

    @agent.tool_plain
    def ask(question: str) -> str:
        raise CallDeferred(kind="question")

    first = run(agent)
    second = resume(agent, first, {"output": "one"})
    assert first.pause is not None
    assert second.pause is not None
    assert first.pause.actions[0].key != second.pause.actions[0].key
    both = [(first, "one"), (second, "two")]
    answers = [Answer(paused.pause.actions[0].key, "input", output=words) for paused, words in both if paused.pause]
    assert run(agent, saved=second.pause.state, answers=answers).text == "['one', 'two'] of 5"


async def _says_the_conversation(messages: Any, info: Any) -> AsyncIterator[Any]:
    if isinstance(messages[-1].parts[0], ToolReturnPart):
        parts = [part for message in messages for part in message.parts]
        yield ",".join(part.part_kind for part in parts)
    else:
        yield {0: DeltaToolCall(name="pay", json_args="{}", tool_call_id="call_1")}


def test_a_continued_run_has_its_history_once() -> None:
    agent = Agent(model(_says_the_conversation), system_prompt="Be nice.", output_type=[str, DeferredToolRequests])

    @agent.tool_plain(requires_approval=True)
    def pay() -> str:
        return "paid"

    turns = conversation(("user", "hello"), ("assistant", "hi"))
    done = resume(agent, run(agent, history=turns), APPROVED, history=turns)
    assert done.text == "system-prompt,user-prompt,text,user-prompt,tool-call,tool-return"
    assert resume(agent, run(agent), APPROVED).text == "system-prompt,user-prompt,tool-call,tool-return"


def test_a_tool_that_is_gone_is_what_the_model_reads() -> None:
    agent = Agent(model(_says_the_conversation), output_type=[str, DeferredToolRequests])

    @agent.tool_plain(requires_approval=True)
    def pay() -> str:
        return "paid"

    later = Agent(model(_says_the_conversation), output_type=[str, DeferredToolRequests])
    done = resume(later, run(agent), APPROVED)
    assert done.tool_calls[-1].status == "failed"
    assert "pay" in (done.tool_calls[-1].error or "")


async def _pays_for_a_picture(messages: Any, info: Any) -> AsyncIterator[Any]:
    if isinstance(messages[-1].parts[0], ToolReturnPart):
        yield str([len(item.data) for item in messages[0].parts[0].content if not isinstance(item, str)])
    else:
        yield {0: DeltaToolCall(name="pay", json_args="{}", tool_call_id="call_1")}


def test_attachments_are_kept_by_the_run_and_not_in_the_state(tmp_path: Path) -> None:
    agent = Agent(model(_pays_for_a_picture), output_type=[str, DeferredToolRequests])

    @agent.tool_plain(requires_approval=True)
    def pay() -> str:
        return "paid"

    media = []
    for size in (3_000_000, 4_000_000):
        file = tmp_path / str(size)
        file.write_bytes(b"x" * size)
        media.append(Media("image", path=str(file), content_type="image/png"))
    paused = run(agent, media=media)
    assert paused.pause is not None
    assert len(json.dumps(paused.pause.state)) < 5_000
    assert resume(agent, paused, APPROVED, media=media).text == "[3000000, 4000000]"
    with pytest.raises(Failed, match="had 2 attachments when it paused, and has 1 now"):
        resume(agent, paused, APPROVED, media=media[1:])


@pytest.mark.parametrize("state", [{}, {"messages": [{"kind": "old"}]}, [], "text", {"messages": [], "calls": 7}])
def test_a_state_of_another_version_does_not_load(state: Any) -> None:
    with pytest.raises((ValueError, LookupError, TypeError)):
        asyncio.run(ADAPTER.load(agents.approval, state))
