"""Messages: whole, streamed, with attachments, thoughts, and of a form."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import pytest
from asking import ask, request, text_of
from attachments import PDF, PIXEL
from pydantic import BaseModel

USER: dict[str, Any] = {"role": "user", "content": "Hi"}


def test_a_message_is_whole(client: anthropic.Anthropic) -> None:
    message = ask(client)
    assert [(block.type, block.text) for block in message.content] == [("text", "0 before: Hi")]
    assert (message.type, message.role, message.model) == ("message", "assistant", "helper")
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (7, 3, 5)
    assert usage.output_tokens_details is not None
    assert usage.output_tokens_details.thinking_tokens == 2


def test_messages_are_the_conversation(client: anthropic.Anthropic) -> None:
    messages: list[Any] = [
        USER,
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": [{"type": "text", "text": "Bye", "cache_control": {"type": "ephemeral"}}]},
    ]
    whole = client.messages.create(model="helper", max_tokens=1000, system="Be short.", messages=messages)
    assert text_of(whole) == "3 before: Bye"
    blocks: list[Any] = [{"type": "text", "text": "Be short.", "cache_control": {"type": "ephemeral"}}]
    assert text_of(client.messages.create(model="helper", max_tokens=1000, system=blocks, messages=messages)) == (
        "3 before: Bye"
    )


def test_an_answer_can_be_sent_back_as_it_is(client: anthropic.Anthropic) -> None:
    first = ask(client)
    messages: list[Any] = [USER, first.to_param(), {"role": "user", "content": "And?"}]
    assert text_of(client.messages.create(model="helper", max_tokens=1000, messages=messages)) == "2 before: And?"


def test_a_stream_has_the_events_of_the_whole_message(client: anthropic.Anthropic) -> None:
    events = list(client.messages.create(**request(), stream=True))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    assert len(kinds) > 6
    assert "".join(event.delta.text for event in events if event.type == "content_block_delta") == "0 before: Hi"


def test_the_streaming_helper_gathers_the_message(client: anthropic.Anthropic) -> None:
    whole = ask(client)
    with client.messages.stream(**request()) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
        assert stream.get_final_text() == "0 before: Hi"
        assert stream.request_id
    assert "".join(pieces) == "0 before: Hi"
    assert len(pieces) > 1
    assert (final.content[0].text, final.stop_reason) == ("0 before: Hi", "end_turn")
    assert final.usage.to_dict() == whole.usage.to_dict()
    assert final.id.startswith("msg_")


def test_messages_work_in_a_loop(in_loop) -> None:
    async def chat(client: anthropic.AsyncAnthropic) -> list[str]:
        whole = await client.messages.create(**request())
        stream = await client.messages.create(**request(), stream=True)
        text = "".join([event.delta.text async for event in stream if event.type == "content_block_delta"])
        async with client.messages.stream(**request()) as helper:
            pieces = [piece async for piece in helper.text_stream]
            final = await helper.get_final_message()
        return [text_of(whole), text, "".join(pieces), text_of(final)]

    assert in_loop(chat) == ["0 before: Hi"] * 4


def test_a_client_that_leaves_a_stream_early_can_go_on(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**request("slow 40")) as stream:
        assert next(stream.text_stream)
    assert ask(client).stop_reason == "end_turn"


def test_fifty_at_once_get_their_own_answers(client: anthropic.Anthropic) -> None:
    def gather(number: int) -> str:
        if number % 2:
            return text_of(ask(client, f"number {number}"))
        with client.messages.stream(**request(f"number {number}")) as stream:
            return stream.get_final_text()

    with ThreadPoolExecutor(50) as threads:
        assert list(threads.map(gather, range(50))) == [f"0 before: number {number}" for number in range(50)]


class Person(BaseModel):
    name: str
    age: int


class Meeting(BaseModel):
    title: str
    people: list[Person]


MEETING = Meeting(title="text", people=[Person(name="text", age=7)])


def test_an_answer_is_parsed_into_a_model(client: anthropic.Anthropic) -> None:
    message = client.messages.parse(**request(), output_format=Meeting)
    assert message.parsed_output == MEETING


def test_a_streamed_answer_is_parsed_into_a_model(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**request(), output_format=Meeting) as stream:
        final = stream.get_final_message()
    assert final.parsed_output == MEETING


def test_an_answer_that_was_cut_says_so(client: anthropic.Anthropic) -> None:
    message = ask(client, "cut")
    assert (text_of(message), message.stop_reason) == ("This is no", "max_tokens")


def test_an_answer_that_was_refused_says_so(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**request("refuse")) as stream:
        streamed = stream.get_final_message()
    assert [message.stop_reason for message in (ask(client, "refuse"), streamed)] == ["refusal"] * 2


IMAGE: dict[str, Any] = {"type": "base64", "media_type": "image/png", "data": PIXEL}
DOCUMENT: dict[str, Any] = {"type": "base64", "media_type": "application/pdf", "data": PDF}
ATTACHMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "image": ({"type": "image", "source": IMAGE}, "[image image/png None]"),
    "document": ({"type": "document", "source": DOCUMENT, "title": "a.pdf"}, "[file application/pdf a.pdf]"),
}


@pytest.mark.parametrize("kind", ATTACHMENTS)
def test_attachments_reach_the_model(client: anthropic.Anthropic, kind: str) -> None:
    block, seen = ATTACHMENTS[kind]
    messages: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "Look:"}, block]}]
    message = client.messages.create(model="helper", max_tokens=1000, messages=messages)
    assert text_of(message) == f"0 before: Look: {seen}"


def test_thoughts_are_blocks_and_can_be_sent_back(client: anthropic.Anthropic) -> None:
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    first = ask(client, "think", max_tokens=2000, thinking=thinking)
    assert [block.type for block in first.content] == ["thinking", "text"]
    assert (first.content[0].thinking, text_of(first)) == ("Let me see.", "I thought.")
    assert first.content[0].signature
    with client.messages.stream(**request("think", max_tokens=2000, thinking=thinking)) as stream:
        events = list(stream)
        streamed = stream.get_final_message()
    assert "".join(event.thinking for event in events if event.type == "thinking") == "Let me see."
    assert [block.type for block in streamed.content] == ["thinking", "text"]
    assert streamed.content[0].signature
    for answer in (first, streamed):
        messages: list[Any] = [
            {"role": "user", "content": "think"},
            {"role": "assistant", "content": answer.content},
            {"role": "user", "content": "And?"},
        ]
        again = client.messages.create(model="helper", max_tokens=2000, thinking=thinking, messages=messages)
        assert text_of(again) == "2 before: And?"


def test_a_raw_response_has_the_servers_headers(client: anthropic.Anthropic) -> None:
    raw = client.messages.with_raw_response.create(
        **request(model="closed", system="Be short.", extra_body={"temperature": 0.5})
    )
    message = raw.parse()
    assert message.id.startswith(f"msg_{raw.headers['X-Run-ID'].replace('-', '')}")
    assert {"system", "temperature"} <= set(raw.headers["X-Ignored-Fields"].split(", "))
    assert message._request_id == raw.request_id == raw.headers["request-id"]


def test_tokens_are_counted_before_a_request(client: anthropic.Anthropic) -> None:
    def count(text: str, **more: Any) -> int:
        messages: list[Any] = [{"role": "user", "content": text}]
        return client.messages.count_tokens(model="helper", messages=messages, **more).input_tokens

    assert 0 < count("Hi") < count("Hi " * 100)
    tool: Any = {"name": "weather", "description": "Tell the weather. " * 20, "input_schema": {"type": "object"}}
    assert count("Hi", system="Be short. " * 50) > count("Hi")
    assert count("Hi", tools=[tool]) > count("Hi")


def test_a_repeat_with_the_same_key_is_the_same_message(client: anthropic.Anthropic) -> None:
    headers = {"Idempotency-Key": "message-once"}
    first, again = (ask(client, extra_headers=headers) for _ in range(2))
    assert first == again
    with pytest.raises(anthropic.UnprocessableEntityError):
        ask(client, "Other", extra_headers=headers)
    headers = {"Idempotency-Key": "stream-once"}
    streams = [list(client.messages.create(**request(extra_headers=headers), stream=True)) for _ in range(2)]
    assert streams[0] == streams[1]


def test_a_session_keeps_what_was_said(client: anthropic.Anthropic, server) -> None:
    session = server.post("/sessions", {"agent_id": "helper"})["session_id"]
    headers = {"X-AgentOS-Session-Id": session}
    answers = [text_of(ask(client, extra_headers=headers)) for _ in range(3)]
    assert answers == ["0 before: Hi", "2 before: Hi", "4 before: Hi"]
    assert server.get(f"/sessions/{session}")["run_count"] == 3


def test_the_users_id_is_that_of_the_run(client: anthropic.Anthropic, server) -> None:
    message = ask(client, metadata={"user_id": "user-7"})
    assert server.run(message.id)["user_id"] == "user-7"


def test_both_kinds_of_credentials_are_taken(url: str, key: str) -> None:
    with anthropic.Anthropic(base_url=url, auth_token=key, max_retries=0) as client:
        assert text_of(ask(client)) == "0 before: Hi"
        assert client.models.retrieve("helper").id == "helper"
