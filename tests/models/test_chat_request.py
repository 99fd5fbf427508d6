from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest

from agentos.domain.media import Media
from agentos.domain.message import Message, ToolCall
from agentos.domain.tool_spec import ToolSpec
from agentos.errors import InvalidMedia, ProviderError
from agentos.models.chat_completions.request import request_body
from agentos.models.request import ModelRequest
from agentos.models.wire.options import encode_body

ADD = ToolSpec("add", "Add two numbers.", MappingProxyType({"type": "object", "properties": {}}))


def encode(*messages: Message, **fields: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode_body(request_body(ModelRequest(model="m", messages=messages, **fields))))
    return body


def message(*messages: Message) -> Any:
    return encode(*messages)["messages"][-1]


def test_a_plain_request_asks_for_a_stream_with_usage() -> None:
    assert encode(Message("system", "Be brief."), Message("user", "Hi")) == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_tool_calls_and_results_keep_their_ids() -> None:
    call = Message("assistant", tool_calls=(ToolCall("c1", "add", '{"a": 1}'),))
    function = {"name": "add", "arguments": '{"a": 1}'}
    assert encode(call, Message("tool", "3", tool_call_id="c1"))["messages"] == [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "c1", "content": "3"},
    ]


@pytest.mark.parametrize(
    ("written", "sent"),
    [("", "{}"), ('{"a": ', '{"invalid_arguments":"{\\"a\\": "}'), ("[1]", '{"invalid_arguments":"[1]"}')],
)
def test_arguments_in_the_history_always_parse(written: str, sent: str) -> None:
    encoded = message(Message("assistant", tool_calls=(ToolCall("c1", "add", written),)))
    assert encoded["tool_calls"][0]["function"]["arguments"] == sent


@pytest.mark.parametrize(
    ("media", "part"),
    [
        (Media("image", url="https://x/y.png"), {"type": "image_url", "image_url": {"url": "https://x/y.png"}}),
        (
            Media("image", data="AAAA", content_type="image/png"),
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ),
        (
            Media("image", url="https://x/y.png", data="AAAA", content_type="image/png"),
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ),
        (
            Media("audio", data="AAAA", content_type="audio/wav"),
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        ),
        (
            Media("audio", data="AAAA", content_type="audio/mpeg"),
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        ),
        (
            Media("file", data="AAAA", content_type="application/pdf", name="a.pdf"),
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
        ),
    ],
)
def test_attachments_follow_the_text(media: Media, part: dict[str, Any]) -> None:
    sent = message(Message("user", "Look", media=(media,)))
    assert sent["content"] == [{"type": "text", "text": "Look"}, part]


def test_an_attachment_needs_no_text() -> None:
    assert len(message(Message("user", media=(Media("image", url="https://x/y"),)))["content"]) == 1


@pytest.mark.parametrize(
    "media",
    [
        Media("video", url="https://x/y"),
        Media("audio", url="https://x/y"),
        Media("file", url="https://x/y"),
        Media("audio", data="AAAA", content_type="audio/flac"),
    ],
)
def test_an_attachment_without_a_place_in_the_format_is_refused(media: Media) -> None:
    with pytest.raises(InvalidMedia):
        message(Message("user", "Look", media=(media,)))


def test_parameters_pass_but_cannot_replace_model_messages_and_stream() -> None:
    body = encode(
        parameters={
            "temperature": 0,
            "seed": 1,
            "model": "x",
            "messages": [],
            "stream": False,
            "stream_options": {"a": 1},
        }
    )
    assert (body["temperature"], body["seed"], body["model"], body["stream"]) == (0, 1, "m", True)
    assert body["stream_options"] == {"a": 1, "include_usage": True}


def test_the_output_limit_has_the_servers_name() -> None:
    body = encode(parameters={"max_output_tokens": 5})
    assert body["max_tokens"] == 5
    assert "max_output_tokens" not in body


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("auto", "auto"),
        ("required", "required"),
        ("add", {"type": "function", "function": {"name": "add"}}),
        ({"type": "allowed_tools"}, {"type": "allowed_tools"}),
    ],
)
def test_a_tool_choice_is_a_word_or_the_name_of_a_tool(given: Any, sent: Any) -> None:
    body = encode(tools=(ADD,), parameters={"tool_choice": given})
    assert body["tool_choice"] == sent
    assert body["tools"][0]["function"] == {
        "name": "add",
        "description": "Add two numbers.",
        "parameters": dict(ADD.parameters),
    }


def test_without_tools_nothing_is_said_about_them() -> None:
    assert encode(parameters={"tool_choice": "auto", "parallel_tool_calls": False}).keys() == encode().keys()


CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (CLOSED, True),
        ({**CLOSED, "required": []}, False),
        ({**CLOSED, "additionalProperties": True}, False),
        ({**CLOSED, "properties": {"a": {"type": "string", "maxLength": 5}}}, False),
        ({**CLOSED, "properties": {"a": {"type": "array", "items": {"type": "object"}}}}, False),
        ({**CLOSED, "properties": {"a": {"anyOf": [CLOSED, {"type": "null"}]}}}, True),
        ({"type": "array", "items": CLOSED}, False),
    ],
)
def test_an_output_schema_is_strict_where_strict_mode_would_take_it(schema: dict[str, Any], strict: bool) -> None:
    assert encode(output_schema={**schema, "title": "My answer"})["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "My_answer", "schema": {**schema, "title": "My answer"}, "strict": strict},
    }


def test_parameters_that_are_not_json_are_refused() -> None:
    with pytest.raises(ProviderError, match="cannot be written as JSON"):
        encode(parameters={"temperature": object()})
