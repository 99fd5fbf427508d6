"""What an agent says: text, thoughts, objects, tool calls, usage; and what a run may do differently."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import agents
import pytest
from agentos_guest import Call, Failed, Media, Message, Overrides, Run, Usage
from agno.agent import Agent
from agno.models.openai import OpenAIChat
from agno.models.response import ModelResponse
from agno.run.agent import CustomEvent
from driving import ADAPTER, agent, drive, run
from scripted import calls, results, text, usage


def test_text_comes_piece_by_piece() -> None:
    said = run(agents.words, "say 40 tag")
    assert [event for event in said.events if isinstance(event, str)] == [f"tag-{number} " for number in range(40)]


def test_a_hundred_runs_of_one_agent_do_not_mix() -> None:
    async def all_of_them() -> list[str]:
        runs = [drive(agents.words, f"say 40 {number}", id=f"run_{number}") for number in range(100)]
        return [said.text for said in await asyncio.gather(*runs)]

    expected = ["".join(f"{number}-{word} " for word in range(40)) for number in range(100)]
    assert asyncio.run(all_of_them()) == expected


def test_calls_of_one_answer_start_together_and_have_results() -> None:
    said = run(agents.tools)
    assert said.text == "5 9"
    assert said.calls == [
        ("add", "started", None),
        ("add", "started", None),
        ("add", "completed", "5"),
        ("add", "completed", "9"),
    ]
    assert said.tool_calls[2].arguments == {"a": 2, "b": 3}
    assert said.tool_calls[2].duration is not None
    assert len(said.model_calls) == 2


def test_a_failed_tool_is_what_the_model_reads() -> None:
    said = run(agents.failing_tool)
    assert said.calls == [("fail", "started", None), ("fail", "failed", "the tool is broken")]
    assert said.text == "the tool failed"


def test_thoughts_and_usage() -> None:
    said = run(agents.reasons)
    assert (said.reasoning, said.text) == ("hm", "done")
    assert said.usage == [Usage(7, 5, cached=0)]
    assert said.model_calls[0].model == "test:scripted"


def test_an_object_is_json() -> None:
    assert run(agents.structured).text == '{"city":"Paris","people":2}'


def test_the_history_comes_before_the_question() -> None:
    history = [Message("user", "first"), Message("assistant", "second")]
    assert run(agents.history, "third", history=history).text == "2:first"
    assert run(agents.history, "third").text == "0:"


def test_tool_calls_of_the_history_are_the_models() -> None:
    async def roles(messages: list[Any]) -> AsyncIterator[ModelResponse]:
        yield text(" ".join(one.role for one in messages) + str(messages[1].tool_calls[0]["function"]["name"]))

    call = Call("c", "add", '{"a": 2}')
    history = [Message("user", "x"), Message("assistant", tool_calls=[call]), Message("tool", "5", tool_call_id="c")]
    assert run(agent(roles), history=history).text == "user assistant tool useradd"


def test_an_attachment_is_part_of_the_question(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(b"\x89PNG")
    media = [Media("image", path=str(image), content_type="image/png", name="a.png")]
    history = [Message("user", "first"), Message("assistant", "second")]
    assert run(agents.attachments, media=media, history=history).text == "image/png 4"
    assert run(agents.attachments, media=[Media("image", url="https://x/a.png")]).text == "https://x/a.png"


def test_a_file_of_any_type_is_given(tmp_path: Path) -> None:
    async def files(messages: list[Any]) -> AsyncIterator[ModelResponse]:
        yield text(f"{messages[-1].files[0].filename} {len(messages[-1].files[0].content)}")

    odd = tmp_path / "odd"
    odd.write_bytes(b"12345")
    media = [Media("file", path=str(odd), content_type="application/x-odd", name="odd")]
    assert run(agent(files), media=media).text == "odd 5"


def test_a_run_may_have_other_instructions_and_another_schema() -> None:
    async def system(messages: list[Any]) -> AsyncIterator[ModelResponse]:
        yield text(str(messages[0].content))

    target = agent(system, instructions="Be long.")
    assert run(target, overrides=Overrides(instructions="Be brief.")).text == "Be brief."
    assert run(target).text == "Be long."
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}

    async def city(messages: list[Any]) -> AsyncIterator[ModelResponse]:
        yield text('{"city": "Paris"}')

    assert run(agent(city), overrides=Overrides(output_schema=schema)).text == '{"city": "Paris"}'


def test_parameters_are_those_of_the_run_and_limits_only_get_lower() -> None:
    from agentos_guest_adapter_agno.preparation import prepare

    def model(limit: int | None, **parameters: Any) -> Any:
        target = Agent(model=OpenAIChat(id="x", api_key="k", max_tokens=limit))
        made = prepare(target, Run("r", "a", "hi", overrides=Overrides(parameters=parameters))).model
        assert (target.model.max_tokens, target.model.temperature) == (limit, None)
        return made

    assert model(3, max_tokens=5, temperature=0.5).max_tokens == 3
    assert model(9, max_tokens=5, temperature=0.5).temperature == 0.5
    assert model(9, max_tokens=5).max_tokens == 5
    with pytest.raises(Failed, match="'no_such' is no setting of the agent's model, OpenAIChat of Agno"):
        model(None, no_such=1)


@dataclass
class Progress(CustomEvent):
    """What a tool says meanwhile."""

    percent: int = 0


async def work() -> AsyncIterator[Any]:
    """Work."""
    yield Progress(percent=50)
    yield "finished"


async def _worker(messages: list[Any]) -> AsyncIterator[ModelResponse]:
    yield text("ok") if results(messages) else calls(("work", {}))


def test_custom_events_of_tools_are_custom_events() -> None:
    said = run(agent(_worker, tools=[work]))
    assert said.custom == [("Progress", {"percent": 50})]
    assert said.text == "ok"


async def _counting(messages: list[Any]) -> AsyncIterator[ModelResponse]:
    yield text('{"city": "Rome", "people": 1}')
    yield usage(3, 2)


def test_calls_of_helpers_are_in_the_sums() -> None:
    said = run(agent(_counting, parser_model=agents.Scripted(script=_counting), output_schema=agents.Place))
    assert (sum(one.prompt for one in said.usage), sum(one.completion for one in said.usage)) == (6, 4)


def test_an_answer_that_was_not_streamed_comes_at_the_end() -> None:
    async def nothing(messages: list[Any]) -> AsyncIterator[ModelResponse]:
        yield usage(1, 0)

    def fill(run_output: Any) -> None:
        run_output.content = "from the hook"

    assert run(agent(nothing, post_hooks=[fill])).text == "from the hook"


def test_it_is_described_by_what_it_says() -> None:
    target = agent(_worker, name="Worker", description="Works.", tools=[work, agents.UserControlFlowTools()])
    assert ADAPTER.describe(target) == {
        "name": "Worker",
        "description": "Works.",
        "model": "test:scripted",
        "tools": ["work", "get_user_input"],
    }


@pytest.mark.parametrize(("target", "accepted"), [(agents.words, True), (agents.team, True), (object(), False)])
def test_agents_and_teams_are_accepted(target: object, accepted: bool) -> None:
    assert ADAPTER.accepts(target) is accepted
