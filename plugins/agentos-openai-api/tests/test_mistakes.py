"""Typical mistakes with OpenAI's own client, at each operation: which exception it raises, and what that says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest

from agentos import ScriptedProvider
from parts.openai_door import Door, MakeDoor

BIG = "x" * 3000
BAD_SCHEMA = {"type": "list"}
USER = {"role": "user", "content": "Hi"}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "Rain."}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "Rain."}

Ask = Callable[..., Any]
"""Sends a request that is right but for the given fields of its body."""


def chat(client: openai.OpenAI, **fields: Any) -> Any:
    return client.chat.completions.create(model="shop", messages=[USER], extra_body=fields)


def response(client: openai.OpenAI, **fields: Any) -> Any:
    return client.responses.create(model="shop", input="Hi", extra_body=fields)


def conversation(client: openai.OpenAI, **fields: Any) -> Any:
    return client.conversations.create(extra_body=fields)


def update(client: openai.OpenAI, **fields: Any) -> Any:
    made = client.conversations.create()
    return client.conversations.update(made.id, metadata={}, extra_body=fields)


BAD: list[tuple[Ask, dict[str, Any], str | None]] = [
    (chat, {"model": 7}, "model"),
    (chat, {"model": ""}, "model"),
    (chat, {"messages": []}, "messages"),
    (chat, {"messages": [{"role": "user", "content": ""}]}, "messages"),
    (
        chat,
        {"response_format": {"type": "json_schema", "json_schema": {"schema": BAD_SCHEMA}}},
        "response_format",
    ),
    (chat, {"messages": "Hi"}, "messages"),
    (chat, {"messages": ["Hi"]}, "messages[0]"),
    (chat, {"messages": [{"role": "wizard", "content": "Hi"}]}, "messages[0].role"),
    (chat, {"messages": [USER, RESULT]}, "messages[1].tool_call_id"),
    (chat, {"stream": "yes"}, "stream"),
    (chat, {"metadata": "x"}, "metadata"),
    (chat, {"user": 7}, "user"),
    (chat, {"tools": "all"}, "tools"),
    (chat, {"temperature": "hot"}, "temperature"),
    (chat, {"moderation": {"model": "m"}}, "moderation"),
    (response, {"model": 7}, "model"),
    (response, {"input": []}, "input"),
    (response, {"input": ""}, "input"),
    (response, {"input": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hi"}]}, "input"),
    (response, {"input": [{"role": "user", "content": []}]}, "input"),
    (response, {"input": None}, "input"),
    (response, {"text": {"format": {"type": "json_schema", "schema": BAD_SCHEMA}}}, "text.format"),
    (response, {"input": [{"role": "wizard", "content": "Hi"}]}, "input[0].role"),
    (response, {"input": [USER, OUTPUT]}, "input"),
    (response, {"stream": "yes"}, "stream"),
    (response, {"store": "no"}, "store"),
    (response, {"metadata": "x"}, "metadata"),
    (response, {"previous_response_id": 7}, "previous_response_id"),
    (response, {"include": "all"}, "include"),
    (response, {"moderation": {"model": "m"}}, "moderation"),
    (conversation, {"metadata": "x"}, "metadata"),
    (conversation, {"metadata": {"agent_id": 7}}, "metadata.agent_id"),
    (update, {"metadata": "x"}, "metadata"),
]


def name(value: Any) -> str | None:
    return getattr(value, "__name__", None)


@pytest.mark.parametrize(("ask", "fields", "param"), BAD, ids=name)
def test_a_wrong_field_is_a_bad_request_that_names_it(
    door: Door, ask: Ask, fields: dict[str, Any], param: str | None
) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        ask(door.client(), **fields)
    assert (raised.value.type, raised.value.code, raised.value.param) == (
        "invalid_request_error",
        "invalid_request",
        param,
    )


@pytest.mark.parametrize("ask", [chat, response], ids=name)
def test_an_unknown_model_is_not_found(door: Door, ask: Ask) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        ask(door.client(), model="none")
    assert (raised.value.code, raised.value.param) == ("model_not_found", "model")


@pytest.mark.parametrize("ask", [chat, response, conversation, update], ids=name)
def test_a_body_that_is_too_large_is_refused_in_the_same_shape(make_door: MakeDoor, ask: Ask) -> None:
    client = make_door(max_request_size=2048).client()
    with pytest.raises(openai.APIStatusError) as raised:
        ask(client, metadata={"a": BIG})
    assert (raised.value.status_code, raised.value.code, raised.value.type) == (
        413,
        "request_too_large",
        "invalid_request_error",
    )


@pytest.mark.parametrize(
    ("ask", "fields", "param"),
    [
        (chat, {"messages": [{"role": "user", "content": BIG}]}, "messages"),
        (chat, {"metadata": {"a": BIG}}, "metadata"),
        (response, {"input": BIG}, "input"),
        (response, {"input": [{"role": "assistant", "content": BIG}, USER]}, "input"),
        (response, {"metadata": {"a": BIG}}, "metadata"),
        (conversation, {"metadata": {"a": BIG}}, "metadata"),
        (update, {"metadata": {"a": BIG}}, "metadata"),
    ],
    ids=name,
)
def test_a_field_that_is_too_large_is_a_bad_request_that_names_it(
    make_door: MakeDoor, ask: Ask, fields: dict[str, Any], param: str
) -> None:
    client = make_door(max_input_size=1024, max_metadata_size=2048).client()
    with pytest.raises(openai.BadRequestError, match=f"field '{param}'") as raised:
        ask(client, **fields)
    assert (raised.value.type, raised.value.param) == ("invalid_request_error", param)


@pytest.mark.parametrize("ask", [chat, response, conversation, update], ids=name)
def test_an_unknown_field_is_ignored_and_named(door: Door, scripted: ScriptedProvider, ask: Ask) -> None:
    scripted.say("Hi.")
    seen: list[str | None] = []
    client = door.client()
    client._client.event_hooks["response"].append(lambda answer: seen.append(answer.headers.get("X-Ignored-Fields")))
    ask(client, shade=1)
    assert seen[-1] == "shade"


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": "many"}, {"order": "random"}, {"after": "msg_none"}])
@pytest.mark.parametrize("of", ["response", "conversation"])
def test_a_wrong_parameter_of_a_list_is_a_bad_request_that_names_it(
    door: Door, scripted: ScriptedProvider, query: dict[str, Any], of: str
) -> None:
    scripted.say("Hi.")
    client = door.client()
    id = response(client).id if of == "response" else client.conversations.create().id
    ask: Ask = client.responses.input_items.list if of == "response" else client.conversations.items.list
    with pytest.raises(openai.BadRequestError) as raised:
        ask(id, extra_query=query)
    assert raised.value.param == next(iter(query))


@pytest.mark.parametrize(
    "query", [{"stream": "yes"}, {"stream": "true", "starting_after": "x"}, {"starting_after": "-1"}]
)
def test_a_wrong_parameter_of_a_response_is_a_bad_request_that_names_it(
    door: Door, scripted: ScriptedProvider, query: dict[str, str]
) -> None:
    scripted.say("Hi.")
    client = door.client()
    made = response(client)
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.retrieve(made.id, extra_query=query)
    assert raised.value.param == list(query)[-1]


@pytest.mark.parametrize("operation", ["input_tokens", "compact"])
def test_what_is_not_offered_is_not_found_and_the_message_says_why(door: Door, operation: str) -> None:
    offer = door.client().responses
    ask: Ask = offer.compact if operation == "compact" else offer.input_tokens.count
    why = f"/v1/responses/{operation} is not offered: .*; offered are"
    with pytest.raises(openai.NotFoundError, match=why) as raised:
        ask(model="shop", input="Hi")
    assert (raised.value.code, raised.value.type) == ("not_found", "invalid_request_error")
