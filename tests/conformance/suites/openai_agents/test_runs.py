"""Runs of both models of the framework: plain, streamed, with tools, with a form, with handoffs."""

import pytest
from agents import Agent, ModelSettings, Runner, function_tool
from pydantic import BaseModel

from conftest import Model

pytestmark = pytest.mark.anyio


@function_tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@function_tool
async def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"rain in {city}"


@function_tool(failure_error_function=lambda context, error: f"failed: {error}")
def broken() -> str:
    """Fail."""
    raise ValueError("no luck")


class Trip(BaseModel):
    city: str
    days: int
    rain: bool


def rosa(model: Model, **options: object) -> Agent:
    return Agent(name="Rosa", instructions="You are Rosa.", model=model, **options)


async def test_the_default_model_is_that_of_responses() -> None:
    result = await Runner.run(Agent(name="Rosa", instructions="You are Rosa.", model="helper"), "Hello")
    assert result.final_output == "Rosa: Hello"
    assert result.last_response_id is not None
    assert result.last_response_id.startswith("resp_")


async def test_a_run_has_its_answer_and_usage(model: Model) -> None:
    result = await Runner.run(rosa(model), "Hello")
    assert result.final_output == "Rosa: Hello"
    usage = result.context_wrapper.usage
    assert (usage.requests, usage.input_tokens, usage.output_tokens) == (1, 20, 5)
    assert (usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens) == (3, 2)


async def test_a_streamed_run_has_the_same_text_in_pieces(model: Model) -> None:
    # Without the setting, chat completions ask only OpenAI's own address for the usage of a stream.
    result = Runner.run_streamed(rosa(model, model_settings=ModelSettings(include_usage=True)), "one two three")
    pieces = [
        event.data.delta
        async for event in result.stream_events()
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    ]
    assert "".join(pieces) == result.final_output == "Rosa: one two three"
    assert len(pieces) > 1
    assert result.context_wrapper.usage.total_tokens == 25


async def test_thoughts_are_an_item_of_their_own(model: Model) -> None:
    result = await Runner.run(rosa(model), "think")
    assert [item.type for item in result.new_items] == ["reasoning_item", "message_output_item"]
    assert result.final_output == "Rosa: think"


async def test_tools_are_called_at_once_and_one_after_another(model: Model) -> None:
    agent = rosa(model, tools=[add, weather])
    asked = 'add({"a": 1, "b": 2}) weather({"city": "Oslo"}) then add({"a": 3, "b": 4})'
    result = await Runner.run(agent, asked)
    assert result.final_output == "Rosa: Results: 3 / rain in Oslo / 7"
    assert result.context_wrapper.usage.requests == 3


async def test_a_streamed_run_with_tools_shows_each_call_and_result(model: Model) -> None:
    result = Runner.run_streamed(rosa(model, tools=[add, weather]), 'add({"a": 1, "b": 2}) weather({"city": "Oslo"})')
    names = [event.name async for event in result.stream_events() if event.type == "run_item_stream_event"]
    assert sorted(names) == ["message_output_created", "tool_called", "tool_called", "tool_output", "tool_output"]
    assert result.final_output == "Rosa: Results: 3 / rain in Oslo"


async def test_a_tool_that_fails_is_data_for_the_model(model: Model) -> None:
    result = await Runner.run(rosa(model, tools=[broken]), "broken({})")
    assert result.final_output == "Rosa: Results: failed: no luck"


async def test_the_framework_can_force_a_tool(model: Model) -> None:
    settings = ModelSettings(tool_choice="weather", parallel_tool_calls=False)
    result = await Runner.run(rosa(model, tools=[add, weather], model_settings=settings), "Umbrella?")
    assert result.final_output == "Rosa: Results: rain in text"


async def test_an_answer_has_the_form_of_its_type(model: Model) -> None:
    result = await Runner.run(rosa(model, output_type=Trip), "Plan a trip.")
    assert result.final_output == Trip(city="text", days=7, rain=True)


async def test_tools_and_a_form_work_together(model: Model) -> None:
    result = await Runner.run(rosa(model, tools=[add], output_type=Trip), 'add({"a": 1, "b": 2})')
    assert [item.type for item in result.new_items] == [
        "tool_call_item",
        "tool_call_output_item",
        "message_output_item",
    ]
    assert result.final_output_as(Trip, raise_if_incorrect_type=True).days == 7


async def test_one_agent_hands_off_to_another(model: Model) -> None:
    spanish = Agent(name="Spanish", instructions="You are Lucia.", model=model, tools=[weather])
    agent = rosa(model, handoffs=[spanish])
    result = await Runner.run(agent, 'transfer_to_spanish({}) then weather({"city": "Madrid"})')
    assert result.last_agent is spanish
    assert result.final_output.startswith("Lucia: Results: ")
    assert result.final_output.endswith("rain in Madrid")


async def test_an_agent_is_the_tool_of_another(model: Model) -> None:
    helper = Agent(name="Lucia", instructions="You are Lucia.", model=model)
    agent = rosa(model, tools=[helper.as_tool("ask_lucia", "Ask Lucia.")])
    result = await Runner.run(agent, 'ask_lucia({"input": "Hola"})')
    assert result.final_output == "Rosa: Results: Lucia: Hola"


async def test_the_result_is_the_input_of_the_next_run(model: Model) -> None:
    agent = rosa(model, tools=[add])
    first = await Runner.run(agent, 'add({"a": 1, "b": 2})')
    again = [*first.to_input_list(), {"role": "user", "content": "What did I say first?"}]
    assert (await Runner.run(agent, again)).final_output == 'Rosa: add({"a": 1, "b": 2})'


async def test_an_image_reaches_the_model(model: Model) -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"}
    text = {"type": "input_text", "text": "What is it?"}
    result = await Runner.run(rosa(model), [{"role": "user", "content": [text, image]}])
    assert result.final_output == "Rosa: What is it? [image image/png]"


async def test_the_tools_of_the_server_are_not_called_by_the_framework(client: object) -> None:
    result = await Runner.run(Agent(name="Clerk", model="clerk"), "clock({})")
    assert result.final_output == "Results: noon"
    assert [item.type for item in result.new_items] == ["message_output_item"]
