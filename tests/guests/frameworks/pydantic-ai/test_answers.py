"""What an agent says: text, thoughts, objects, tool calls, usage; and what a run may do differently."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import agents
import pytest
from agentos_guest import Call, ModelCall, Overrides, ToolCall, Usage
from driving import ADAPTER, drive, model, run
from pydantic import BaseModel
from pydantic_ai import Agent, CustomEvent, NativeOutput, RunContext
from pydantic_ai.messages import ModelResponse, TextPart
from pydantic_ai.models.function import DeltaToolCall, FunctionModel
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.usage import RequestUsage


def test_text_comes_piece_by_piece() -> None:
    said = run(agents.words, "say 40 tag")
    assert [event for event in said.events if isinstance(event, str)] == [f"tag-{number} " for number in range(40)]


def test_calls_of_one_answer_start_together_and_have_results() -> None:
    said = run(agents.tools)
    assert said.text == "5 9"
    assert said.calls[:2] == [("call_1", "started"), ("call_2", "started")]
    assert sorted(said.calls[2:]) == [("call_1", "completed"), ("call_2", "completed")]
    by_id = {call.id: call for call in said.tool_calls if call.status == "completed"}
    assert (by_id["call_1"].arguments, by_id["call_1"].result) == ({"a": 2, "b": 3}, "5")
    assert (by_id["call_2"].duration or 0) > 0


def test_a_model_call_ends_before_its_tools_run() -> None:
    said = run(agents.tools)
    kinds = [type(event) for event in said.events]
    assert kinds[:3] == [ModelCall, Usage, ToolCall]
    assert len(said.model_calls) == 2
    assert said.model_calls[0].model == "function:fake"
    assert said.model_calls[0].calls == [
        Call("call_1", "add", '{"a":2,"b":3}'),
        Call("call_2", "add", '{"a":4,"b":5}'),
    ]


def test_a_failed_tool_is_what_the_model_reads() -> None:
    said = run(agents.failing_tool)
    assert said.calls == [("call_1", "started"), ("call_1", "failed")]
    assert said.tool_calls[1].error == "no luck"
    assert said.text == "the tool failed"


async def _calls_twice(messages: Any, info: Any) -> AsyncIterator[Any]:
    if len(messages) < 5:
        yield {0: DeltaToolCall(name="work", json_args="{}", tool_call_id="call_1")}
    else:
        yield "done"


def test_a_model_may_use_the_id_of_a_call_again() -> None:
    agent = Agent(model(_calls_twice))

    @agent.tool_plain
    def work() -> str:
        return "ok"

    assert run(agent).calls == [("call_1", "started"), ("call_1", "completed")] * 2


def test_thoughts_and_usage() -> None:
    said = run(agents.reasons)
    assert (said.reasoning, said.text) == ("hm", "done")
    assert said.usage == [Usage(7, 5)]


def test_what_an_agent_in_a_tool_uses_is_counted_once() -> None:
    answer = ModelResponse([TextPart("ok")], usage=RequestUsage(input_tokens=70, output_tokens=50))
    helper = Agent(FunctionModel(lambda messages, info: answer))
    agent = Agent(agents.ExactModel(stream_function=_works))

    @agent.tool
    async def work(context: RunContext[None]) -> str:
        return (await helper.run("hello", usage=context.usage)).output

    said = run(agent)
    # Two calls of the agent's own, as they end; then those of the other one.
    assert said.usage == [Usage(7, 5), Usage(7, 5), Usage(70, 50)]
    assert len(said.model_calls) == 2


def test_an_object_is_json() -> None:
    said = run(agents.structured)
    assert said.text == '{"city":"Paris","people":2}'
    # The framework makes a tool of it, which is none to others.
    assert said.model_calls[0].calls == []


class Trip(BaseModel):
    city: str


async def _talks_and_answers(messages: Any, info: Any) -> AsyncIterator[Any]:
    yield "I think of Paris."
    yield {1: DeltaToolCall(name=info.output_tools[0].name, json_args='{"city": "Paris"}', tool_call_id="call_1")}


def test_text_beside_an_object_does_not_spoil_its_json() -> None:
    said = run(Agent(model(_talks_and_answers), output_type=Trip))
    assert json.loads(said.text) == {"city": "Paris"}


def test_an_object_of_an_agent_that_may_also_write_text_comes_after_the_text() -> None:
    said = run(Agent(model(_talks_and_answers), output_type=[str, Trip]))
    assert said.text == 'I think of Paris.\n\n{"city":"Paris"}'


async def _writes_json_twice(messages: Any, info: Any) -> AsyncIterator[Any]:
    yield '{"town": 1}' if len(messages) == 1 else '{"city": "Paris"}'


def test_json_that_the_model_had_to_write_again_is_sent_once() -> None:
    said = run(Agent(model(_writes_json_twice), output_type=NativeOutput(Trip), retries=2))
    assert json.loads(said.text) == {"city": "Paris"}


def test_a_schema_of_the_run_is_the_type_of_the_answer() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    said = run(Agent(model(_talks_and_answers)), overrides=Overrides(output_schema=schema))
    assert json.loads(said.text) == {"city": "Paris"}


async def _says_what_it_was_given(messages: Any, info: Any) -> AsyncIterator[Any]:
    yield json.dumps(
        {
            "settings": info.model_settings or {},
            "thinking": info.model_request_parameters.thinking,
            "instructions": info.instructions,
        }
    )


def test_parameters_of_the_run_are_settings_beside_the_agents_own() -> None:
    thinks = FunctionModel(stream_function=_says_what_it_was_given, profile=ModelProfile(supports_thinking=True))
    agent = Agent(thinks, model_settings={"temperature": 0.5, "max_tokens": 7})
    given = {"temperature": 0.0, "stop": "END", "reasoning_effort": "low", "openai_user": "ada"}
    said = json.loads(run(agent, overrides=Overrides(parameters=given)).text)
    assert said["settings"] == {
        "temperature": 0.0,
        "max_tokens": 7,
        "stop_sequences": ["END"],
        "openai_user": "ada",
    }
    assert said["thinking"] == "low"


def test_instructions_of_the_run_replace_the_agents_own() -> None:
    agent = Agent(model(_says_what_it_was_given), instructions="Be nice.")
    assert json.loads(run(agent).text)["instructions"] == "Be nice."
    said = run(agent, overrides=Overrides(instructions="Be brief."))
    assert json.loads(said.text)["instructions"] == "Be brief."
    assert json.loads(run(agent).text)["instructions"] == "Be nice."


@dataclass(kw_only=True)
class Progress(CustomEvent):
    done: int


async def _works(messages: Any, info: Any) -> AsyncIterator[Any]:
    if len(messages) == 1:
        yield {0: DeltaToolCall(name="work", json_args="{}", tool_call_id="call_1")}
    else:
        yield "done"


def test_custom_events_reach_those_who_follow() -> None:
    agent = Agent(model(_works))

    @agent.tool
    async def work(context: RunContext[None]) -> str:
        await context.emit(Progress(done=3))
        return "ok"

    emitted: list[tuple[str, Any]] = []
    said = run(agent, emit=lambda name, data: emitted.append((name, data)))
    assert said.text == "done"
    assert [(name, data["done"]) for name, data in emitted] == [("progress", 3)]


def test_many_runs_of_one_agent_do_not_mix() -> None:
    async def all_at_once() -> list[str]:
        return [one.text for one in await asyncio.gather(*(drive(agents.words, f"say 5 t{n}") for n in range(50)))]

    assert asyncio.run(all_at_once()) == ["".join(f"t{n}-{i} " for i in range(5)) for n in range(50)]


def test_what_an_agent_is_shown_as() -> None:
    assert ADAPTER.describe(agents.tools) == {"name": "", "description": "", "model": "function:fake", "tools": ["add"]}
    assert ADAPTER.describe(agents.words)["description"] == "Says words."
    assert ADAPTER.accepts(agents.words)
    assert not ADAPTER.accepts(agents.Trip)


def test_an_exception_of_the_agent_stays_one() -> None:
    with pytest.raises(RuntimeError, match="sk-secret-123"):
        run(agents.secret)
