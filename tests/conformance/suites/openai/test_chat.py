"""Chat completions: whole, streamed, with attachments, and of a form."""

from __future__ import annotations

import warnings
from typing import Any

import openai
import pytest
from attachments import PDF, PIXEL, WAV
from pydantic import BaseModel

USER: dict[str, Any] = {"role": "user", "content": "Hi"}


def test_a_completion_is_whole(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="helper", messages=[USER])
    (choice,) = answer.choices
    assert (choice.message.role, choice.message.content) == ("assistant", "0 before: Hi")
    assert (answer.object, answer.model, choice.finish_reason, choice.index) == ("chat.completion", "helper", "stop", 0)
    usage = answer.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (10, 5, 15)
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == 3
    assert usage.completion_tokens_details is not None
    assert usage.completion_tokens_details.reasoning_tokens == 2


def test_messages_are_the_conversation(client: openai.OpenAI) -> None:
    messages = [
        {"role": "system", "content": "Be short."},
        USER,
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": [{"type": "text", "text": "Bye"}]},
    ]
    answer = client.chat.completions.create(model="helper", messages=messages)
    assert answer.choices[0].message.content == "3 before: Bye"


def test_a_stream_has_the_text_of_the_whole_answer(client: openai.OpenAI) -> None:
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model="helper", messages=[USER], stream=True, stream_options=options))
    assert len({chunk.id for chunk in chunks}) == 1
    *said, usage = chunks
    assert said[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in said) == "0 before: Hi"
    assert [chunk.choices[0].finish_reason for chunk in said][-1] == "stop"
    assert (usage.choices, usage.usage and usage.usage.total_tokens) == ([], 15)


def test_a_stream_without_usage_has_none(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="helper", messages=[USER], stream=True))
    assert {chunk.usage for chunk in chunks} == {None}


def test_the_streaming_helper_gathers_the_answer(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="helper", messages=[USER], stream_options={"include_usage": True}
    ) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    assert "".join(event.delta for event in events if event.type == "content.delta") == "0 before: Hi"
    assert [event.content for event in events if event.type == "content.done"] == ["0 before: Hi"]
    assert final.choices[0].message.content == "0 before: Hi"
    assert final.usage is not None


def test_chat_works_in_a_loop(in_loop) -> None:
    async def chat(client: openai.AsyncOpenAI) -> list[str]:
        whole = await client.chat.completions.create(model="helper", messages=[USER])
        stream = await client.chat.completions.create(model="helper", messages=[USER], stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        async with client.chat.completions.stream(model="helper", messages=[USER]) as helper:
            final = await helper.get_final_completion()
        return [str(whole.choices[0].message.content), text, str(final.choices[0].message.content)]

    assert in_loop(chat) == ["0 before: Hi"] * 3


def test_a_client_that_leaves_a_stream_early_can_go_on(client: openai.OpenAI) -> None:
    ask = [{"role": "user", "content": "slow 40"}]
    with client.chat.completions.create(model="helper", messages=ask, stream=True) as stream:
        for chunk in stream:
            if chunk.choices[0].delta.content:
                break
    assert client.chat.completions.create(model="helper", messages=[USER]).choices[0].finish_reason == "stop"


class Person(BaseModel):
    name: str
    age: int


class Meeting(BaseModel):
    title: str
    people: list[Person]
    place: str | None


def test_an_answer_is_parsed_into_a_model(client: openai.OpenAI) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer = client.chat.completions.parse(model="helper", messages=[USER], response_format=Meeting)
    assert answer.choices[0].message.parsed == Meeting(title="text", people=[Person(name="text", age=7)], place="text")


def test_a_streamed_answer_is_parsed_into_a_model(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="helper", messages=[USER], response_format=Person) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    assert final.choices[0].message.parsed == Person(name="text", age=7)
    assert [event.parsed for event in events if event.type == "content.done"] == [Person(name="text", age=7)]


def test_an_answer_that_was_cut_cannot_be_parsed(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="closed", messages=[{"role": "user", "content": "cut"}])
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("This is no", "length")


ATTACHMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "image": (
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}},
        "[image image/png None]",
    ),
    "audio": ({"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}, "[audio audio/wav None]"),
    "file": (
        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "a.pdf"}},
        "[file application/pdf a.pdf]",
    ),
}


@pytest.mark.parametrize("kind", ATTACHMENTS)
def test_attachments_reach_the_model(client: openai.OpenAI, kind: str) -> None:
    part, seen = ATTACHMENTS[kind]
    messages: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "Look:"}, part]}]
    answer = client.chat.completions.create(model="helper", messages=messages)
    assert answer.choices[0].message.content == f"0 before: Look: {seen}"


def test_a_raw_response_has_the_servers_headers(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="closed", messages=[{"role": "system", "content": "Be short."}, USER], temperature=0.5
    )
    answer = raw.parse()
    assert raw.headers["X-Run-ID"] == answer.id.removeprefix("chatcmpl-")
    assert raw.headers["X-Ignored-Fields"].split(", ") == ["temperature", "messages[0]"]
    assert answer._request_id == raw.request_id == raw.headers["x-request-id"]


def test_a_repeat_with_the_same_key_is_the_same_answer(client: openai.OpenAI) -> None:
    headers = {"Idempotency-Key": "chat-once"}
    first, again = (
        client.chat.completions.create(model="helper", messages=[USER], extra_headers=headers) for _ in range(2)
    )
    assert first == again
    with pytest.raises(openai.UnprocessableEntityError):
        client.chat.completions.create(
            model="helper", messages=[{"role": "user", "content": "Other"}], extra_headers=headers
        )


def test_a_session_keeps_what_was_said(client: openai.OpenAI, server) -> None:
    session = server.post("/sessions", {"agent_id": "helper"})["session_id"]
    headers = {"X-AgentOS-Session-Id": session}
    answers = [client.chat.completions.create(model="helper", messages=[USER], extra_headers=headers) for _ in range(3)]
    assert [answer.choices[0].message.content for answer in answers] == [
        "0 before: Hi",
        "2 before: Hi",
        "4 before: Hi",
    ]
    assert server.get(f"/sessions/{session}")["run_count"] == 3


def test_thoughts_are_beside_the_answer(client: openai.OpenAI) -> None:
    ask = [{"role": "user", "content": "think"}]
    message = client.chat.completions.create(model="helper", messages=ask).choices[0].message
    assert (message.content, message.reasoning_content) == ("I thought.", "Let me see.")
    chunks = list(client.chat.completions.create(model="helper", messages=ask, stream=True))
    thoughts = [getattr(chunk.choices[0].delta, "reasoning_content", None) or "" for chunk in chunks]
    assert "".join(thoughts) == "Let me see."
