"""Chat completions with OpenAI's own client."""

from __future__ import annotations

import asyncio
import json

import openai
import pytest
from agentos_openai_api.chat.forms import completion_json
from agentos_openai_api.ids import TOOL_CALLS
from pydantic import BaseModel

from agentos import Agent, Finish, ProviderError, ReasoningDelta, ScriptedProvider, Usage, tool
from agentos.testing import PIXEL, Fail, Pause, call
from agentos.web import AnswerReader, is_plain, plain_answer, read_answer
from parts.openai_door import Door, MakeDoor

SESSION = "X-AgentOS-Session-Id"


def ask(door: Door, **fields):
    given = {"model": "shop", "messages": [{"role": "user", "content": "When do you open?"}], **fields}
    return door.client().chat.completions.create(**given)


def test_an_agent_answers_as_a_model(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say([*"At nine.", Usage(7, 3, 1, 2)])
    answer = ask(door)
    (choice,) = answer.choices
    assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", "At nine.", "stop")
    assert (answer.object, answer.model) == ("chat.completion", "shop")
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (7, 3, 10)
    assert usage.prompt_tokens_details.cached_tokens == 2
    assert usage.completion_tokens_details.reasoning_tokens == 1
    run_id = answer.id.removeprefix("chatcmpl-")
    assert door.http.get(f"/api/v1/runs/{run_id}").json["content"] == "At nine."


def test_a_stream_has_the_same_answer(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["At ", "nine\u2028.", Usage(7, 3)])
    chunks = list(ask(door, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "At nine\u2028."
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == 10
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)


def test_the_clients_stream_helper_reads_it(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["At ", "nine."])
    messages = [{"role": "user", "content": "Hi"}]
    with door.client().chat.completions.stream(model="shop", messages=messages) as stream:
        events = [event.type for event in stream]
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "At nine."
    assert {"content.delta", "content.done"} <= set(events)


def test_the_client_for_coroutines_reads_it(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["At ", "nine."])

    async def read() -> list[str]:
        async with door.async_client() as client:
            messages = [{"role": "user", "content": "Hi"}]
            whole = await client.chat.completions.create(model="shop", messages=messages)
            stream = await client.chat.completions.create(model="shop", messages=messages, stream=True)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
            return [whole.choices[0].message.content, "".join(pieces)]

    assert asyncio.run(read()) == ["At nine.", "At nine."]


def test_the_conversation_is_the_clients(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Nine.")
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": [{"type": "text", "text": "When do"}, {"type": "text", "text": "you open?"}]},
    ]
    ask(door, messages=messages)
    said = [(one.role, one.content) for one in scripted.requests[0].messages]
    assert said == [
        ("system", "Be short."),
        ("user", "Hi"),
        ("assistant", "Hello."),
        ("user", "When do\nyou open?"),
    ]


def test_an_image_reaches_the_model(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("A dot.")
    parts = [
        {"type": "text", "text": "What is it?"},
        {
            "type": "image_url",
            "image_url": {"url": f"data:image/png;base64,{PIXEL.data}", "detail": "low"},
        },
    ]
    ask(door, messages=[{"role": "user", "content": parts}])
    (image,) = scripted.requests[0].messages[-1].media
    assert (image.type, image.content_type, image.data) == ("image", "image/png", PIXEL.data)


def test_structured_output_is_parsed_by_the_client(door: Door, scripted: ScriptedProvider) -> None:
    class Hours(BaseModel):
        opens: int

    scripted.say('{"opens": 9}')
    messages = [{"role": "user", "content": "When?"}]
    answer = door.client().chat.completions.parse(model="shop", messages=messages, response_format=Hours)
    assert answer.choices[0].message.parsed == Hours(opens=9)
    assert scripted.requests[0].output_schema["properties"]["opens"] == {"title": "Opens", "type": "integer"}


@pytest.mark.parametrize("streamed", [False, True])
def test_texts_before_and_after_a_servers_tool_are_one_answer(
    make_door: MakeDoor, scripted: ScriptedProvider, streamed: bool
) -> None:
    @tool
    def hours() -> str:
        """Read the hours."""
        return "9 to 5"

    door = make_door(Agent(id="shop", model="test:m", tools=[hours]))
    scripted.say(["Let me look.", call("hours")], "At nine.")
    answer = ask(door, stream=streamed)
    if streamed:
        chunks = list(answer)
        assert not any(chunk.choices[0].delta.tool_calls for chunk in chunks)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    else:
        assert answer.choices[0].message.tool_calls is None
        text = answer.choices[0].message.content
    assert text == "Let me look.\n\nAt nine."


@pytest.mark.parametrize("streamed", [False, True])
def test_a_servers_tools_are_shown_where_the_client_asks(
    make_door: MakeDoor, scripted: ScriptedProvider, streamed: bool
) -> None:
    @tool
    def hours(day: str) -> str:
        """Read the hours."""
        return "9 to 5"

    door = make_door(Agent(id="shop", model="test:m", tools=[hours]))
    scripted.say([call("hours", '{"day": "Monday"}')], "At nine.")
    answer = ask(door, stream=streamed, extra_headers={"X-AgentOS-Show-Tools": "1"})
    if streamed:
        shown = "".join(getattr(chunk.choices[0].delta, "reasoning_content", "") for chunk in answer)
    else:
        shown = answer.choices[0].message.reasoning_content
    assert shown == 'hours({"day":"Monday"})\nhours → 9 to 5\n'


def test_a_plain_run_is_answered_from_its_record_as_from_its_events(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say([ReasoningDelta("Hm, "), ReasoningDelta("nine."), "At ", "nine.", Usage(7, 3, 1), Finish("length")])
    answer = ask(door)
    handle = door.server.runs.open(answer.id.removeprefix("chatcmpl-"), door.server.principal("test"))
    run = handle.get()
    assert is_plain(run)
    read = read_answer(run, handle.follow(0, heartbeat=60), AnswerReader(TOOL_CALLS))
    assert read == plain_answer(run)
    assert completion_json(run, read) == answer.model_dump(exclude_unset=True)
    assert answer.choices[0].message.reasoning_content == "Hm, nine."


def test_what_the_agent_allows_reaches_the_model(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Yes.")
    answer = door.chat(temperature=0.5, max_tokens=20, top_p=0.5, frequency_penalty=1, prediction={"type": "content"})
    assert answer.status_code == 200
    assert scripted.requests[0].parameters == {"temperature": 0.5, "max_tokens": 20}
    assert answer.headers["X-Ignored-Fields"].split(", ") == ["prediction", "top_p", "frequency_penalty"]


def test_a_clients_system_message_follows_the_agents_instructions(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Arr.")
    messages = [{"role": "system", "content": "Talk as a pirate."}, {"role": "user", "content": "Hi"}]
    assert "X-Ignored-Fields" not in door.chat(messages).headers
    assert scripted.requests[0].messages[0].content == "Be short.\n\nTalk as a pirate."


def test_a_system_message_that_the_agent_does_not_allow_is_left_out_and_named(
    door: Door, scripted: ScriptedProvider
) -> None:
    scripted.say("Hi.")
    messages = [{"role": "developer", "content": "Talk as a pirate."}, {"role": "user", "content": "Hi"}]
    answer = door.chat(messages, model="closed")
    assert answer.headers["X-Ignored-Fields"] == "messages[0]"
    assert [one.content for one in scripted.requests[0].messages] == ["Be short.", "Hi"]


def test_an_output_limit_is_a_true_finish_reason(make_door: MakeDoor, scripted: ScriptedProvider) -> None:
    door = make_door()
    scripted.say(["At ni", Finish("length")])
    assert ask(door).choices[0].finish_reason == "length"
    assert [chunk.choices[0].finish_reason for chunk in ask(door, stream=True)][-1] == "length"


def test_a_repeat_with_an_idempotency_key_is_the_same_answer(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("One.", "Two.")
    first, again = (ask(door, extra_headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.id, first.choices) == (again.id, again.choices)
    assert len(scripted.requests) == 1


def test_the_user_is_kept_with_the_run(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Hi.")
    answer = ask(door, user="ann", metadata={"ticket": "7"})
    run = door.http.get(f"/api/v1/runs/{answer.id.removeprefix('chatcmpl-')}").json
    assert (run["user_id"], run["metadata"]) == ("ann", {"ticket": "7"})


def test_a_failure_in_a_stream_is_an_error_of_the_client_and_no_end(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["At ni", Fail(ProviderError("the model is gone"))])
    with pytest.raises(openai.APIError, match="the model is gone"):
        list(ask(door, stream=True))
    body = door.chat(stream=True).text
    assert "[DONE]" not in body
    assert json.loads(body.strip().rpartition("data: ")[2])["error"]["code"] == "provider_error"


def test_a_run_is_followed_and_cancelled_at_the_servers_own_addresses(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say(["At ni", Pause(20), "ne."])
    stream = ask(door, stream=True)
    chunks = iter(stream)
    run_id = next(chunks).id.removeprefix("chatcmpl-")
    assert next(chunks).choices[0].delta.content == "At ni"
    assert door.http.post(f"/api/v1/runs/{run_id}/cancel").status_code == 202
    with pytest.raises(openai.APIError) as caught:
        list(chunks)
    assert caught.value.code == "run_cancelled"
    assert [event.type for event in door.http.follow(run_id)] == ["run_start", "token", "error"]


def test_a_limit_says_when_to_come_again(make_door: MakeDoor, scripted: ScriptedProvider) -> None:
    door = make_door(max_runs_per_owner=1)
    scripted.say(["At ni", Pause(20)])
    stream = ask(door, stream=True)
    run_id = next(iter(stream)).id.removeprefix("chatcmpl-")
    answer = door.chat()
    assert (answer.status_code, answer.json["error"]["type"]) == (429, "rate_limit_error")
    assert answer.headers["x-should-retry"] == "true"
    assert int(answer.headers["Retry-After"]) >= 1
    door.http.post(f"/api/v1/runs/{run_id}/cancel")
    stream.close()


def test_a_key_in_another_session_is_another_request(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("One.", "Two.")
    for named in (SESSION, "X-OpenWebUI-Chat-Id"):
        places = [session_of(door) if named == SESSION else f"chat-{number}" for number in range(2)]
        key = {"Idempotency-Key": named}
        assert door.chat(headers={named: places[0], **key}).status_code == 200
        assert door.chat(headers={named: places[0], **key}).headers["Idempotency-Replayed"] == "true"
        other = door.chat(headers={named: places[1], **key})
        assert (other.status_code, other.json["error"]["code"]) == (422, "idempotency_mismatch")


def session_of(door: Door) -> str:
    return str(door.http.post("/api/v1/sessions", json={"agent_id": "shop"}).json["session_id"])


def test_null_is_no_list_of_tools(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Hi.")
    assert door.chat(tools=None).json["choices"][0]["message"]["content"] == "Hi."


def test_an_error_names_the_message_as_the_client_counts_them(door: Door) -> None:
    system, user = {"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}
    error = door.chat([system, {**user, "content": "x" * 2_000_000}, user]).json["error"]
    assert (error["param"], "'messages[1].content'" in error["message"]) == ("messages[1].content", True)
