"""Typical mistakes with Anthropic's own client: which exception it raises, and what that says."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest

from agentos import (
    Agent,
    AgentFailed,
    ContentFiltered,
    ContextTooLong,
    ProviderRateLimited,
    ProviderUnavailable,
    QuotaExhausted,
    RunTimeout,
    ScriptedProvider,
)
from agentos.testing import PIXEL, Fail
from parts.anthropic_door import VERSION, WEATHER, Door, MakeDoor

USER = {"role": "user", "content": "Hi"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
CALLING = {"role": "assistant", "content": [CALL]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "Rain."}]}


def says(*blocks: Any, role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": role, "content": list(blocks)}, *([USER] if role == "assistant" else [])]}


def image(**source: Any) -> dict[str, Any]:
    return says({"type": "image", "source": source})


def document(**source: Any) -> dict[str, Any]:
    return says({"type": "document", "source": source})


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no messages": ({"messages": []}, "messages"),
    "messages of a wrong type": ({"messages": "Hi"}, "messages"),
    "a message that is none": ({"messages": ["Hi"]}, "messages[0]"),
    "a role that is none": ({"messages": [{"role": "tool", "content": "Hi"}]}, "messages[0].role"),
    "a message without content": ({"messages": [{"role": "user"}]}, "messages[0].content"),
    "content of a wrong type": ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
    "an empty message": ({"messages": [{"role": "user", "content": ""}]}, "messages"),
    "a block that is none": (says("Hi"), "messages[0].content[0]"),
    "a block of an unknown type": (says({"type": "video"}), "messages[0].content[0].type"),
    "a block without a type": (says({"text": "Hi"}), "messages[0].content[0].type"),
    "a text that is none": (says({"type": "text", "text": 7}), "messages[0].content[0].text"),
    "an image without a source": (says({"type": "image"}), "messages[0].content[0].source"),
    "an image by its id": (image(type="file", file_id="f"), "messages[0].content[0].source.type"),
    "an image of another type": (
        image(type="base64", media_type="image/tiff", data=PIXEL.data),
        "messages[0].content[0].source.media_type",
    ),
    "an image without data": (image(type="base64", media_type="image/png"), "messages[0].content[0].source.data"),
    "a document by its id": (document(type="file", file_id="f"), "messages[0].content[0].source.type"),
    "a document of another type": (
        document(type="base64", media_type="text/html", data="eA=="),
        "messages[0].content[0].source.media_type",
    ),
    "a text document that is none": (
        document(type="base64", media_type="text/plain", data="/w=="),
        "messages[0].content[0].source.data",
    ),
    "a file in a container": (says({"type": "container_upload", "file_id": "f"}), "messages[0].content[0].type"),
    "an image of the assistant": (says({"type": "image"}, role="assistant"), "messages[0].content[0].type"),
    "a call without input": (
        says({"type": "tool_use", "id": "toolu_1", "name": "x"}, role="assistant"),
        "messages[0].content[0].input",
    ),
    "two calls with one id": (says(CALL, CALL, role="assistant"), "messages[0].content"),
    "the assistant last": ({"messages": [USER, {"role": "assistant", "content": "Hi"}]}, "messages"),
    "only a system message": ({"messages": [{"role": "system", "content": "Hi"}]}, "messages"),
    "a result without a call": ({"messages": [USER, RESULT]}, "messages[1].content[0].tool_use_id"),
    "two results of one call": (
        {"messages": [USER, CALLING, {"role": "user", "content": [*RESULT["content"], *RESULT["content"]]}]},
        "messages[2].content[1].tool_use_id",
    ),
    "a call without a result": ({"messages": [USER, CALLING, USER]}, "messages[2]"),
    "a call without a result at the end": ({"messages": [USER, CALLING]}, "messages"),
    "a failure that is no boolean": (
        {"messages": [USER, CALLING, {"role": "user", "content": [RESULT["content"][0] | {"is_error": "yes"}]}]},
        "messages[2].content[0].is_error",
    ),
    "a name of a call that no tool has": (
        {"messages": [USER, {"role": "assistant", "content": [CALL | {"name": "a b"}]}, RESULT]},
        "messages[1].tool_calls[0]",
    ),
    "no output limit": ({"max_tokens": None}, "max_tokens"),
    "an output limit of nothing": ({"max_tokens": 0}, "max_tokens"),
    "a system prompt that is none": ({"system": 7}, "system"),
    "a system prompt with an image": ({"system": [{"type": "image"}]}, "system[0].type"),
    "a temperature that is no number": ({"temperature": "hot"}, "temperature"),
    "stop sequences that are none": ({"stop_sequences": [7]}, "stop_sequences"),
    "a stream that is no boolean": ({"stream": "yes"}, "stream"),
    "a user that is no text": ({"metadata": {"user_id": 7}}, "metadata.user_id"),
    "a tool of the server": ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
    "a tool without a name": ({"tools": [{"input_schema": {"type": "object"}}]}, "tools[0].name"),
    "a tool with a bad schema": ({"tools": [{"name": "x", "input_schema": {"type": "list"}}]}, "tools[0]"),
    "a choice that is none": ({"tools": [WEATHER], "tool_choice": {"type": "some"}}, "tool_choice.type"),
    "a choice that is no tool": (
        {"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "x"}},
        "tool_choice.name",
    ),
    "a choice from nothing": ({"tool_choice": {"type": "any"}}, "tool_choice.type"),
    "thinking that is none": ({"thinking": {"type": "hard"}}, "thinking.type"),
    "thinking without a budget": ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
    "a form that is none": ({"output_config": {"format": {"type": "yaml"}}}, "output_config.format.type"),
    "a form without its schema": (
        {"output_config": {"format": {"type": "json_schema"}}},
        "output_config.format.schema",
    ),
    "a form with a bad schema": (
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "list"}}}},
        "output_config.format",
    ),
    "a container": ({"container": "c"}, "container"),
    "servers of tools": ({"mcp_servers": [{"url": "https://mcp.example.com"}]}, "mcp_servers"),
    "no model": ({"model": None}, "model"),
}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("case", list(REFUSED))
def test_a_mistake_is_a_bad_request_that_names_the_field(door: Door, case: str, streamed: bool) -> None:
    fields, name = REFUSED[case]
    body = {"model": "shop", "max_tokens": 9, "messages": [USER], "stream": streamed, **fields}
    answer = door.http.post("/v1/messages", json=body, headers=VERSION)
    assert (answer.status_code, answer.mimetype) == (400, "application/json"), answer.text
    assert set(answer.json) == {"type", "error", "request_id"}
    error = answer.json["error"]
    assert (answer.json["type"], error["type"]) == ("error", "invalid_request_error")
    assert name in error["message"]
    assert "overrides." not in error["message"]


@pytest.mark.parametrize("case", ["a call without a result", "a tool of the server"])
def test_the_tokens_of_a_mistake_are_not_counted(door: Door, case: str) -> None:
    fields, name = REFUSED[case]
    with pytest.raises(anthropic.BadRequestError, match=name.split("[")[0]):
        door.client().messages.count_tokens(**{"model": "shop", "messages": [USER], **fields})


@pytest.mark.parametrize("streamed", [False, True])
def test_an_unknown_model_is_the_clients_not_found(door: Door, streamed: bool) -> None:
    with pytest.raises(anthropic.NotFoundError) as caught:
        door.client().messages.create(model="claude-none", max_tokens=9, messages=[USER], stream=streamed)
    assert caught.value.body["error"]["type"] == "not_found_error"
    assert caught.value.request_id == caught.value.body["request_id"]


def test_a_body_that_is_no_json_is_a_bad_request(door: Door) -> None:
    answer = door.http.post("/v1/messages", data="{", content_type="application/json")
    assert answer.json["error"]["type"] == "invalid_request_error"


def test_a_body_that_is_too_large_is_the_clients_error(make_door: MakeDoor) -> None:
    client = make_door(max_request_size=1024).client()
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(model="shop", max_tokens=9, messages=[{"role": "user", "content": "x" * 2000}])
    assert (caught.value.status_code, caught.value.body["error"]["type"]) == (413, "request_too_large")


def test_a_message_that_is_too_large_is_named_by_its_place(make_door: MakeDoor) -> None:
    door = make_door(max_input_size=1024)
    results = {"role": "user", "content": [*RESULT["content"], {"type": "text", "text": "And?"}]}  # two of ours
    answer = door.ask([USER, CALLING, results, {"role": "assistant", "content": "x" * 2000}, USER])
    assert answer.status_code == 400
    assert "messages[3].content" in answer.json["error"]["message"]


def test_what_is_not_offered_is_not_found_and_says_what_is(door: Door) -> None:
    answer = door.http.post("/v1/messages/batches", json={}, headers=VERSION)
    assert (answer.status_code, answer.json["error"]["type"]) == (404, "not_found_error")
    assert "/v1/messages/count_tokens" in answer.json["error"]["message"]


def test_a_wrong_method_is_refused_in_the_same_shape(door: Door) -> None:
    answer = door.http.get("/v1/messages", headers=VERSION)
    assert (answer.status_code, answer.json["error"]["type"]) == (405, "invalid_request_error")


@pytest.mark.parametrize("key", [{"api_key": "aos_wrong"}, {"api_key": None, "auth_token": "aos_wrong"}])
def test_a_wrong_key_is_the_clients_authentication_error(make_door: MakeDoor, key: dict[str, Any]) -> None:
    door = make_door(auth=("api_key",))
    with pytest.raises(anthropic.AuthenticationError) as caught:
        door.client(**key).models.list()
    assert caught.value.body["error"]["type"] == "authentication_error"


@pytest.mark.parametrize("way", ["api_key", "auth_token"])
def test_a_key_is_accepted_in_both_headers(make_door: MakeDoor, scripted: ScriptedProvider, way: str) -> None:
    door = make_door(auth=("api_key",))
    key, _ = door.app.extensions["agentos"].keys.create(name="ann", owner="ann", scopes=["agents:run"])
    scripted.say("Hi.")
    client = door.client(**{"api_key": None, "auth_token": None, way: key})
    assert client.messages.create(model="shop", max_tokens=9, messages=[USER]).content[0].text == "Hi."


FAILURES: dict[str, tuple[Exception, int, str, int]] = {
    "an agent that is broken": (AgentFailed("broken"), 500, "api_error", 1),
    "a conversation that is too long": (ContextTooLong("too long"), 400, "invalid_request_error", 1),
    "an answer that the provider filtered": (ContentFiltered("no"), 400, "invalid_request_error", 1),
    "an account without credit": (QuotaExhausted("no credit"), 402, "billing_error", 1),
    "a provider that is away": (ProviderUnavailable("away"), 529, "overloaded_error", 3),
    "a provider that asks for less": (ProviderRateLimited("slow down", retry_after=1), 529, "overloaded_error", 3),
    "a run that took too long": (RunTimeout("too long"), 504, "timeout_error", 1),
}


@pytest.mark.parametrize("case", list(FAILURES))
def test_the_client_tries_again_only_what_may_succeed(
    make_door: MakeDoor, scripted: ScriptedProvider, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error, status, kind, tries = FAILURES[case]
    door = make_door(Agent(id="shop", model="test:m"), model_retries=0)
    scripted.say([Fail(error)])
    client = door.client(max_retries=2)
    monkeypatch.setattr(client, "_sleep_for_retry", lambda **_: None)
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(model="shop", max_tokens=9, messages=[USER])
    assert (caught.value.status_code, caught.value.body["error"]["type"]) == (status, kind)
    assert len(scripted.requests) == tries


@pytest.mark.parametrize("streamed", [False, True])
def test_a_conversation_that_is_too_long_is_told_in_the_words_that_clients_look_for(
    door: Door, scripted: ScriptedProvider, *, streamed: bool
) -> None:
    scripted.say([Fail(ContextTooLong("of 9 tokens"))])
    with pytest.raises(anthropic.APIError, match=r"prompt is too long: .*of 9 tokens"):
        list(door.client().messages.create(model="shop", max_tokens=9, messages=[USER], stream=streamed))


def test_fields_of_another_tools_server_are_left_out_and_named(door: Door, scripted: ScriptedProvider) -> None:
    scripted.say("Hi.")
    searched = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    said = {"role": "assistant", "content": [searched, found, {"type": "text", "text": "Found."}]}
    answer = door.ask([USER, said, USER], shade=1)
    assert answer.headers["X-Ignored-Fields"] == "shade, messages[1].content[0], messages[1].content[1]"
    assert [one.content for one in scripted.requests[0].messages] == ["Be short.", "Hi", "Found.", "Hi"]
