"""Tools that the client executes."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from anthropic import beta_async_tool, beta_tool
from anthropic.lib.tools import ToolError
from asking import ask, request, text_of
from attachments import PIXEL

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER: dict[str, Any] = {"name": "weather", "description": "Tell the weather.", "input_schema": SCHEMA}
ONE = 'call weather {"city": "Oslo"}'
TWO = 'call weather {"city": "Oslo"}\ncall weather {"city": "Rome"}'


def _called(client: anthropic.Anthropic, text: str, **more: Any) -> tuple[list[Any], Any]:
    message = ask(client, text, tools=[WEATHER], **more)
    return [{"role": "user", "content": text}, message.to_param()], message


def _results(message: Any, *, of: int | None = None) -> dict[str, Any]:
    calls = [block for block in message.content if block.type == "tool_use"][:of]
    return {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": call.id, "content": f"{call.input['city']}: rain"} for call in calls
        ],
    }


def _continue(client: anthropic.Anthropic, messages: list[Any], **more: Any) -> Any:
    return client.messages.create(model="helper", max_tokens=1000, messages=messages, tools=[WEATHER], **more)


@pytest.mark.parametrize(("text", "cities"), [(ONE, ["Oslo"]), (TWO, ["Oslo", "Rome"])])
def test_results_continue_the_run_of_their_calls(
    client: anthropic.Anthropic, server, text: str, cities: list[str]
) -> None:
    messages, message = _called(client, text)
    assert message.stop_reason == "tool_use"
    called = [block for block in message.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in called] == [("weather", {"city": city}) for city in cities]
    final = _continue(client, [*messages, _results(message)])
    assert text_of(final) == "Results: " + " / ".join(f"{city}: rain" for city in cities)
    assert (final.stop_reason, server.run(message.id)["status"]) == ("end_turn", "completed")


def test_the_same_results_again_are_the_same_answer(client: anthropic.Anthropic) -> None:
    messages, message = _called(client, ONE)
    messages.append(_results(message))
    assert _continue(client, messages) == _continue(client, messages)


def test_a_missing_result_is_a_bad_request(client: anthropic.Anthropic) -> None:
    messages, message = _called(client, TWO)
    with pytest.raises(anthropic.BadRequestError):
        _continue(client, [*messages, _results(message, of=1)])


def test_a_result_can_be_blocks_or_an_error(client: anthropic.Anthropic) -> None:
    messages, message = _called(client, TWO)
    first, second = message.content
    results: list[Any] = [
        {"type": "tool_result", "tool_use_id": first.id, "content": [{"type": "text", "text": "rain"}]},
        {"type": "tool_result", "tool_use_id": second.id, "content": "no such city", "is_error": True},
    ]
    said = text_of(_continue(client, [*messages, {"role": "user", "content": results}]))
    assert said.startswith("Results: rain / ")
    assert "no such city" in said


def test_a_result_can_be_an_image(client: anthropic.Anthropic) -> None:
    messages, message = _called(client, ONE)
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    result = {"type": "tool_result", "tool_use_id": message.content[0].id, "content": [image]}
    final = _continue(client, [*messages, {"role": "user", "content": [result]}])
    assert final.stop_reason == "end_turn"


def test_streamed_calls_are_gathered(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**request(TWO, tools=[WEATHER])) as stream:
        events = list(stream)
        message = stream.get_final_message()
    assert [block.input for block in message.content] == [{"city": "Oslo"}, {"city": "Rome"}]
    pieces = [event.partial_json for event in events if event.type == "input_json"]
    assert "".join(pieces).replace(" ", "") == '{"city":"Oslo"}{"city":"Rome"}'
    assert (message.stop_reason, events[-1].type) == ("tool_use", "message_stop")
    messages: list[Any] = [{"role": "user", "content": TWO}, message.to_param(), _results(message)]
    with client.messages.stream(model="helper", max_tokens=1000, messages=messages, tools=[WEATHER]) as stream:
        assert stream.get_final_text() == "Results: Oslo: rain / Rome: rain"


def test_a_tool_can_be_forbidden(client: anthropic.Anthropic) -> None:
    assert ask(client, ONE, tools=[WEATHER], tool_choice={"type": "none"}).stop_reason == "end_turn"


@pytest.mark.parametrize("streamed", [False, True])
def test_the_runner_executes_the_clients_tools(client: anthropic.Anthropic, streamed: bool) -> None:
    asked: list[str] = []

    @beta_tool
    def weather(city: str) -> str:
        """Tell the weather.

        Args:
            city: The name of a city.
        """
        asked.append(city)
        if city == "Rome":
            raise ToolError("no such city")
        return f"rain in {city}"

    runner = client.beta.messages.tool_runner(**request(TWO, tools=[weather], stream=streamed))
    final = runner.until_done()
    assert "rain in Oslo" in text_of(final)
    assert "no such city" in text_of(final)
    assert asked == ["Oslo", "Rome"]


def test_the_runner_works_in_a_loop(in_loop) -> None:
    @beta_async_tool
    async def weather(city: str) -> str:
        """Tell the weather."""
        return f"rain in {city}"

    async def run(client: anthropic.AsyncAnthropic) -> str:
        return text_of(await client.beta.messages.tool_runner(**request(TWO, tools=[weather])).until_done())

    assert in_loop(run) == "Results: rain in Oslo / rain in Rome"


def test_calls_of_the_servers_own_tools_are_not_the_clients(client: anthropic.Anthropic) -> None:
    message = ask(client, "call clock {}", model="clerk")
    assert [block.type for block in message.content] == ["text"]
    assert (text_of(message), message.stop_reason) == ("Results: noon", "end_turn")


def test_an_answer_says_that_an_approval_is_waited_for(
    client: anthropic.Anthropic, url: str, approving_key: str
) -> None:
    from server_api import ServerAPI
    from waiting import wait_for

    message = ask(client, 'call refund {"amount": 5}', model="clerk")
    assert "refund" in text_of(message)
    with ServerAPI(url, approving_key) as person:
        run = person.run(message.id)
        (pending,) = run["pending"]
        person.post(f"/runs/{run['run_id']}/resume", {"answers": [{"id": pending["id"], "decision": "approve"}]})
        final = wait_for(lambda: (found := person.run(message.id))["status"] == "completed" and found)
    assert final["content"].endswith("Results: paid 5")
