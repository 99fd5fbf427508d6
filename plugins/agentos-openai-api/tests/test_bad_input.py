"""The dialect's typical mistakes: each with the status that the client's library turns into its typed exception."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from agentos import (
    Agent,
    AgentFailed,
    ContentFiltered,
    ContextTooLong,
    ProviderRateLimited,
    ProviderUnavailable,
    QuotaExhausted,
    ScriptedProvider,
)
from agentos.testing import Fail
from parts.openai_door import WEATHER, Door, MakeDoor

USER = {"role": "user", "content": "Hi"}
CALLS = [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]
CALLING = {"role": "assistant", "content": None, "tool_calls": CALLS}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "Rain."}

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no messages": ({"messages": []}, "messages"),
    "messages of a wrong type": ({"messages": "Hi"}, "messages"),
    "a role that is none": ({"messages": [{"role": "wizard", "content": "Hi"}]}, "messages[0].role"),
    "a message without a role": ({"messages": [{"content": "Hi"}]}, "messages[0].role"),
    "content of a wrong type": ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
    "a part that is none": ({"messages": [{"role": "user", "content": ["Hi"]}]}, "messages[0].content[0]"),
    "a part of an unknown type": (
        {"messages": [{"role": "user", "content": [{"type": "video"}]}]},
        "messages[0].content[0].type",
    ),
    "an image of the assistant": (
        {"messages": [{"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}, USER]},
        "messages[0].content[0]",
    ),
    "a file by its id": (
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
        "messages[0].content[0].file.file_id",
    ),
    "the assistant last": ({"messages": [USER, {"role": "assistant", "content": "Hi"}]}, "messages"),
    "only a system message": ({"messages": [{"role": "system", "content": "Hi"}]}, "messages"),
    "a result without a call": ({"messages": [USER, RESULT]}, "messages[1].tool_call_id"),
    "a call without a result": ({"messages": [USER, CALLING, USER]}, "messages[2]"),
    "a call without a result at the end": ({"messages": [USER, CALLING]}, "messages"),
    "several answers": ({"n": 2}, "n"),
    "probabilities": ({"logprobs": True}, "logprobs"),
    "spoken answers": ({"modalities": ["text", "audio"]}, "modalities"),
    "functions": ({"functions": [{"name": "f"}]}, "functions"),
    "search of the provider": ({"web_search_options": {}}, "web_search_options"),
    "a temperature that is no number": ({"temperature": "hot"}, "temperature"),
    "a stream that is no boolean": ({"stream": "yes"}, "stream"),
    "a tool of another kind": ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
    "a tool without a name": ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
    "a tool with a bad schema": (
        {"tools": [{"type": "function", "function": {"name": "x", "parameters": {"type": "list"}}}]},
        "tools[0]",
    ),
    "a choice that is no tool": ({"tools": [WEATHER], "tool_choice": {"type": "function"}}, "tool_choice"),
    "a format that is none": ({"response_format": {"type": "yaml"}}, "response_format.type"),
    "a format without its schema": (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
        "response_format.json_schema.schema",
    ),
    "metadata that is a text": ({"metadata": "x"}, "metadata"),
    "no model": ({"model": None}, "model"),
}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("case", list(REFUSED))
def test_a_mistake_is_a_bad_request_that_names_the_field(door: Door, case: str, streamed: bool) -> None:
    fields, param = REFUSED[case]
    answer = (
        door.chat(**{"text": [USER], "stream": streamed} | fields)
        if "messages" not in fields
        else door.http.post("/v1/chat/completions", json={"model": "shop", "stream": streamed, **fields})
    )
    assert (answer.status_code, answer.mimetype) == (400, "application/json"), answer.text
    error = answer.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert "overrides." not in error["message"]


@pytest.mark.parametrize("streamed", [False, True])
def test_an_unknown_model_is_the_clients_not_found(door: Door, streamed: bool) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        door.client().chat.completions.create(model="none", messages=[USER], stream=streamed)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_a_body_that_is_no_json_is_a_bad_request(door: Door) -> None:
    answer = door.http.post("/v1/chat/completions", data="{", content_type="application/json")
    assert answer.json["error"]["type"] == "invalid_request_error"


def test_a_body_that_is_too_large_is_refused_in_the_same_shape(make_door: MakeDoor) -> None:
    door = make_door(max_request_size=1024)
    answer = door.chat("x" * 2000)
    assert (answer.status_code, answer.json["error"]["code"]) == (413, "request_too_large")


def test_a_wrong_method_is_refused_in_the_same_shape(door: Door) -> None:
    answer = door.http.get("/v1/chat/completions")
    assert (answer.status_code, answer.json["error"]["code"]) == (405, "method_not_allowed")


def test_a_wrong_key_is_the_clients_authentication_error(make_door: MakeDoor) -> None:
    door = make_door(auth=("api_key",))
    with pytest.raises(openai.AuthenticationError) as caught:
        door.client(api_key="sk-wrong").models.list()
    assert caught.value.code == "invalid_api_key"


FAILURES = {
    "an agent that is broken": (AgentFailed("broken"), 500, "agent_failed", 1),
    "a conversation that is too long": (ContextTooLong("too long"), 400, "context_length_exceeded", 1),
    "an answer that the provider filtered": (ContentFiltered("no"), 400, "content_filter", 1),
    "an account without credit": (QuotaExhausted("no credit"), 503, "insufficient_quota", 1),
    "a provider that is away": (ProviderUnavailable("away"), 503, "provider_unavailable", 3),
    "a provider that asks for less": (
        ProviderRateLimited("slow down", retry_after=1),
        503,
        "provider_rate_limited",
        3,
    ),
}


@pytest.mark.parametrize("case", list(FAILURES))
def test_the_client_tries_again_only_what_may_succeed(
    make_door: MakeDoor, scripted: ScriptedProvider, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error, status, code, tries = FAILURES[case]
    door = make_door(Agent(id="shop", model="test:m"), model_retries=0)
    scripted.say([Fail(error)])
    client = door.client(max_retries=2)
    monkeypatch.setattr(client, "_sleep_for_retry", lambda **_: None)
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="shop", messages=[USER])
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert len(scripted.requests) == tries


@pytest.mark.parametrize("streamed", [False, True])
def test_a_conversation_that_is_too_long_is_told_in_the_words_that_frameworks_look_for(
    door: Door, scripted: ScriptedProvider, *, streamed: bool
) -> None:
    scripted.say([Fail(ContextTooLong("too long"))])
    with pytest.raises(openai.APIError) as caught:
        list(door.client().chat.completions.create(model="shop", messages=[USER], stream=streamed))
    message = str(caught.value)
    for words in ("exceeds the context window", "this model's maximum context length is", "context_length_exceeded"):
        assert words in message  # LangChain and LiteLLM each look for one of these
