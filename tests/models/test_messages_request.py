"""A request as the Messages API takes it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from agentos.domain.media import Media
from agentos.domain.message import Message, ToolCall
from agentos.domain.tool_spec import ToolSpec
from agentos.errors import InvalidMedia, ProviderError
from agentos.models.anthropic_messages import MessagesDialect
from agentos.models.anthropic_messages.limits import accepted_limit, default_limit
from agentos.models.anthropic_messages.request import request_body
from agentos.models.request import ModelRequest
from agentos.models.servers.messages import OPTIONS
from agentos.models.servers.table import SERVERS, server_for
from agentos.models.wire.dialects import dialect_of_agent
from agentos.models.wire.options import encode_body

HI = Message("user", "Hi")
ADD = ToolSpec("add", "Add two numbers.", MappingProxyType({"type": "object", "properties": {}}))
CALL = ToolCall("toolu_1", "add", '{"a": 1}')
ENABLED = {"type": "enabled", "budget_tokens": 2048}
NOT_RUN = {"type": "tool_result", "content": "not called: the run ended before", "is_error": True}


def body(*messages: Message, model: str = "m", dialect: MessagesDialect | None = None, **fields: Any) -> dict[str, Any]:
    request = ModelRequest(model=model, messages=messages or (HI,), **fields)
    sent: dict[str, Any] = json.loads(encode_body(request_body(request, dialect or MessagesDialect())))
    return sent


def turns(*messages: Message, **fields: Any) -> list[tuple[str, list[dict[str, Any]]]]:
    return [(turn["role"], turn["content"]) for turn in body(*messages, **fields)["messages"]]


def words(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def use(id: str = "toolu_1", **input: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": "add", "input": input}


def result(content: str, id: str = "toolu_1") -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id, "content": content}


# --- the conversation -------------------------------------------------------------------------------------------------


def test_the_whole_request() -> None:
    assert body(Message("system", "Be kind."), HI, tools=[ADD], model="claude-sonnet-5") == {
        "model": "claude-sonnet-5",
        "system": [words("Be kind.")],
        "messages": [{"role": "user", "content": [words("Hi")]}],
        "tools": [
            {"name": "add", "description": "Add two numbers.", "input_schema": {"type": "object", "properties": {}}}
        ],
        "max_tokens": 64000,
        "stream": True,
    }


def test_instructions_between_the_messages_stand_at_the_top() -> None:
    # https://github.com/arcboxlabs/linkcode/pull/461
    sent = body(Message("system", "Be kind."), HI, Message("system", "Be brief."))
    assert sent["system"] == [words("Be kind."), words("Be brief.")]
    assert [turn["role"] for turn in sent["messages"]] == ["user"]


def test_messages_of_one_role_become_one_turn() -> None:
    assert turns(
        HI, Message("user", "Are you there?"), Message("assistant", "Yes."), Message("assistant", "I am."), HI
    ) == [
        ("user", [words("Hi"), words("Are you there?")]),
        ("assistant", [words("Yes."), words("I am.")]),
        ("user", [words("Hi")]),
    ]


@pytest.mark.parametrize("blank", ["", " ", "\n\t"])
def test_texts_without_words_are_not_sent(blank: str) -> None:
    # https://github.com/anthropics/claude-code/issues/59812, https://github.com/home-assistant/core/issues/175637
    calling = Message("assistant", blank, tool_calls=(CALL,))
    history = (
        Message("system", blank),
        Message("user", blank),
        calling,
        Message("tool", blank, tool_call_id="toolu_1"),
    )
    sent = body(*history)
    assert "system" not in sent
    assert [turn["content"] for turn in sent["messages"]] == [
        [words("(empty)")],
        [use(a=1)],
        [{"type": "tool_result", "tool_use_id": "toolu_1"}],
    ]


def test_the_first_turn_is_a_users() -> None:
    assert [role for role, _ in turns(Message("assistant", "Welcome."), HI)] == ["user", "assistant", "user"]


def test_a_last_turn_of_the_assistant_has_no_white_space_at_its_end() -> None:
    # https://github.com/tailcallhq/forgecode/issues/1872
    assert turns(HI, Message("assistant", "The answer is \n"))[-1] == ("assistant", [words("The answer is")])
    assert turns(HI, Message("assistant", "Well \n"), HI)[1] == ("assistant", [words("Well \n")])


def test_results_follow_their_calls_before_any_text() -> None:
    calls = Message("assistant", "Let me see.", tool_calls=(CALL, ToolCall("toolu_2", "add", "{}")))
    results = (Message("tool", "2", tool_call_id="toolu_2"), Message("tool", "1", tool_call_id="toolu_1"))
    assert turns(HI, calls, *results, Message("user", "Quick!"))[1:] == [
        ("assistant", [words("Let me see."), use(a=1), use("toolu_2")]),
        ("user", [result("1"), result("2", "toolu_2"), words("Quick!")]),
    ]


@pytest.mark.parametrize("behind", [(), (HI,), (Message("assistant", "Never mind."), HI)], ids=len)
def test_a_call_without_a_result_gets_one(behind: tuple[Message, ...]) -> None:
    # https://github.com/turnstonelabs/turnstone/pull/219, https://github.com/anthropics/claude-code/issues/8893
    sent = turns(HI, Message("assistant", tool_calls=(CALL,)), *behind)
    if behind[:1] == (HI,):
        assert sent[2] == ("user", [{**NOT_RUN, "tool_use_id": "toolu_1"}, words("Hi")])
    elif not behind:
        assert sent[2] == ("user", [{**NOT_RUN, "tool_use_id": "toolu_1"}])
    else:
        # Both messages are one turn of the assistant, whose call is answered in the next.
        assert sent[1:] == [
            ("assistant", [use(a=1), words("Never mind.")]),
            ("user", [{**NOT_RUN, "tool_use_id": "toolu_1"}, words("Hi")]),
        ]


def test_a_result_without_a_call_becomes_text() -> None:
    # https://github.com/anthropics/claude-code/issues/12162
    assert turns(HI, Message("assistant", "Well."), Message("tool", "7", tool_call_id="toolu_9"))[2] == (
        "user",
        [words("(result of a tool) 7")],
    )


@pytest.mark.parametrize("id", ["functions.get_weather:0", "call|fc_1", "ä", "", "x" * 200])
def test_ids_of_other_servers_get_letters_that_the_api_takes(id: str) -> None:
    call = ToolCall(id, "add", "{}")
    sent = turns(HI, Message("assistant", tool_calls=(call,)), Message("tool", "1", tool_call_id=id))
    used = sent[1][1][0]["id"]
    assert used.replace("_", "").replace("-", "").isalnum()
    assert used.isascii()
    assert len(used) <= 128
    assert sent[2] == ("user", [result("1", used)])


@pytest.mark.parametrize(
    ("arguments", "input"), [("", {}), ("[1]", {"invalid_arguments": "[1]"}), ("{", {"invalid_arguments": "{"})]
)
def test_arguments_are_sent_as_an_object(arguments: str, input: dict[str, Any]) -> None:
    assert turns(HI, Message("assistant", tool_calls=(ToolCall("toolu_1", "add", arguments),)))[1][1] == [use(**input)]


def test_details_that_do_not_fit_the_text_any_more_stand_before_it() -> None:
    kept = {"type": "thinking", "thinking": "So", "signature": "c2ln"}
    details = {"blocks": [{"type": "text", "length": 5}, kept, {"type": "tool_use"}]}
    said = Message("assistant", "Another text", tool_calls=(CALL,), provider_details=details)
    assert turns(HI, said)[1] == ("assistant", [kept, words("Another text"), use(a=1)])


@pytest.mark.parametrize(
    "details",
    [
        {"blocks": 7},
        {"blocks": [7]},
        {"blocks": [{"type": 7}]},
        {"blocks": [{"type": "text", "length": "x"}]},
        {"x": 1},
    ],
    ids=str,
)
def test_details_of_another_shape_are_ignored(details: dict[str, Any]) -> None:
    assert turns(HI, Message("assistant", "Well.", provider_details=details))[1] == ("assistant", [words("Well.")])


# --- attachments ------------------------------------------------------------------------------------------------------


def data(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("media", "block"),
    [
        (
            Media("image", url="https://example.com/a.png"),
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        ),
        (
            Media("image", data="aGk=", content_type="image/jpg"),
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "aGk="}},
        ),
        (
            Media("image", url="https://example.com/a", data="aGk=", content_type="image/png"),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
        ),
        (
            Media("file", data="aGk=", content_type="application/pdf", name="a.pdf"),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
                "title": "a.pdf",
            },
        ),
        (
            Media("file", url="https://example.com/a.pdf"),
            {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
        ),
        (
            Media("file", data=data("Grüße"), content_type="text/plain; charset=utf-8"),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Grüße"}},
        ),
    ],
    ids=["image-url", "image-jpg", "image-brought-in", "pdf", "pdf-url", "text"],
)
def test_attachments_stand_before_the_question(media: Media, block: dict[str, Any]) -> None:
    assert turns(Message("user", "What is it?", media=(media,))) == [("user", [block, words("What is it?")])]


@pytest.mark.parametrize(
    "media",
    [
        Media("audio", data="aGk=", content_type="audio/wav"),
        Media("video", url="https://example.com/a.mp4"),
        Media("image", data="aGk=", content_type="image/tiff"),
        Media("file", data="aGk=", content_type="application/zip"),
        Media("file", url="https://example.com/a.txt", content_type="text/plain"),
        Media("file", data="//79", content_type="text/plain"),
    ],
    ids=lambda media: f"{media.type}-{media.content_type}",
)
def test_what_has_no_place_is_refused(media: Media) -> None:
    with pytest.raises(InvalidMedia):
        body(Message("user", "Hi", media=(media,)))


# --- tools and schemas ------------------------------------------------------------------------------------------------


def test_a_schema_has_no_combinations_at_its_top() -> None:
    # https://github.com/Hmbown/Codewhale/issues/4329
    schema = {"anyOf": [{"required": ["a"]}], "properties": {"a": {"anyOf": [{"type": "string"}]}}}
    sent = body(HI, tools=[ToolSpec("f", "", schema)])["tools"]
    assert sent == [
        {"name": "f", "input_schema": {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}]}}}}
    ]


def test_tools_of_the_server_stand_behind_and_no_name_twice() -> None:
    # https://github.com/tailcallhq/forgecode/issues/892
    search = {"type": "web_search_20260209", "name": "web_search"}
    sent = body(HI, tools=[ADD, ADD], parameters={"tools": [search, {"name": "add"}]})["tools"]
    assert [tool["name"] for tool in sent] == ["add", "web_search"]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ("add", {"type": "tool", "name": "add"}),
        ({"type": "function", "function": {"name": "add"}}, {"type": "tool", "name": "add"}),
        ({"type": "any", "disable_parallel_tool_use": True}, {"type": "any", "disable_parallel_tool_use": True}),
    ],
    ids=str,
)
def test_a_choice_of_tools_is_translated(given: Any, sent: dict[str, Any]) -> None:
    assert body(HI, tools=[ADD], parameters={"tool_choice": given})["tool_choice"] == sent
    assert "tool_choice" not in body(HI, parameters={"tool_choice": given})


def test_one_call_at_a_time() -> None:
    sent = body(HI, tools=[ADD], parameters={"parallel_tool_calls": False})
    assert sent["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert "parallel_tool_calls" not in sent


SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "age": {"type": "integer", "minimum": 0, "description": "In years."},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 9}, "minItems": 1},
        "one": {"oneOf": [{"type": "string", "format": "email"}, {"type": "null"}]},
        "place": {"$ref": "#/$defs/place"},
    },
    "required": ["age"],
    "$defs": {"place": {"type": "object", "properties": {"x": {"type": "number"}}, "additionalProperties": True}},
}


def test_a_schema_of_the_answer_has_what_the_grammar_takes() -> None:
    form = body(HI, output_schema=SCHEMA)["output_config"]["format"]
    assert form == {
        "type": "json_schema",
        "schema": {
            "type": "object",
            "properties": {
                "age": {"type": "integer", "description": 'In years.\n{"minimum":0}'},
                "tags": {"type": "array", "items": {"type": "string", "description": '{"maxLength":9}'}, "minItems": 1},
                "one": {"anyOf": [{"type": "string", "format": "email"}, {"type": "null"}]},
                "place": {"$ref": "#/$defs/place"},
            },
            "required": ["age"],
            "$defs": {
                "place": {"type": "object", "properties": {"x": {"type": "number"}}, "additionalProperties": False}
            },
            "additionalProperties": False,
        },
    }


def test_a_schema_goes_beside_the_agents_effort() -> None:
    sent = body(HI, output_schema={"type": "object"}, parameters={"reasoning_effort": "minimal"})
    assert sent["output_config"].keys() == {"format", "effort"}
    assert sent["output_config"]["effort"] == "low"


def test_a_server_without_schemas_gets_words() -> None:
    sent = body(
        Message("system", "Be kind."),
        HI,
        output_schema={"type": "object"},
        dialect=server_for("https://api.deepseek.com/anthropic").messages,
    )
    assert "output_config" not in sent
    assert sent["system"][0] == words("Be kind.")
    assert sent["system"][1]["text"].endswith('JSON schema:\n{"type":"object"}')


# --- parameters -------------------------------------------------------------------------------------------------------


def test_parameters_of_chat_completions_are_translated() -> None:
    given = {
        "stop": ["END", " "],
        "seed": 7,
        "logit_bias": {},
        "temperature": 0.3,
        "top_p": 0.9,
        "max_output_tokens": 9,
    }
    sent = body(HI, parameters=given)
    assert {name: sent[name] for name in sent.keys() - {"model", "messages", "stream"}} == {
        "stop_sequences": ["END"],
        "temperature": 0.3,
        "top_p": 0.9,
        "max_tokens": 9,
    }


def test_the_newer_version_gets_no_sampling() -> None:
    # https://platform.claude.com/docs/en/api/migration-2026-10-21
    given = {"temperature": 1, "top_p": 1, "top_k": 5, "metadata": {"user_id": "7"}}
    sent = body(HI, parameters=given, dialect=server_for("https://api.anthropic.com").messages)
    assert sent.keys() == {"model", "messages", "stream", "max_tokens", "metadata"}


def test_extra_fields_are_merged_last() -> None:
    given = {"extra_body": {"max_tokens": 7, "model": "other"}, "extra_headers": {"X-A": "1"}, "dialect": {}}
    sent = body(HI, parameters=given)
    assert (sent["max_tokens"], sent["model"]) == (7, "m")
    assert sent.keys() == {"model", "messages", "stream", "max_tokens"}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"thinking": ENABLED}, {"thinking": ENABLED, "max_tokens": 8192}),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 9000}},
            {"thinking": {"type": "enabled", "budget_tokens": 9000}, "max_tokens": 10024},
        ),
        # https://github.com/ProfSynapse/nexus/issues/17
        (
            {"thinking": {"type": "enabled", "budget_tokens": 9000}, "max_tokens": 4000},
            {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 4000},
        ),
        ({"thinking": ENABLED, "max_tokens": 500}, {"max_tokens": 500}),
        # https://github.com/MartialBE/one-hub/issues/529
        (
            {"thinking": ENABLED, "temperature": 0.2, "top_k": 4, "top_p": 0.5},
            {"thinking": ENABLED, "max_tokens": 8192},
        ),
        (
            {"thinking": {"type": "adaptive"}, "temperature": 1, "top_p": 0.95},
            {"thinking": {"type": "adaptive"}, "temperature": 1, "top_p": 0.95, "max_tokens": 8192},
        ),
        (
            {"thinking": {"type": "disabled"}, "temperature": 0.2},
            {"thinking": {"type": "disabled"}, "temperature": 0.2, "max_tokens": 8192},
        ),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}, "max_tokens": 8192}),
    ],
    ids=str,
)
def test_thinking_and_what_stands_beside_it_agree(parameters: dict[str, Any], expected: dict[str, Any]) -> None:
    sent = body(HI, parameters=parameters)
    assert {name: sent[name] for name in sent.keys() - {"model", "messages", "stream"}} == expected


@pytest.mark.parametrize("thinking", [ENABLED, {"type": "adaptive"}], ids=lambda thinking: thinking["type"])
def test_a_forced_call_is_made_without_thinking(thinking: dict[str, Any]) -> None:
    # https://github.com/mastra-ai/mastra/issues/7507
    sent = body(HI, tools=[ADD], parameters={"thinking": thinking, "tool_choice": "required"})
    assert "thinking" not in sent
    assert sent["tool_choice"] == {"type": "any"}


def test_a_turn_that_began_without_thinking_goes_on_without_it() -> None:
    # https://github.com/RooCodeInc/Roo-Code/pull/10351
    plain = Message("assistant", tool_calls=(CALL,))
    kept = {"blocks": [{"type": "thinking", "thinking": "So", "signature": "c2ln"}, {"type": "tool_use"}]}
    thought = Message("assistant", tool_calls=(CALL,), provider_details=kept)
    done = Message("tool", "1", tool_call_id="toolu_1")
    parameters = {"thinking": ENABLED}
    assert "thinking" not in body(HI, plain, done, parameters=parameters)
    assert "thinking" in body(HI, thought, done, parameters=parameters)
    assert "thinking" in body(HI, plain, done, Message("assistant", "2"), HI, parameters=parameters)
    assert "thinking" in body(HI, plain, done, parameters={"thinking": {"type": "adaptive"}})


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("claude-3-opus-20240229", 4096),
        ("claude-3-haiku-20240307", 4096),
        ("claude-3-5-sonnet-20241022", 8192),
        ("claude-3.5-haiku", 8192),
        ("claude-3-7-sonnet-20250219", 64000),
        ("claude-opus-4-20250514", 32000),
        ("anthropic.claude-opus-4-20250514-v1:0", 32000),
        ("claude-opus-4-1@20250805", 32000),
        ("claude-opus-4", 32000),
        ("claude-opus-4-5-20251101", 64000),
        ("claude-opus-4-8", 64000),
        ("us.anthropic.claude-sonnet-5", 64000),
        ("deepseek-chat", 8192),
    ],
)
def test_every_model_has_a_limit(model: str, limit: int) -> None:
    assert default_limit(model) == limit
    assert body(HI, model=model)["max_tokens"] == limit


@pytest.mark.parametrize("parameters", [{"max_tokens": 100.0}, {"max_tokens": 100, "max_output_tokens": None}])
def test_a_limit_is_a_whole_number(parameters: dict[str, Any]) -> None:
    assert body(parameters=parameters)["max_tokens"] == 100


@pytest.mark.parametrize("limit", ["100", True, 1.5, [100]])
@pytest.mark.parametrize("where", ["max_output_tokens", "extra_body"])
def test_a_limit_that_is_none_is_refused_and_not_left_out(where: str, limit: Any) -> None:
    parameters = {"extra_body": {"max_tokens": limit}} if where == "extra_body" else {where: limit}
    with pytest.raises(ProviderError, match="accepted: a whole number"):
        body(parameters=parameters)


def test_an_output_config_that_is_no_object_is_refused() -> None:
    with pytest.raises(ProviderError, match="'output_config' is not accepted"):
        body(parameters={"output_config": "low"}, output_schema={"type": "object"})


def test_of_several_limits_the_lowest_counts() -> None:
    assert body(HI, parameters={"max_tokens": 500, "max_output_tokens": 90})["max_tokens"] == 90


@pytest.mark.parametrize(
    "words",
    [
        "temperature: 7 > 1",
        "max_tokens: must be at least 1",
        "`max_tokens` must be greater than `thinking.budget_tokens`",
        "input length and `max_tokens` exceed context limit: 199759 + 8192 > 200000",
        "max_tokens: 64000 is not allowed",
    ],
)
def test_no_limit_is_read_where_there_is_none(words: str) -> None:
    assert accepted_limit(words, 8192) is None


# --- caching ----------------------------------------------------------------------------------------------------------

MARK = {"type": "ephemeral"}
LONG = {"type": "ephemeral", "ttl": "1h"}
TALK = (Message("system", "Be kind."), HI, Message("assistant", "Hello."), Message("user", "And now?"))


def marks(wish: Any) -> list[Any]:
    sent = body(
        *TALK, tools=[ADD, ToolSpec("sub", "Subtract.", {"type": "object"})], parameters={"prompt_caching": wish}
    )
    assert "prompt_caching" not in sent
    places = [*sent["tools"], *sent["system"], *(block for turn in sent["messages"] for block in turn["content"])]
    return [place.get("cache_control") for place in places]


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (None, [None] * 6),
        (False, [None] * 6),
        (True, [None, MARK, MARK, MARK, None, MARK]),
        ("1h", [None, LONG, LONG, LONG, None, LONG]),
        ({"places": ["system"]}, [None, None, MARK, None, None, None]),
        ({"ttl": "1h", "places": ["tools"]}, [None, LONG, None, None, None, None]),
    ],
    ids=str,
)
def test_what_is_cached_is_marked(wish: Any, expected: list[Any]) -> None:
    assert marks(wish) == expected


@pytest.mark.parametrize("wish", ["2h", 7, {"places": ["x"]}, {"ttl": 5}, {"a": 1}, []], ids=str)
def test_another_wish_is_refused(wish: Any) -> None:
    with pytest.raises(ProviderError, match="'prompt_caching' is not accepted: give true, false, '5m'"):
        marks(wish)


def test_results_are_marked_and_thinking_is_not() -> None:
    thought = {"blocks": [{"type": "thinking", "thinking": "So", "signature": "c2ln"}, {"type": "tool_use"}]}
    history = (
        HI,
        Message("assistant", tool_calls=(CALL,), provider_details=thought),
        Message("tool", "1", tool_call_id="toolu_1"),
    )
    sent = body(*history, parameters={"prompt_caching": True})
    assert sent["messages"][2]["content"] == [{**result("1"), "cache_control": MARK}]
    assert "cache_control" not in str(sent["messages"][1])


# --- the dialect ------------------------------------------------------------------------------------------------------


def test_the_page_about_claude_has_every_option_and_host() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "claude-models.md").read_text("utf-8")
    hosts = [host for host, known in SERVERS.items() if known.messages != MessagesDialect()]
    assert {name for name in [*OPTIONS, *hosts] if f"`{name}`" not in page} == set()


def test_an_agent_may_say_it_otherwise() -> None:
    given = {"dialect": {"version": "2026-10-21", "output_schema": "instructions"}}
    assert dialect_of_agent(given, MessagesDialect()) == MessagesDialect(
        version="2026-10-21", output_schema="instructions"
    )
    with pytest.raises(ProviderError, match="accepted: '2023-06-01', '2026-10-21'"):
        dialect_of_agent({"dialect": {"version": "2020-01-01"}}, MessagesDialect())


def test_the_version_is_the_one_of_anthropics_sdk() -> None:
    constants = pytest.importorskip("anthropic._constants", reason="the SDK is not installed")

    assert server_for("https://api.anthropic.com").messages.version == constants.ANTHROPIC_API_VERSION
