"""How a request is written for a server, and what happens when it refuses a field."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from agentos.domain.message import Message, ToolCall
from agentos.errors import ExecutionError, ProviderError
from agentos.models.chat_completions import Dialect, dialect_for
from agentos.models.chat_completions.request import request_body
from agentos.models.deltas import each
from agentos.models.request import ModelRequest
from agentos.models.servers.chat import OPTIONS
from agentos.models.servers.table import SERVERS
from agentos.models.wire.options import encode_body
from agentos.models.wire.refusals import MAX_OF_MODEL, MAX_REMEMBERED, Refusals
from parts.deltas import text_of
from parts.replay_server import error, stream

OK = stream([{"content": "ok"}])
CALLS = Message("assistant", tool_calls=(ToolCall("call_1", "add", "{}"), ToolCall("aB3dE6gH9", "add", "{}")))
RESULTS = (Message("tool", "1", tool_call_id="call_1"), Message("tool", "2", tool_call_id="aB3dE6gH9"))


def body(*messages: Message, server: Dialect | None = None, **parameters: Any) -> dict[str, Any]:
    request = ModelRequest(model="m", messages=messages or (Message("user", "Hi"),), parameters=parameters)
    sent: dict[str, Any] = json.loads(encode_body(request_body(request, server or Dialect())))
    return sent


# --- the table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("https://api.openai.com/v1", Dialect(output_limit="max_completion_tokens")),
        ("https://eu.api.openai.com/v1", Dialect(output_limit="max_completion_tokens")),
        ("https://my-resource.openai.azure.com/openai/v1", Dialect(output_limit="max_completion_tokens")),
        ("https://API.GROQ.COM/openai/v1", Dialect(output_limit="max_completion_tokens")),
        ("https://api.mistral.ai/v1", Dialect(stream_options=False, tool_call_ids="alphanumeric9")),
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", Dialect(content_beside_tool_calls="empty")),
        ("https://api.openai.com.evil.example/v1", Dialect()),
        ("https://notmistral.ai/v1", Dialect()),
        ("http://127.0.0.1:11434/v1", Dialect()),
        ("http://[::1", Dialect()),
    ],
)
def test_a_well_known_server_has_its_dialect(url: str, dialect: Dialect) -> None:
    assert dialect_for(url) == dialect


def test_options_replace_what_the_table_says() -> None:
    options = {"stream_options": False, "output_limit": "max_completion_tokens", "instructions_role": "developer"}
    assert Dialect().with_options(options) == Dialect(
        stream_options=False, output_limit="max_completion_tokens", instructions_role="developer"
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stream_option": False}, "'stream_option' does not exist; accepted: stream_options, output_limit"),
        ({"stream_options": 0}, "'stream_options' is 0; accepted: true, false"),
        ({"output_limit": "n"}, "accepted: 'max_tokens', 'max_completion_tokens'"),
        ({"output_limit": ["max_tokens"]}, "accepted: 'max_tokens'"),
    ],
)
def test_an_option_that_does_not_exist_is_refused_with_those_that_do(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        Dialect().with_options(options)
    with pytest.raises(ProviderError, match=re.escape(words)):
        body(dialect=options)


def test_the_page_about_model_servers_has_every_option_and_host() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "model-servers.md").read_text("utf-8")
    hosts = [host for host, known in SERVERS.items() if known.chat != Dialect()]
    assert {name for name in [*OPTIONS, *hosts] if f"`{name}`" not in page} == set()
    assert set(OPTIONS) == {field.name for field in fields(Dialect)}


# --- what each option does --------------------------------------------------------------------------------------------


def test_stream_options_are_sent_where_the_server_takes_them() -> None:
    assert body()["stream_options"] == {"include_usage": True}
    assert "stream_options" not in body(server=Dialect(stream_options=False))
    assert "stream_options" not in body(stream_options=None)
    assert "stream_options" not in body(dialect={"stream_options": False})


def test_the_output_limit_has_the_servers_name() -> None:
    assert body(max_output_tokens=5)["max_tokens"] == 5
    assert body(max_output_tokens=5, server=Dialect(output_limit="max_completion_tokens"))["max_completion_tokens"] == 5


def test_instructions_have_the_servers_role() -> None:
    messages = Message("system", "Be kind."), Message("user", "Hi")
    assert [one["role"] for one in body(*messages)["messages"]] == ["system", "user"]
    developer = body(*messages, server=Dialect(instructions_role="developer"))
    assert [one["role"] for one in developer["messages"]] == ["developer", "user"]


def test_ids_of_nine_characters_are_the_same_for_a_call_and_its_result() -> None:
    assistant, *results = body(CALLS, *RESULTS, server=Dialect(tool_call_ids="alphanumeric9"))["messages"]
    ids = [call["id"] for call in assistant["tool_calls"]]
    assert ids == [result["tool_call_id"] for result in results]
    assert re.fullmatch("[A-Za-z0-9]{9}", ids[0])
    assert ids[1] == "aB3dE6gH9"


@pytest.mark.parametrize(
    ("option", "content"), [("null", {"content": None}), ("empty", {"content": ""}), ("absent", {})]
)
@pytest.mark.parametrize("text", ["", " \n"])
def test_content_beside_calls_is_what_the_server_takes(option: Any, content: dict[str, Any], text: str) -> None:
    calls = Message("assistant", text, tool_calls=CALLS.tool_calls)
    [sent] = body(calls, server=Dialect(content_beside_tool_calls=option))["messages"]
    assert {key: sent[key] for key in sent if key == "content"} == content


def test_fields_to_return_stand_beside_the_usual_ones_and_never_replace_them() -> None:
    wrong = {"role": "system", "content": "x", "tool_calls": [], "id": "x", "type": "x", "function": {}, "name": "x"}
    calls = (ToolCall("call_1", "add", "{}", {"extra_content": {"a": 1}, **wrong}),)
    message = Message("assistant", "Hi", tool_calls=calls, provider_details={"reasoning_content": "hm", **wrong})
    [sent] = body(message)["messages"]
    assert sent.keys() >= {"reasoning_content", "role", "content", "tool_calls"}
    assert (sent["role"], sent["content"], sent["reasoning_content"]) == ("assistant", "Hi", "hm")
    [call] = sent["tool_calls"]
    assert (call["id"], call["type"], call["function"]["name"], call["extra_content"]) == (
        "call_1", "function", "add", {"a": 1},
    )  # fmt: skip


def test_reasoning_is_returned_beside_calls_only() -> None:
    given = {"reasoning_content": "hm", "reasoning_details": [1]}
    assert body(Message("assistant", "Hi", provider_details=given))["messages"] == [
        {"role": "assistant", "content": "Hi", "reasoning_details": [1]}
    ]


# --- what an agent adds -----------------------------------------------------------------------------------------------


def test_an_extra_body_is_merged_last_but_is_not_the_request() -> None:
    extra = {"top_k": 5, "temperature": 1, "model": "x", "messages": [], "stream": False}
    sent = body(temperature=0, extra_body=extra)
    assert (sent["top_k"], sent["temperature"], sent["model"], sent["stream"]) == (5, 1, "m", True)
    assert len(sent["messages"]) == 1
    assert "extra_body" not in sent


def test_extra_headers_and_query_go_with_the_agents_requests_alone(play, ask) -> None:
    client, server = play(OK)
    headers = {"X-Team": "a b", "host": "x", "Content-Length": "7", "Transfer-Encoding": "x", "User-Agent": "mine"}
    parameters = {"extra_headers": headers, "extra_query": {"api-version": "1", "tag": ["a b", 2], "on": True}}
    list(client.stream(ask("m", parameters=parameters)))
    list(client.stream(ask("m")))
    first, second = server.heads
    assert first.startswith("POST /v1/chat/completions?api-version=1&tag=a+b&tag=2&on=true HTTP/1.1")
    assert "X-Team: a b" in first
    assert "host: x" not in first
    assert "Content-Length: 7\r" not in first
    assert "ransfer-" not in first
    assert "User-Agent: agentos/" in first
    assert second.startswith("POST /v1/chat/completions HTTP/1.1")
    assert "X-Team" not in second
    assert not {"extra_headers", "extra_query"} & server.requests[0].keys()


@pytest.mark.parametrize("name", ["dialect", "extra_body", "extra_headers", "extra_query"])
def test_what_is_no_object_is_refused(play, ask, name: str) -> None:
    client, server = play(OK)
    with pytest.raises(ProviderError, match=f"'{name}' is not accepted: give an object"):
        list(client.stream(ask("m", parameters={name: "x"})))
    assert server.requests == []


def test_a_header_that_is_a_secret_is_not_shown(play, ask) -> None:
    client, _ = play(error("400 X", {"error": {"message": "who is hunter2hunter2?"}}))
    with pytest.raises(ProviderError, match="who is …") as raised:
        list(client.stream(ask("m", parameters={"extra_headers": {"X-Auth": "hunter2hunter2"}})))
    assert "hunter2" not in raised.value.message


# --- refused optional fields ------------------------------------------------------------------------------------------


def pydantic(*place: str, words: str = "Extra inputs are not permitted") -> dict[str, Any]:
    return {"detail": [{"type": "extra_forbidden", "loc": ["body", *place], "msg": words}]}


def openai(words: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": words, "param": param, "code": code}}


SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}

REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("stream_options", {}, pydantic("stream_options", "include_usage"), {}),
    ("stream_options", {}, openai("Unrecognized request argument supplied: stream_options"), {}),
    ("stream_options", {}, openai("unknown field: include_usage"), {}),
    (
        "max_tokens",
        {"max_output_tokens": 5},
        openai(
            "Unsupported parameter: 'max_tokens' is not supported here. Use 'max_completion_tokens' instead.",
            "max_tokens",
        ),
        {"max_completion_tokens": 5},
    ),
    (
        "temperature",
        {"temperature": 0.2},
        openai(
            "Unsupported value: 'temperature' does not support 0.2 here. Only the default (1) value is supported.",
            "temperature",
        ),
        {},
    ),
    ("temperature", {"temperature": 0.2}, openai("invalid temperature: only 1 is allowed for this model"), {}),
    ("top_p", {"top_p": 0.2}, openai("top_p is not supported"), {}),
    (
        "reasoning_effort",
        {"reasoning_effort": "low"},
        openai("Unrecognized request argument supplied: reasoning_effort"),
        {},
    ),
    ("seed", {"seed": 1}, openai("property 'seed' is unsupported"), {}),
]


@pytest.mark.parametrize(("field", "parameters", "refusal", "instead"), REFUSED)
@pytest.mark.parametrize("status", ["400 X", "422 X", "404 X"])
def test_a_refused_optional_field_is_left_out_and_remembered(
    play, ask, caplog, field: str, parameters: dict[str, Any], refusal: Any, instead: dict[str, Any], status: str
) -> None:
    client, server = play(error(status, refusal), OK)
    for _ in range(2):
        assert text_of(each(client.stream(ask("m", parameters=parameters)))) == "ok"
    assert [field in body for body in server.requests] == [True, False, False]
    for sent in server.requests[1:]:
        assert instead.items() <= sent.items()
    assert f"refuses '{field}'" in caplog.text


def test_several_refused_fields_are_left_out_one_by_one(play, ask) -> None:
    refusals = [error("400 X", openai(f"{name} is not supported", name)) for name in ("seed", "max_tokens")]
    client, server = play(*refusals, error("400 X", openai("max_completion_tokens is not supported")), OK)
    assert text_of(each(client.stream(ask("m", parameters={"seed": 1, "max_tokens": 5})))) == "ok"
    assert not {"seed", "max_tokens", "max_completion_tokens"} & server.requests[-1].keys()


def test_a_developer_role_becomes_system(play, ask) -> None:
    refusal = openai("messages[0].role: 'developer' is not one of system, user, assistant, tool")
    client, server = play(error("400 X", refusal), OK, dialect=Dialect(instructions_role="developer"))
    list(client.stream(ask("m", messages=(Message("system", "Be kind."), Message("user", "Hi")))))
    assert [body["messages"][0]["role"] for body in server.requests] == ["developer", "system"]


def test_a_strictness_that_is_refused_is_left_out_and_the_schema_is_not(play, ask) -> None:
    refusal = pydantic("response_format", "json_schema", "strict")
    client, server = play(error("422 X", refusal), OK)
    list(client.stream(ask("m", output_schema=SCHEMA)))
    assert server.requests[1]["response_format"]["json_schema"] == {"name": "output", "schema": SCHEMA}


def test_fields_to_return_that_are_refused_are_left_out(play, ask) -> None:
    calls = (ToolCall("call_1", "add", "{}", {"extra_content": {"a": 1}}),)
    message = Message("assistant", tool_calls=calls, provider_details={"reasoning_content": "hm"})
    messages = (Message("user", "Hi"), message, Message("tool", "1", tool_call_id="call_1"))
    client, server = play(error("422 X", pydantic("messages", "1", "assistant", "reasoning_content")), OK)
    list(client.stream(ask("m", messages=messages)))
    assert ["reasoning_content" in body["messages"][1] for body in server.requests] == [True, False]
    assert "extra_content" in server.requests[1]["messages"][1]["tool_calls"][0]


@pytest.mark.parametrize(
    ("parameters", "status", "refusal"),
    [
        (
            {"temperature": 5},
            "400 X",
            openai("temperature must be between 0 and 2", "temperature", "decimal_above_max_value"),
        ),
        (
            {"temperature": "x"},
            "422 X",
            {"detail": [{"loc": ["body", "temperature"], "msg": "Input should be a number"}]},
        ),
        ({"max_tokens": 10**6}, "400 X", openai("max_tokens is too large: 1000000", "max_tokens")),
        ({"tool_choice": "required"}, "400 X", openai("tool_choice is not supported", "tool_choice")),
        ({"response_format": {"type": "json"}}, "400 X", openai("response_format is not supported", "response_format")),
        ({"seed": 1}, "400 X", openai("something else is not supported")),
        ({"seed": 1}, "403 X", openai("seed is not supported", "seed")),
        ({}, "400 X", openai("seed is not supported", "seed")),
        ({"user": "u1"}, "400 X", openai("the user message is not supported")),
    ],
)
def test_anything_else_stays_refused(play, ask, parameters: dict[str, Any], status: str, refusal: Any) -> None:
    client, server = play(error(status, refusal), OK)
    with pytest.raises(ExecutionError):
        list(client.stream(ask("m", parameters=parameters)))
    assert len(server.requests) == 1


def openai_limits(name: str, words: str, code: str) -> dict[str, Any]:
    return openai(f"Invalid '{name}': {words} instead.", name, code)


# https://github.com/Skytliang/Multi-Agents-Debate/issues/8, https://github.com/anthropics/anthropic-sdk-python/issues/893
@pytest.mark.parametrize(
    ("mistake", "refusal", "right"),
    [
        (
            {"max_tokens": 0},
            openai_limits(
                "max_tokens", "integer below minimum value. Expected a value >= 1, but got 0", "integer_below_min_value"
            ),
            {"max_tokens": 100},
        ),
        (
            {"temperature": 3},
            openai_limits(
                "temperature",
                "decimal above maximum value. Expected a value <= 2, but got 3",
                "decimal_above_max_value",
            ),
            {"temperature": 0.1},
        ),
        (
            {"temperature": "x"},
            openai(
                "Invalid type for 'temperature': expected a decimal, but got a string instead.",
                "temperature",
                "invalid_type",
            ),
            {"temperature": 0.1},
        ),
        (
            {"reasoning_effort": "ultra"},
            openai(
                "Invalid value: 'ultra'. Supported values are: 'low', 'medium', and 'high'.",
                "reasoning_effort",
                "invalid_value",
            ),
            {"reasoning_effort": "high"},
        ),
        ({"temperature": 1.5}, openai("temperature: range: -1 or 0..1"), {"temperature": 0.5}),
    ],
)
def test_a_value_that_is_wrong_stays_refused_and_takes_nothing_from_other_agents(
    play, ask, mistake: dict[str, Any], refusal: Any, right: dict[str, Any]
) -> None:
    client, server = play(error("400 X", refusal), OK)
    with pytest.raises(ProviderError):
        list(client.stream(ask("m", parameters=mistake)))
    assert text_of(each(client.stream(ask("m", parameters=right)))) == "ok"
    assert [right.items() <= sent.items() for sent in server.requests] == [False, True]


# https://github.com/Kilo-Org/cloud/pull/3807, https://github.com/pipecat-ai/pipecat/issues/4043
@pytest.mark.parametrize(
    ("refused", "words", "right"),
    [
        (
            {"reasoning_effort": "none"},
            "Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values are:"
            " 'minimal', 'low', 'medium', and 'high'.",
            {"reasoning_effort": "high"},
        ),
        (
            {"reasoning_effort": "high", "tools": [{"type": "function", "function": {"name": "add"}}]},
            "Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions.",
            {"reasoning_effort": "high"},
        ),
        (
            {"temperature": 0.5, "top_p": 0.5},
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
            {"temperature": 0.5},
        ),
    ],
)
def test_what_is_refused_for_its_value_or_beside_another_field_is_remembered_so(
    play, ask, refused: dict[str, Any], words: str, right: dict[str, Any]
) -> None:
    client, server = play(error("400 X", openai(words)), OK)
    for parameters in (refused, refused, right):
        assert text_of(each(client.stream(ask("m", parameters=parameters)))) == "ok"
    assert [right.keys() <= sent.keys() for sent in server.requests] == [True, False, False, True]
    assert right.items() <= server.requests[-1].items()


@pytest.mark.parametrize("parameters", [{}, {"reasoning_effort": "low"}])
def test_a_model_that_takes_tools_without_effort_alone_gets_none_beside_them(
    play, ask, parameters: dict[str, Any]
) -> None:
    words = (
        "Function tools with reasoning_effort are not supported for gpt-5.6 in /v1/chat/completions. To use function"
        " tools, use /v1/responses or set reasoning_effort to 'none'."
    )
    client, server = play(error("400 X", openai(words, "reasoning_effort")), OK)
    tools = [{"type": "function", "function": {"name": "add"}}]
    for given in ({**parameters, "tools": tools}, {**parameters, "tools": tools}, parameters):
        assert text_of(each(client.stream(ask("gpt-5.6", parameters=given)))) == "ok"
    own = parameters.get("reasoning_effort")
    assert [sent.get("reasoning_effort") for sent in server.requests] == [own, "none", "none", own]


def test_a_refusal_that_does_not_end_ends_the_call(play, ask) -> None:
    client, server = play(error("400 X", openai("tools are not taken: set reasoning_effort to 'none'")))
    with pytest.raises(ProviderError):
        list(client.stream(ask("m", parameters={"reasoning_effort": "low", "tools": [{}], "max_tokens": 5})))
    assert len(server.requests) <= 4


def test_what_one_model_refused_is_remembered_up_to_a_number() -> None:
    refusals = Refusals()
    for value in range(MAX_OF_MODEL + 1):
        refusals.add_for_values("m", "temperature", {"temperature": value}, set())
    assert refusals.of("m", {"temperature": 0}) == frozenset()
    assert refusals.of("m", {"temperature": MAX_OF_MODEL}) == {"temperature"}


def test_a_field_is_left_out_once_and_for_its_model_alone(play, ask) -> None:
    client, server = play(error("400 X", openai("seed is not supported", "seed")), error("400 X", openai("seed?")), OK)
    with pytest.raises(ProviderError, match=r"seed\?"):
        list(client.stream(ask("m", parameters={"seed": 1})))
    list(client.stream(ask("another", parameters={"seed": 1})))
    assert ["seed" in body for body in server.requests] == [True, False, True]


def test_the_last_models_are_remembered() -> None:
    refusals = Refusals()
    for number in range(MAX_REMEMBERED + 1):
        refusals.add(f"m{number}", "seed")
    refusals.add("m1", "top_p")
    assert refusals.of("m0") == frozenset()
    assert refusals.of("m1") == {"seed", "top_p"}
