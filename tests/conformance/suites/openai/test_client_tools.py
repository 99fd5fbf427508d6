"""Tools that the client executes, in chat completions and in responses."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from pydantic import BaseModel

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER: dict[str, Any] = {"type": "function", "name": "weather", "parameters": PARAMETERS, "strict": False}
CHAT_WEATHER: dict[str, Any] = {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}
ONE = 'call weather {"city": "Oslo"}'
TWO = 'call weather {"city": "Oslo"}\ncall weather {"city": "Rome"}'


def _chat(client: openai.OpenAI, text: str, **more: Any) -> tuple[list[Any], Any]:
    messages: list[Any] = [{"role": "user", "content": text}]
    answer = client.chat.completions.create(model="helper", messages=messages, tools=[CHAT_WEATHER], **more)
    return [*messages, answer.choices[0].message], answer


def _results(called: Any) -> list[Any]:
    return [{"role": "tool", "tool_call_id": call.id, "content": f"{call.function.arguments}: rain"} for call in called]


@pytest.mark.parametrize(("text", "count"), [(ONE, 1), (TWO, 2)])
def test_results_of_a_chats_calls_continue_its_run(client: openai.OpenAI, server, text: str, count: int) -> None:
    messages, answer = _chat(client, text)
    assert answer.choices[0].finish_reason == "tool_calls"
    called = messages[-1].tool_calls
    assert [call.function.name for call in called] == ["weather"] * count
    messages += _results(called)
    final = client.chat.completions.create(model="helper", messages=messages, tools=[CHAT_WEATHER])
    cities = ["Oslo", "Rome"][:count]
    results = " / ".join(f'{{"city":"{city}"}}: rain' for city in cities)
    assert final.choices[0].message.content == f"Results: {results}"
    run_id = answer.id.removeprefix("chatcmpl-")
    assert final.id.startswith(answer.id)
    assert server.run(run_id)["status"] == "completed"


def test_the_same_results_again_are_the_same_answer(client: openai.OpenAI) -> None:
    messages, _ = _chat(client, ONE)
    messages += _results(messages[-1].tool_calls)
    first, again = (
        client.chat.completions.create(model="helper", messages=messages, tools=[CHAT_WEATHER]) for _ in range(2)
    )
    assert first == again


def test_a_missing_result_is_a_bad_request(client: openai.OpenAI) -> None:
    messages, _ = _chat(client, TWO)
    messages += _results(messages[-1].tool_calls[:1])
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="helper", messages=messages, tools=[CHAT_WEATHER])


class Weather(BaseModel):
    """Tell the weather."""

    city: str


def test_streamed_calls_are_gathered_and_parsed(client: openai.OpenAI) -> None:
    tool = openai.pydantic_function_tool(Weather, name="weather")
    messages: list[Any] = [{"role": "user", "content": TWO}]
    with client.chat.completions.stream(model="helper", messages=messages, tools=[tool]) as stream:
        events = list(stream)
        message = stream.get_final_completion().choices[0].message
    assert [call.function.parsed_arguments for call in message.tool_calls] == [
        Weather(city="Oslo"),
        Weather(city="Rome"),
    ]
    done = [event for event in events if event.type == "tool_calls.function.arguments.done"]
    assert [event.parsed_arguments for event in done] == [Weather(city="Oslo"), Weather(city="Rome")]
    messages += [message, *_results(message.tool_calls)]
    with client.chat.completions.stream(model="helper", messages=messages, tools=[tool]) as stream:
        final = stream.get_final_completion()
    assert str(final.choices[0].message.content).startswith("Results: ")


@pytest.mark.parametrize(("text", "count"), [(ONE, 1), (TWO, 2)])
def test_outputs_of_a_responses_calls_continue_its_run(client: openai.OpenAI, server, text: str, count: int) -> None:
    first = client.responses.create(model="helper", input=text, tools=[WEATHER])
    assert [item.type for item in first.output] == ["function_call"] * count
    outputs: list[Any] = [
        {"type": "function_call_output", "call_id": item.call_id, "output": "rain"} for item in first.output
    ]
    second = client.responses.create(model="helper", input=outputs, tools=[WEATHER], previous_response_id=first.id)
    assert second.output_text == "Results: " + " / ".join(["rain"] * count)
    assert server.run(first.id)["status"] == "completed"
    assert client.responses.retrieve(first.id) == first
    assert client.responses.retrieve(second.id) == second


def test_streamed_calls_of_a_response_are_parsed(client: openai.OpenAI) -> None:
    tool = openai.pydantic_function_tool(Weather, name="weather")
    with client.responses.stream(model="helper", input=TWO, tools=[tool]) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert [item.parsed_arguments for item in final.output] == [Weather(city="Oslo"), Weather(city="Rome")]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    assert "".join(deltas) == '{"city":"Oslo"}{"city":"Rome"}'


def test_client_tools_work_in_a_loop(in_loop) -> None:
    async def both(client: openai.AsyncOpenAI) -> str:
        first = await client.responses.create(model="helper", input=ONE, tools=[WEATHER])
        output: Any = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "rain"}
        second = await client.responses.create(
            model="helper", input=[output], tools=[WEATHER], previous_response_id=first.id
        )
        return second.output_text

    assert in_loop(both) == "Results: rain"


def test_calls_of_the_servers_own_tools_are_not_the_clients(client: openai.OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "call clock {}"}]
    answer = client.chat.completions.create(model="clerk", messages=messages)
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].message.content == "Results: noon"
