"""What an agent's parameters may say over HTTP: nothing of where its provider is, and of what it gets as a key."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from agentos.domain.times import utc_now
from agentos.storage.agents import StoredAgent

AGENTS = "/api/v1/agents"
ECHO = {"id": "geographer", "model": "scripted:echo"}
HOST = "https://attacker.example/v1"

SPELLINGS = [
    *("base_url", "baseUrl", "BASE-URL", "base url", "base.url", "Base__Url", "openai_base_url", "base_uri"),
    *("api_base", "apiBase", "API-BASE", "openai_api_base", "api_url", "endpoint", "azure_endpoint", "api_endpoint"),
    *("api_key", "apiKey", "API-KEY", "ApiKey", "api.key", "api key", "x-api-key", "X_API_KEY", "api_keys"),
    *("openai_api_key", "GROQ_API_KEY", "Ocp-Apim-Subscription-Key", "x-goog-api-key"),
    *("api\u200b_key", "\uff41\uff50\uff49_\uff4b\uff45\uff59"),
    *("key_variable", "keyVariable", "KEY-VARIABLE", "api_key_env", "key_file", "key_name", "api_key_file"),
    *("Authorization", "authorization", "AUTHORIZATION", "Proxy-Authorization", "authorization_header", "auth"),
    *("x-auth", "auth_token", "access-token", "bearer", "bearerToken", "token", "aws_session_token", "azure_ad_token"),
    *("Host", "host", "HOST", "X-Forwarded-Host", "hostname", "api_host"),
    *("Cookie", "cookie", "cookies", "Set-Cookie", "set_cookie"),
    *("Proxy-Connection", "proxy", "proxies", "http_proxy", "HTTPS-PROXY", "proxy_url"),
    *("extra_headers", "extraHeaders", "Extra-Headers", "EXTRA_HEADERS", "headers", "default_headers", "http_headers"),
    *("extra_query", "extraQuery", "EXTRA-QUERY", "default_query"),
    *("password", "client_secret", "aws_secret_access_key", "private_key", "vertex_credentials", "secret"),
]

PLACES = {
    "at the top": lambda name, value: {name: value},
    "in extra_body": lambda name, value: {"extra_body": {name: value}},
    "in another spelling of extra_body": lambda name, value: {"Extra-Body": {name: value}},
    "in extra_body twice": lambda name, value: {"extra_body": {"extra_body": {name: value}}},
    "deep": lambda name, value: {"options": {"a": [1, [{"b": {name: value}}]]}},
    "beside a schema": lambda name, value: {"response_format": {"json_schema": {"schema": {}, name: value}}},
    "in what looks like a schema": lambda name, value: {"json_schema": {"schema": {"properties": {name: value}}}},
    "in a list of tools": lambda name, value: {"tools": [{"type": "mcp", name: value}]},
}


def refused(client: FlaskClient, parameters: dict[str, Any]) -> str:
    """Return why both doors of the API refuse parameters."""
    answers = [
        client.post(AGENTS, json={**ECHO, "parameters": parameters}),
        client.put(f"{AGENTS}/present", json={"model": "scripted:echo", "parameters": parameters}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST"), parameters
        assert answer.json["details"]["fields"].keys() == {"parameters"}
    assert answers[0].json["message"] == answers[1].json["message"]
    assert HOST not in answers[0].json["message"]
    return str(answers[0].json["message"])


@pytest.fixture
def present(client: FlaskClient) -> FlaskClient:
    client.post(AGENTS, json={**ECHO, "id": "present", "parameters": {"temperature": 1}})
    return client


@pytest.mark.parametrize("name", SPELLINGS)
def test_no_address_key_or_header_of_a_provider_is_accepted_in_any_spelling(present: FlaskClient, name: str) -> None:
    for place in PLACES.values():
        said = refused(present, place(name, HOST))
        assert repr(name) in said
        assert "settings" in said
    assert present.get(f"{AGENTS}/present").json["definition"]["parameters"] == {"temperature": 1}


@pytest.mark.parametrize("value", [HOST, "", None, 1, True, [], [HOST], {}, {"a": HOST}])
def test_the_name_alone_is_refused_whatever_its_value(present: FlaskClient, value: Any) -> None:
    for name in ("base_url", "extra_headers", "Authorization"):
        refused(present, {name: value})


@pytest.mark.parametrize("name", ["model", "messages", "stream", "Model", "MESSAGES", "key"])
def test_what_the_server_sets_is_refused_where_it_would_be_a_field_of_the_request(
    present: FlaskClient, name: str
) -> None:
    for place in ("at the top", "in extra_body"):
        assert repr(name) in refused(present, PLACES[place](name, "x"))


@pytest.mark.parametrize("value", [[], "x", 1, True])
def test_extra_body_is_an_object(present: FlaskClient, value: Any) -> None:
    answer = present.post(AGENTS, json={**ECHO, "parameters": {"extra_body": value}})
    assert answer.status_code == 400
    assert "'extra_body'" in answer.json["message"]


SCHEMA = {"type": "object", "properties": {"host": {"type": "string"}, "api_key": {}, "model": {}, "token": {}}}


@pytest.mark.parametrize(
    "parameters",
    [
        {"temperature": 0.2, "top_p": 1, "max_tokens": 5, "max_completion_tokens": 5, "seed": 1, "stop": ["a"], "n": 1},
        {"tool_choice": "auto", "stream_options": {"include_usage": True}, "logit_bias": {"50256": -100}, "user": "u"},
        {"prompt_cache_key": "k", "service_tier": "auto", "store": False, "reasoning_effort": "low", "logprobs": True},
        {"stop_token_ids": [1], "skip_special_tokens": True, "top_k": 5, "repetition_penalty": 1.1, "min_tokens": 1},
        {"provider": {"order": ["a"], "allow_fallbacks": False}, "models": ["a", "b"], "route": "fallback"},
        {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}, "top_k": 20}},
        {"thinking": {"type": "enabled", "budget_tokens": 100}, "metadata": {"team": "a"}, "web_search_options": {}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}},
        {"extra_body": {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}}},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]},
        {"extra_body": {"guided_json": SCHEMA}},
    ],
)
def test_fields_of_real_requests_and_names_in_schemas_are_accepted(
    client: FlaskClient, parameters: dict[str, Any]
) -> None:
    answer = client.post(AGENTS, json={**ECHO, "parameters": parameters})
    assert answer.status_code == 201, answer.json
    assert answer.json["definition"]["parameters"] == parameters


EXTRAS = {
    "extra_headers": {"X-Title": "Ours"},
    "extra_query": {"version": "1"},
    "extra_body": {"api_key": "quokka", "a": [{"Authorization": "quokka"}], "prompt_cache_key": "k", "top_k": 1},
}


def test_an_agent_of_the_operator_stays_usable_and_is_replaced_under_the_rules_of_the_api(served) -> None:
    document = {**ECHO, "parameters": {"temperature": 1, **EXTRAS}}
    served.services.agents.register(document, by_operator=True)
    client = served.client
    assert client.post(f"{AGENTS}/geographer/run", json={"input": "Hi"}).json["content"] == "Hi"
    shown = client.get(f"{AGENTS}/geographer").json["definition"]["parameters"]
    assert shown == {
        "temperature": 1,
        "extra_headers": {"X-Title": "Ours"},
        "extra_query": {"version": "1"},
        "extra_body": {"api_key": "***", "a": [{"Authorization": "***"}], "prompt_cache_key": "k", "top_k": 1},
    }
    put = client.put(f"{AGENTS}/geographer", json={"model": "scripted:echo", "parameters": shown})
    assert put.status_code == 400
    assert client.get(f"{AGENTS}/geographer").json["definition"]["parameters"] == shown
    put = client.put(f"{AGENTS}/geographer", json={"model": "scripted:echo", "parameters": {"temperature": 1}})
    assert put.json["definition"]["parameters"] == {"temperature": 1}


def test_a_stored_agent_with_what_is_no_longer_accepted_fails_as_its_own_fault_and_shows_no_secret(served) -> None:
    parameters = {"extra_headers": {"Authorization": "Bearer quokka"}}
    document = {"model": "scripted:echo", "id": "old", "parameters": parameters}
    served.services.storage.agents.add(
        StoredAgent(id="old", document=document, created_at=utc_now(), updated_at=utc_now())
    )
    answer = served.client.post(f"{AGENTS}/old/run", json={"input": "Hi"})
    assert (answer.status_code, answer.json["details"]["cause"]) == (500, "AGENT_FAILED")
    assert "'Authorization'" in answer.json["message"]
    shown = served.client.get(f"{AGENTS}/old")
    assert shown.json["definition"]["parameters"] == {"extra_headers": {"Authorization": "***"}}
    assert "quokka" not in shown.text + answer.text
