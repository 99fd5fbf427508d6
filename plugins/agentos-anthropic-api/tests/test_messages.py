"""Messages with Anthropic's own client."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import pytest
from agentos_anthropic_api.conversation import read_messages
from agentos_anthropic_api.ids import TOOL_CALLS
from agentos_anthropic_api.message import whole_message
from pydantic import BaseModel

from agentos import Agent, Finish, ProviderError, ReasoningDelta, ScriptedProvider, Usage, tool
from agentos.testing import PIXEL, Fail, Pause, call
from agentos.web import AnswerReader, is_plain, plain_answer, read_answer
from parts.anthropic_door import Door, MakeDoor
from parts.growth import growth

STREAMED = pytest.mark.parametrize("streamed", [False, True])
THINKING: Any = {"type": "enabled", "budget_tokens": 2000}


def ask(door: Door, *, streamed: bool = False, **fields: Any) -> anthropic.types.Message:
    given: dict[str, Any] = {
        "model": "shop",
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": "When do you open?"}],
        **fields,
    }
    if not streamed:
        return door.client().messages.create(**given)
    with door.client().messages.stream(**given) as stream:
        return stream.get_final_message()


@STREAMED
def test_an_agent_answers_as_a_model(door: Door, scripted: ScriptedProvider, streamed: bool) -> None:
    scripted.say(["At ", "nine\u2028.", Usage(7, 3, 1, 2)])
    answer = ask(door, streamed=streamed)
    (block,) = answer.content
    assert (block.type, block.text) == ("text", "At nine\u2028.")
    assert (answer.type, answer.role, answer.model, answer.stop_reason) == ("message", "assistant", "shop", "end_turn")
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens, answer.usage.output_tokens) == (5, 2, 3)
    assert answer.usage.output_tokens_details.thinking_tokens == 1
    (run,) = door.http.get("/api/v1/runs").json["runs"]
    assert answer.id == f"msg_{run['run_id'].replace('-', '')}00"
    assert (run["status"], run["content"]) == ("completed", "At nine\u2028.")


def test_a_stream_has_the_events_of_the_protocol(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["At ", "nine."])
    events = list(door.client().messages.create(model="shop", max_tokens=9, messages=[USER], stream=True))
    assert [event.type for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[0].message.content == []
    assert events[0].message.stop_reason is None


USER: Any = {"role": "user", "content": "Hi"}


def test_the_client_for_coroutines_reads_it(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["At ", "nine."])

    async def read() -> list[str]:
        async with door.async_client() as client:
            common: dict[str, Any] = {"model": "shop", "max_tokens": 9, "messages": [USER]}
            whole = await client.messages.create(**common)
            async with client.messages.stream(**common) as stream:
                pieces = [text async for text in stream.text_stream]
            return [whole.content[0].text, "".join(pieces)]

    assert asyncio.run(read()) == ["At nine.", "At nine."]


def test_the_conversation_is_the_clients(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Nine.")
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "forged"}
    messages = [
        USER,
        {"role": "assistant", "content": [thought, {"type": "redacted_thinking", "data": "x"}, text("Hello.")]},
        {"role": "user", "content": [text("When do"), {**text("you open?"), "cache_control": {"type": "ephemeral"}}]},
    ]
    answer = door.ask(messages, system=[text("Be polite."), text("Be kind.")])
    assert answer.status_code == 200
    assert "X-Ignored-Fields" not in answer.headers
    said = [(one.role, one.content) for one in scripted.requests[0].messages]
    assert said == [
        ("system", "Be short.\n\nBe polite.\n\nBe kind."),
        ("user", "Hi"),
        ("assistant", "Hello."),
        ("user", "When do\nyou open?"),
    ]


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def test_an_image_reaches_the_model(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("A dot.")
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL.data}}
    ask(door, messages=[{"role": "user", "content": [text("What is it?"), image]}])
    (found,) = scripted.requests[0].messages[-1].media
    assert (found.type, found.content_type, found.data) == ("image", "image/png", PIXEL.data)


@STREAMED
def test_structured_output_is_parsed_by_the_client(door: Door, scripted: ScriptedProvider, streamed: bool) -> None:
    class Hours(BaseModel):
        opens: int

    scripted.say('{"opens": 9}')
    given: dict[str, Any] = {"model": "shop", "max_tokens": 99, "messages": [USER], "output_format": Hours}
    if streamed:
        with door.client().messages.stream(**given) as stream:
            answer = stream.get_final_message()
    else:
        answer = door.client().messages.parse(**given)
    assert answer.parsed_output == Hours(opens=9)
    assert scripted.requests[0].output_schema["properties"]["opens"]["type"] == "integer"


@tool
def hours(day: str = "today") -> str:
    """Read the hours."""
    return "9 to 5"


@STREAMED
def test_texts_before_and_after_a_servers_tool_are_one_text(
    make_door: MakeDoor, scripted: ScriptedProvider, streamed: bool
) -> None:
    door = make_door(Agent(id="shop", model="test:m", tools=[hours]))
    scripted.say(["Let me look.", call("hours")], "At nine.")
    answer = ask(door, streamed=streamed)
    assert [(block.type, block.text) for block in answer.content] == [("text", "Let me look.\n\nAt nine.")]


@STREAMED
def test_a_servers_tools_are_shown_as_thoughts_where_the_client_asks(
    make_door: MakeDoor, scripted: ScriptedProvider, streamed: bool
) -> None:
    door = make_door(Agent(id="shop", model="test:m", tools=[hours]))
    scripted.say([call("hours", '{"day": "Monday"}')], "At nine.")
    answer = ask(door, streamed=streamed, extra_headers={"X-AgentOS-Show-Tools": "1"})
    assert answer.content[0].thinking == 'hours({"day":"Monday"})\nhours → 9 to 5\n'
    assert answer.content[1].text == "At nine."


@STREAMED
@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({}, []),
        ({"thinking": {"type": "disabled"}}, []),
        ({"thinking": THINKING}, ["Hm, nine."]),
        ({"thinking": {"type": "adaptive"}}, ["Hm, nine."]),
        ({"thinking": {**THINKING, "display": "omitted"}}, [""]),
    ],
)
def test_thoughts_are_shown_where_the_client_asks_for_thinking(
    door: Door, scripted: ScriptedProvider, streamed: bool, asked: dict[str, Any], shown: list[str]
) -> None:
    scripted.say([ReasoningDelta("Hm, "), ReasoningDelta("nine."), "At ", "nine."])
    answer = ask(door, streamed=streamed, **asked)
    assert [block.thinking for block in answer.content if block.type == "thinking"] == shown
    assert all(block.signature for block in answer.content if block.type == "thinking")
    assert answer.content[-1].text == "At nine."


@pytest.mark.parametrize(
    ("allowed", "parameters", "ignored"),
    [(("thinking",), {"thinking": THINKING}, None), ((), {}, "max_tokens, thinking.budget_tokens")],
)
def test_how_much_is_thought_is_the_agents_matter(
    make_door: MakeDoor,
    scripted: ScriptedProvider,
    allowed: tuple[str, ...],
    parameters: dict[str, Any],
    ignored: str | None,
) -> None:
    own = ("max_tokens", *allowed) if allowed else ()
    door = make_door(Agent(id="shop", model="test:m", allow_overrides=own))
    scripted.say("Nine.")
    answer = door.ask(thinking=THINKING)
    assert {name: scripted.requests[0].parameters[name] for name in parameters} == parameters
    assert answer.headers.get("X-Ignored-Fields") == ignored


def test_a_plain_run_is_answered_from_its_record_as_from_its_events(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say([ReasoningDelta("Hm, "), ReasoningDelta("nine."), "At ", "nine.", Usage(7, 3, 1), Finish("length")])
    answer = door.ask(thinking=THINKING)
    handle = door.server.runs.open(answer.headers["X-Run-ID"], door.server.principal("test"))
    run = handle.get()
    assert is_plain(run)
    read = read_answer(run, handle.follow(0, heartbeat=60), AnswerReader(TOOL_CALLS))
    assert read == plain_answer(run)
    assert whole_message(run, read, thinking="all") == answer.json
    assert answer.json["stop_reason"] == "max_tokens"


def test_what_the_agent_allows_reaches_the_model(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Yes.")
    answer = door.ask(temperature=0.5, top_p=0.5, stop_sequences=["x"], service_tier="auto", context_management={})
    assert answer.status_code == 200
    assert scripted.requests[0].parameters == {"temperature": 0.5, "max_tokens": 1000, "stop": ["x"]}
    assert answer.headers["X-Ignored-Fields"].split(", ") == ["service_tier", "context_management", "top_p"]


@STREAMED
def test_an_answer_that_the_provider_filtered_is_a_refusal(
    door: Door, scripted: ScriptedProvider, streamed: bool
) -> None:
    scripted.say(["I ca", Finish("content_filter")])
    assert ask(door, streamed=streamed).stop_reason == "refusal"


def test_a_failure_in_a_stream_is_the_clients_error(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["At ", Fail(ProviderError("it broke"))])
    with pytest.raises(anthropic.APIStatusError, match="it broke") as caught:
        ask(door, streamed=True)
    assert caught.value.body["error"]["type"] == "api_error"


def test_a_silence_has_pings(make_door: MakeDoor, scripted: ScriptedProvider) -> None:
    door = make_door(heartbeat_interval=1)
    scripted.say(["At ", Pause(3), "nine."])
    answer = door.ask(stream=True)
    assert 'event: ping\ndata: {"type":"ping"}\n\n' in answer.text
    assert answer.text.endswith('event: message_stop\ndata: {"type":"message_stop"}\n\n')


def test_each_answer_names_its_request(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Hi.")
    for answer in (door.ask(), door.ask(stream=True), door.ask(model="none"), door.http.get("/v1/models/shop")):
        assert answer.headers["request-id"] == answer.headers["X-Request-ID"]


def test_a_message_of_the_system_amid_the_conversation_stays_in_its_place(
    door: Door, scripted: ScriptedProvider
) -> None:
    scripted.say("Nine.")
    messages = [
        {"role": "system", "content": "Be polite."},
        USER,
        {"role": "system", "content": [text("There are two agents.")]},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "When?"},
        {"role": "system", "content": "It is late."},
    ]
    answer = door.ask(messages)
    assert answer.status_code == 200
    assert [(one.role, one.content) for one in scripted.requests[0].messages] == [
        ("system", "Be short.\n\nBe polite."),
        ("user", "Hi\n\n<system-reminder>\nThere are two agents.\n</system-reminder>"),
        ("assistant", "Hello."),
        ("user", "When?\n\n<system-reminder>\nIt is late.\n</system-reminder>"),
    ]


@STREAMED
@pytest.mark.parametrize("shown", [True, False])
def test_thoughts_amid_a_text_part_it_where_they_are_shown(
    door: Door, scripted: ScriptedProvider, streamed: bool, shown: bool
) -> None:
    scripted.say(["At ", "ten. ", ReasoningDelta("No, "), ReasoningDelta("nine."), "At ", "nine."])
    answer = ask(door, streamed=streamed, thinking=THINKING if shown else {"type": "disabled"})
    blocks = [(block.type, block.text if block.type == "text" else block.thinking) for block in answer.content]
    if shown and streamed:
        assert blocks == [("text", "At ten. "), ("thinking", "No, nine."), ("text", "At nine.")]
    elif shown:  # the record of a plain run has all thoughts together
        assert blocks == [("thinking", "No, nine."), ("text", "At ten. At nine.")]
    else:
        assert blocks == [("text", "At ten. At nine.")]


def begun(door: Door) -> tuple[str, Any]:
    """Return the run of a stream that has begun, and its events so far to come."""
    raw = door.client().messages.with_raw_response.create(model="shop", max_tokens=9, messages=[USER], stream=True)
    events = iter(raw.parse())
    assert next(event for event in events if event.type == "content_block_delta").delta.text == "At ni"
    return raw.headers["X-Run-ID"], events


def test_a_run_is_followed_and_cancelled_at_the_servers_own_addresses(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["At ni", Pause(60), "ne."])
    run_id, events = begun(door)
    assert door.http.post(f"/api/v1/runs/{run_id}/cancel").status_code == 202
    with pytest.raises(anthropic.APIStatusError) as caught:
        list(events)
    assert caught.value.body["error"]["details"] == {"error_code": "run_cancelled"}
    assert [event.type for event in door.http.follow(run_id)] == ["run_start", "token", "error"]


def test_a_limit_says_when_to_come_again(make_door: MakeDoor, scripted: ScriptedProvider) -> None:
    door = make_door(max_runs_per_owner=1)
    scripted.say(["At ni", Pause(60)])
    run_id, _ = begun(door)
    with pytest.raises(anthropic.RateLimitError) as caught:
        ask(door)
    assert caught.value.body["error"]["type"] == "rate_limit_error"
    assert caught.value.response.headers["x-should-retry"] == "true"
    assert int(caught.value.response.headers["Retry-After"]) >= 1
    door.http.post(f"/api/v1/runs/{run_id}/cancel")


def test_a_clients_system_prompt_needs_the_agents_leave(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Yes.")
    answer = door.ask(model="closed", system=[text("Talk as a pirate.")])
    assert scripted.requests[0].messages[0].content == "Be short."
    assert answer.headers["X-Ignored-Fields"].split(", ") == ["max_tokens", "system"]


def test_null_is_no_list_of_tools(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Nine.")
    assert door.ask(tools=None).status_code == 200


def test_texts_of_the_system_take_time_in_proportion_to_their_number() -> None:
    reminders = [{"role": "system", "content": "x" * 500}]
    assert growth(lambda count: read_messages({"messages": [USER, *(reminders * count)]})) < 24
