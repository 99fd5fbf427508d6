"""The agent loop, driven by scripted models."""

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from agentos.cancellation import Cancellation
from agentos.domain.agent import Agent
from agentos.domain.event import AgentEvent, Reasoning, Token, ToolCallEvent
from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.domain.usage import Usage
from agentos.errors import ProviderError, ProviderUnavailable, RunCancelled, TurnLimit
from agentos.models.deltas import Finish, ReasoningDelta, ToolCallDelta
from agentos.models.scripted import Cut, Fail, Pause, ScriptedProvider, Step, call
from agentos.runtime.context import RunContext
from agentos.runtime.loop import ModelAgent
from agentos.tools.context import ToolContext
from agentos.tools.executor import ToolExecutor
from agentos.tools.tool import as_tools


def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: The first.
        b: The second.
    """
    return a + b


def _agent(turns: Sequence[str | Sequence[Step]], **fields: object) -> tuple[ModelAgent, ScriptedProvider]:
    provider = ScriptedProvider(turns)
    agent = Agent(id="test", model="scripted:test", **fields)  # type: ignore[arg-type]
    tools = {tool.name: tool for tool in as_tools(add)}
    return ModelAgent(agent, provider, "test", tools, ToolExecutor(5.0), agent.max_turns or 10, retries=2), provider


def _context(**fields: object) -> RunContext:
    given = {"run_id": "r", "agent_id": "test", "input": "Hi", "deadline": time.monotonic() + 10, **fields}
    return RunContext(**given)  # type: ignore[arg-type]


def _run(agent: ModelAgent, context: RunContext) -> list[AgentEvent]:
    events: list[AgentEvent] = []
    for yielded in agent.stream(context):
        for one in yielded if isinstance(yielded, list) else [yielded]:
            events.append(Token(one) if isinstance(one, str) else one)
            context.transcript.apply(events[-1])
    return events


def test_the_answer_streams_in_the_pieces_that_the_model_gave() -> None:
    agent, _ = _agent([["Hel", "lo", " \n"]])
    assert [event.token for event in _run(agent, _context()) if isinstance(event, Token)] == ["Hel", "lo", " \n"]


def test_what_arrives_together_goes_on_together() -> None:
    agent, _ = _agent([[["Hel", ReasoningDelta("hm"), "lo"], " ", ["Ada", Usage(3, 4), Finish("stop")]]])
    assert list(agent.stream(_context()))[:-1] == [["Hel", Reasoning("hm"), "lo"], [" "], ["Ada", Usage(3, 4)]]


def test_tool_calls_may_arrive_in_one_piece_with_text() -> None:
    pieces = [ToolCallDelta(0, "1", "add", '{"a": 1,'), ToolCallDelta(0, arguments=' "b": 2}')]
    agent, _ = _agent([[["Let me see.", *pieces]], "It is 3."])
    context = _context()
    results = [event.result for event in _run(agent, context) if isinstance(event, ToolCallEvent)]
    assert results == [None, "3"]
    assert [message.content for message in context.transcript.messages()] == ["Let me see.", "3", "It is 3."]


def test_what_was_said_before_an_endless_tool_call_is_not_lost_with_it() -> None:
    agent, _ = _agent([[["Let me see.", call("add", "x" * 200)]]])
    context = _context()
    with pytest.raises(ProviderError, match="tool calls of more than 100"):
        _run(replace(agent, max_output=100), context)
    assert context.transcript.output == "Let me see."


def test_the_model_is_given_instructions_history_and_question_in_this_order() -> None:
    agent, provider = _agent(["ok"], instructions="Be kind.")
    history = [Message("user", "My name is Ada."), Message("assistant", "Hello Ada.")]
    _run(agent, _context(history=history, input="Who am I?"))
    assert provider.requests[0].messages == [
        Message("system", "Be kind."),
        *history,
        Message("user", "Who am I?"),
    ]


def test_a_tool_is_called_and_its_result_reaches_the_model() -> None:
    agent, provider = _agent([["Let me see. ", call("add", '{"a": 1, "b": 2}')], "It is 3."])
    context = _context()
    events = [event for event in _run(agent, context) if isinstance(event, ToolCallEvent)]

    assert [(event.status, event.arguments, event.result) for event in events] == [
        ("started", {"a": 1, "b": 2}, None),
        ("completed", {"a": 1, "b": 2}, "3"),
    ]
    assert [(message.role, message.content) for message in provider.requests[1].messages] == [
        ("user", "Hi"),
        ("assistant", "Let me see. "),
        ("tool", "3"),
    ]
    assert context.transcript.output == "It is 3."


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (call("subtract", "{}"), "add"),
        (call("add", "{broken"), "JSON"),
        (call("add", '{"a": 1}'), "b"),
        (call("add", '{"a": "one", "b": 2}'), "a"),
        (ToolCallDelta(0, name="add", arguments="[1, 2]"), "object"),
        (ToolCallDelta(0, id="x", arguments="{}"), "add"),
    ],
)
def test_a_wrong_call_becomes_a_result_that_the_model_reads(wrong: ToolCallDelta, said: str) -> None:
    agent, provider = _agent([[wrong], "Sorry."])
    events = [event for event in _run(agent, _context()) if isinstance(event, ToolCallEvent)]

    assert events[-1].status == "failed"
    result = provider.requests[1].messages[-1]
    assert result.role == "tool"
    assert said in result.content
    assert result.content == events[-1].error


def test_a_tool_is_told_whose_run_it_is() -> None:
    told: list[ToolContext] = []

    def note(context: ToolContext) -> None:
        """Note the context."""
        told.append(context)

    agent, _ = _agent([[call("note")], "ok"])
    agent = replace(agent, tools={tool.name: tool for tool in as_tools(note)})
    _run(agent, _context(owner="acme", user_id="u1", session_id="s1"))
    assert [(one.owner, one.agent_id, one.user_id, one.session_id) for one in told] == [("acme", "test", "u1", "s1")]


def test_endless_tool_calls_end_by_the_turn_limit_without_a_last_vain_call() -> None:
    agent, provider = _agent([[call("add", '{"a": 1, "b": 2}')]], max_turns=3)
    context = _context()
    with pytest.raises(TurnLimit, match="3 turns"):
        _run(agent, context)
    assert len(provider.requests) == 3
    assert len([message for message in context.transcript.messages() if message.role == "tool"]) == 2


def test_a_forced_tool_choice_holds_for_the_first_turn_alone() -> None:
    script = [[call("add", '{"a": 1, "b": 2}')], "3"]
    agent, provider = _agent(script, parameters={"tool_choice": "required", "temperature": 0})
    _run(agent, _context())
    assert dict(provider.requests[0].parameters) == {"tool_choice": "required", "temperature": 0}
    assert dict(provider.requests[1].parameters) == {"temperature": 0}


def test_usage_and_reasoning_are_reported_for_each_model_call() -> None:
    agent, _ = _agent(
        [[ReasoningDelta("hm"), call("add", '{"a":1,"b":2}'), Usage(5, 2, 1)], ["3", Usage(9, 1), Finish("stop")]]
    )
    context = _context()
    events = _run(agent, context)
    assert [event.content for event in events if isinstance(event, Reasoning)] == ["hm"]
    assert context.transcript.usage == Usage(14, 3, 1)


def test_an_answer_without_a_finish_is_an_error() -> None:
    agent, _ = _agent([["Half an ans", Cut()]])
    with pytest.raises(ProviderError, match="in the middle"):
        _run(agent, _context())


def test_a_failure_before_the_first_piece_is_tried_again() -> None:
    agent, provider = _agent([[Fail(ProviderUnavailable("down"))], "Here I am."])
    context = _context()
    _run(agent, context)
    assert context.transcript.output == "Here I am."
    assert len(provider.requests) == 2


def test_a_failure_after_the_first_piece_is_not() -> None:
    agent, provider = _agent([["Half", Fail(ProviderUnavailable("down"))], "Again"])
    with pytest.raises(ProviderUnavailable):
        _run(agent, _context())
    assert len(provider.requests) == 1


def test_a_cancelled_run_stops_while_the_model_is_silent() -> None:
    agent, _ = _agent([["a", Pause(30), "b"]])
    cancellation = Cancellation()
    context = _context(cancellation=cancellation)
    stream = agent.stream(context)
    assert next(iter(stream)) == ["a"]
    cancellation.cancel(RunCancelled("enough"))
    with pytest.raises(RunCancelled, match="enough"):
        next(iter(stream))


def test_attachments_of_earlier_runs_that_this_model_does_not_take_are_left_out_visibly() -> None:
    agent, provider = _agent(["ok"])
    image, audio = (
        Media("image", url="https://example.com/a.png"),
        Media("audio", url="https://example.com/b.wav", name="b"),
    )
    _run(agent, _context(history=[Message("user", "Look", media=(image, audio)), Message("assistant", "Nice.")]))
    shown = provider.requests[0].messages[0]
    assert shown.media == (image,)
    assert shown.content == "Look\n(attachment left out: audio b)"
