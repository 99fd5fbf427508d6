"""What one run may do differently from its agent, over HTTP."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from agentos.models.request import ModelRequest

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
DEEP = {"type": "object", "properties": {"n": {"type": "string", "pattern": "(a|" * 210 + "b" + ")" * 210}}}


def asked(served: Any, overrides: dict[str, Any], **fields: Any) -> ModelRequest:
    """Run the agent with overrides and return what its model was asked."""
    response = served.run("Hi", overrides=overrides, **fields)
    assert response.status_code == 200, response.json
    return served.provider.requests[-1]


def refused(served: Any, overrides: Any) -> dict[str, Any]:
    """Return the error of a run whose overrides are refused; nothing of it is left."""
    response = served.run("Hi", overrides=overrides)
    assert response.status_code == 400, response.json
    assert served.client.get("/api/v1/runs").json["count"] == 0
    assert not served.provider.requests
    return response.json


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", 0.25), ("top_p", 1), ("stop", ["END"]), ("stop", "END"), ("seed", -7), ("max_tokens", 9)],
)
def test_a_run_overrides_what_every_agent_allows(serve: Any, name: str, value: Any) -> None:
    served = serve(agent={"parameters": {"temperature": 0.5, "user": "me"}})
    assert asked(served, {"parameters": {name: value}}).parameters == {"temperature": 0.5, "user": "me", name: value}
    assert served.run("Hi").status_code == 200
    assert served.provider.requests[-1].parameters == {"temperature": 0.5, "user": "me"}  # for that run alone


@pytest.mark.parametrize("path", ["run", "run/stream"])
def test_both_endpoints_take_overrides(serve: Any, path: str) -> None:
    served = serve()
    body = {"input": "Hi", "overrides": {"parameters": {"seed": 7}}}
    answer = served.client.post(f"/api/v1/agents/scripted/{path}", json=body)
    assert (answer.status_code, bool(answer.data)) == (200, True)  # a stream is read to its end
    assert served.provider.requests[-1].parameters == {"seed": 7}


def test_an_output_schema_holds_for_that_run(serve: Any) -> None:
    served = serve('{"n": 1}', agent={"parameters": {"response_format": {"type": "text"}}})
    request = asked(served, {"output_schema": SCHEMA})
    assert (request.output_schema, request.parameters) == (SCHEMA, {})
    served = serve("no JSON")
    response = served.run("Hi", overrides={"output_schema": SCHEMA})
    assert (response.status_code, response.json["details"]["cause"]) == (502, "PROVIDER_ERROR")


@pytest.mark.parametrize(
    ("own", "given", "sent"),
    [
        ({"max_tokens": 100}, {"max_tokens": 40}, {"max_tokens": 40}),
        ({"max_tokens": 100}, {"max_tokens": 4000}, {"max_tokens": 100}),
        ({"max_completion_tokens": 100}, {"max_tokens": 40}, {"max_completion_tokens": 40}),
        ({"max_output_tokens": 100}, {"max_tokens": 4000}, {"max_output_tokens": 100}),
        ({"max_tokens": 100}, {"max_tokens": 60, "max_completion_tokens": 50}, {"max_tokens": 50}),
        ({}, {"max_completion_tokens": 50, "max_tokens": 60}, {"max_completion_tokens": 50}),
        ({"extra_body": {"max_tokens": 100}}, {"max_completion_tokens": 40}, {"extra_body": {"max_tokens": 40}}),
    ],
)
def test_an_output_limit_is_only_ever_lowered(
    serve: Any, own: dict[str, Any], given: dict[str, Any], sent: dict[str, Any]
) -> None:
    assert asked(serve(agent={"parameters": own}), {"parameters": given}).parameters == sent


def test_instructions_are_replaced_where_the_agent_allows_it(serve: Any) -> None:
    served = serve(agent={"instructions": "Be kind.", "allow_overrides": ["instructions"]})
    said = asked(served, {"instructions": "Be brief."}).messages
    assert [(message.role, message.content) for message in said] == [("system", "Be brief."), ("user", "Hi")]
    assert [message.role for message in asked(served, {"instructions": ""}).messages] == ["user"]


def test_a_parameter_that_the_agent_names_is_allowed_and_what_it_leaves_out_is_not(serve: Any) -> None:
    served = serve(agent={"allow_overrides": ["logit_bias"]})
    error = refused(served, {"parameters": {"temperature": 0}})
    assert error["message"] == "override 'temperature' is not allowed by agent 'scripted'; it allows logit_bias"
    assert list(error["details"]["fields"]) == ["overrides.parameters.temperature"]
    assert asked(served, {"parameters": {"logit_bias": {"1": 2}}}).parameters == {"logit_bias": {"1": 2}}


@pytest.mark.parametrize(
    ("allowed", "overrides", "named"),
    [
        ([], {"parameters": {"seed": 1}}, "override 'seed' is not allowed by agent 'scripted'; it allows none"),
        ([], {"output_schema": SCHEMA}, "override 'output_schema' is not allowed"),
        (None, {"instructions": "x"}, "override 'instructions' is not allowed"),
        (None, {"parameters": {"tool_choice": "none"}}, "it allows temperature, top_p, stop, seed"),
    ],
)
def test_an_override_that_the_agent_does_not_allow_is_refused(
    serve: Any, allowed: Any, overrides: Any, named: str
) -> None:
    served = serve(agent={} if allowed is None else {"allow_overrides": allowed})
    assert named in refused(served, overrides)["message"]


NEVER = ["model", "messages", "stream", "extra_headers", "extra_query", "extra_body", "api_key", "base_url", "provider"]


@pytest.mark.parametrize("name", [*NEVER, "Authorization", "tools", "dialect"])
def test_what_no_run_may_override_is_refused_with_every_agent(serve: Any, name: str) -> None:
    assert f"override {name!r} is not allowed" in refused(serve(), {"parameters": {name: "x"}})["message"]


def test_a_name_within_an_allowed_parameter_is_refused_too(serve: Any) -> None:
    served = serve(agent={"allow_overrides": ["web_search_options"]})
    error = refused(served, {"parameters": {"web_search_options": {"headers": {"a": "b"}}}})
    assert "field 'overrides.parameters' has the name 'headers'" in error["message"]


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({"parameters": {"temperature": "hot"}}, "override 'temperature' is 'hot'; accepted is a number from 0"),
        ({"parameters": {"temperature": True}}, "accepted is a number from 0"),
        ({"parameters": {"temperature": None}}, "accepted is a number from 0"),
        ({"parameters": {"top_p": 1.5}}, "accepted is a number from 0 to 1"),
        ({"parameters": {"seed": 1.5}}, "accepted is a whole number"),
        ({"parameters": {"stop": []}}, "accepted is a text of 1 to 255 characters, or a list of 1 to 16 of them"),
        ({"parameters": {"stop": ["a"] * 17}}, "override 'stop'"),
        ({"parameters": {"max_tokens": 0}}, "accepted is a whole number from 1"),
        ({"output_schema": {"type": 7}}, "override 'output_schema' is no JSON schema that is accepted"),
        ({"output_schema": DEEP}, "it is nested too deeply"),
        ({"client_tools": [{"name": "f", "parameters": DEEP}]}, "it is nested too deeply"),
        ({"client_tools": {}}, "field 'overrides.client_tools' is an object; accepted is a list of 0 to 128 objects"),
        ({"client_tools": ["f"]}, "field 'overrides.client_tools[0]' is 'f'; accepted is an object"),
        ({"client_tools": [{}]}, "field 'overrides.client_tools[0].name' is missing"),
        ({"client_tools": [{"name": "a b"}]}, "field 'overrides.client_tools[0].name' is 'a b'; accepted is 1 to 64"),
        ({"client_tools": [{"name": "f", "parameters": {"type": "text"}}]}, "overrides.client_tools[0]"),
        ({"client_tools": [{"name": "f"}, {"name": "f"}]}, "overrides.client_tools[1]"),
        ({"client_tools": [{"name": "f"}] * 129}, "has 129 items; accepted is a list of 0 to 128 objects"),
        ({"temperature": 1}, "overrides.temperature"),
        ({"parameters": {"stop": "x" * 70000}}, "AGENTOS_MAX_METADATA_SIZE"),
        ("x", "'overrides'"),
        ({"instructions": "x" * (1024**2 + 1)}, "AGENTOS_MAX_INPUT_SIZE"),
    ],
)
def test_a_wrong_override_is_refused_and_named(serve: Any, overrides: Any, named: str) -> None:
    assert named in refused(serve(), overrides)["message"]


def test_no_overrides_are_a_plain_run(serve: Any) -> None:
    assert asked(serve(), {"client_tools": [], "parameters": {}}).parameters == {}


def test_an_agent_that_is_missing_is_said_before_its_overrides(client: FlaskClient) -> None:
    body = {"input": "Hi", "overrides": {"parameters": {"model": "x"}}}
    assert client.post("/api/v1/agents/missing/run", json=body).json["code"] == "AGENT_NOT_FOUND"


def test_the_same_key_with_other_overrides_is_another_request(serve: Any) -> None:
    served = serve()
    headers = {"Idempotency-Key": "k"}
    statuses = [
        served.client.post(
            "/api/v1/agents/scripted/run",
            json={"input": "Hi", "overrides": {"parameters": {"seed": seed}}},
            headers=headers,
        ).status_code
        for seed in (1, 1, 2)
    ]
    assert statuses == [200, 200, 422]
    assert len(served.provider.requests) == 1


class Foreign:
    """An agent of another framework that looks after its overrides itself."""

    def __init__(self, *allowed: str) -> None:
        if allowed:
            self.allow_overrides = allowed

    def stream(self, context: Any) -> Any:
        yield f"seed {context.overrides.parameters.get('seed')}"


def test_an_agent_that_is_not_ours_allows_nothing_unless_it_says_so(serve: Any) -> None:
    served = serve(agents={"closed": Foreign(), "open": Foreign("seed")})
    bodies = {"input": "Hi", "overrides": {"parameters": {"seed": 7}}}
    closed, opened = (served.client.post(f"/api/v1/agents/{name}/run", json=bodies) for name in ("closed", "open"))
    assert (closed.status_code, opened.json["content"]) == (400, "seed 7")
    assert "it allows none" in closed.json["message"]


def test_an_agent_that_is_not_ours_cannot_allow_what_no_run_may_override(serve: Any) -> None:
    served = serve(agents={"open": Foreign("model", "extra_headers", "tools")})
    for name in ("model", "extra_headers", "tools"):
        body = {"input": "Hi", "overrides": {"parameters": {name: "x"}}}
        refused = served.client.post("/api/v1/agents/open/run", json=body)
        assert (refused.status_code, refused.json["code"]) == (400, "INVALID_REQUEST")


def test_a_stored_agent_keeps_what_it_allows(client: FlaskClient) -> None:
    definition = {"id": "strict", "model": "scripted:echo", "allow_overrides": ["seed"]}
    assert client.post("/api/v1/agents", json=definition).json["definition"] == definition
    run = "/api/v1/agents/strict/run"
    bodies = [{"input": "Hi", "overrides": {"parameters": {name: 1}}} for name in ("seed", "temperature")]
    assert [client.post(run, json=body).status_code for body in bodies] == [200, 400]
    closed = {"model": "scripted:echo", "allow_overrides": []}
    assert client.put("/api/v1/agents/strict", json=closed).json["definition"]["allow_overrides"] == []


@pytest.mark.parametrize(
    ("allowed", "named"),
    [
        (["model"], "allow_overrides of agent 'a' has 'model', which no run may override"),
        (["extra_headers"], "which no run may override"),
        (["api_key"], "which no run may override"),
        (["two words"], "allow_overrides of agent 'a' has 'two words'"),
        ("seed", "'allow_overrides' is 'seed'"),
        ([7], "'allow_overrides[0]' is 7"),
        (["a"] * 65, "'allow_overrides' is a list"),
    ],
)
def test_an_agent_cannot_allow_what_no_run_may_override(client: FlaskClient, allowed: Any, named: str) -> None:
    response = client.post("/api/v1/agents", json={"id": "a", "model": "scripted:echo", "allow_overrides": allowed})
    assert (response.status_code, response.json["code"]) == (400, "INVALID_REQUEST")
    assert named in response.json["message"]
