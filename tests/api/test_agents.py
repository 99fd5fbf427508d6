from typing import Any

import pytest
from flask.testing import FlaskClient

from agentos.hookspecs import hookimpl
from agentos.tools.tool import tool
from api.conftest import next_pages
from tools.isolated_examples import nap

AGENTS = "/api/v1/agents"
ECHO = {"id": "geographer", "model": "scripted:echo"}


def test_agents_are_listed_by_id_each_with_its_source(client: FlaskClient) -> None:
    client.post(AGENTS, json=ECHO)
    listed = client.get(AGENTS).json
    assert [(agent["id"], agent["source"]) for agent in listed["agents"]] == [
        ("assistant", "core"),
        ("geographer", "stored"),
        ("scripted", "code"),
    ]
    assert listed["count"] == 3
    assert all("definition" not in agent for agent in listed["agents"])


def ids(page: dict[str, Any]) -> list[str]:
    assert page["count"] == len(page["agents"])
    return [agent["id"] for agent in page["agents"]]


def test_the_list_comes_in_pages_of_a_hundred_unless_another_limit_is_given(client: FlaskClient, served) -> None:
    stored = [f"agent-{number:03}" for number in range(150)]
    for agent_id in stored:
        served.services.agents.register({**ECHO, "id": agent_id})
    everything = sorted([*stored, "assistant", "scripted"])
    first = client.get(AGENTS).json
    assert ids(first) == everything[:100]
    second = client.get(f"{AGENTS}?cursor={first['next_cursor']}").json
    assert ids(second) == everything[100:]
    assert "next_cursor" not in second
    whole = client.get(f"{AGENTS}?limit=1000").json
    assert ids(whole) == everything
    assert "next_cursor" not in whole
    small = client.get(f"{AGENTS}?limit=35").json
    rest = next_pages(client, f"{AGENTS}?limit=35", "agents", small)
    assert ids(small) + [agent["id"] for agent in rest] == everything
    assert ids(client.get(f"{AGENTS}?offset=149&limit=2").json) == everything[149:151]
    assert ids(client.get(f"{AGENTS}?offset=9999").json) == []


def test_a_list_that_is_read_by_cursor_is_stable_while_agents_come_and_go(client: FlaskClient) -> None:
    for agent_id in ("d", "b", "f"):
        client.post(AGENTS, json={**ECHO, "id": agent_id})
    first = client.get(f"{AGENTS}?limit=3").json
    assert ids(first) == ["assistant", "b", "d"]
    for agent_id in ("a", "c", "e"):
        client.post(AGENTS, json={**ECHO, "id": agent_id})
    client.delete(f"{AGENTS}/d")
    assert ids(client.get(f"{AGENTS}?cursor={first['next_cursor']}").json) == ["e", "f", "scripted"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "limit=-1", "offset=-1", "offset=x", "cursor=x", "cursor=", "page=2", "q=a"],
)
def test_a_wrong_part_of_the_list_is_refused(client: FlaskClient, query: str) -> None:
    answer = client.get(f"{AGENTS}?{query}")
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert query.partition("=")[0] in answer.json["message"]


def test_a_cursor_belongs_to_its_list_and_not_beside_an_offset(client: FlaskClient) -> None:
    cursor = client.get(f"{AGENTS}?limit=1").json["next_cursor"]
    assert client.get(f"/api/v1/sessions?cursor={cursor}").status_code == 400
    assert client.get(f"{AGENTS}?cursor={cursor}&offset=1").status_code == 400


def test_the_list_leaves_out_what_makes_definitions_large(client: FlaskClient) -> None:
    for number in range(12):
        document = {**ECHO, "id": f"a{number:02}", "instructions": "x" * 1_000_000, "metadata": {"a": "y" * 60_000}}
        assert client.post(AGENTS, json=document).status_code == 201
    answer = client.get(AGENTS)
    assert len(ids(answer.json)) == 14
    assert len(answer.data) < 10_000


def test_a_registered_agent_has_an_address_and_runs_at_once(client: FlaskClient) -> None:
    given = {
        **ECHO,
        "name": "Geographer",
        "description": "Knows places.",
        "instructions": "Be brief.",
        "parameters": {"temperature": 0.2},
        "output_schema": {"type": "object"},
        "output_retries": 1,
        "history_turns": 3,
        "max_turns": 2,
        "metadata": {"owner": "ada"},
    }
    created = client.post(AGENTS, json=given)
    assert created.status_code == 201
    assert created.json["definition"] == given
    assert client.get(created.headers["Location"]).json == created.json
    answer = client.post(f"{AGENTS}/geographer/run", json={"input": '{"Rome": "Italy"}'})
    assert answer.json["content"] == '{"Rome": "Italy"}'


def test_max_steps_is_another_name_of_max_turns(client: FlaskClient) -> None:
    created = client.post(AGENTS, json={**ECHO, "max_steps": 2})
    assert created.json["definition"] == {**ECHO, "max_turns": 2}
    both = client.put(f"{AGENTS}/geographer", json={**ECHO, "max_steps": 2, "max_turns": 3})
    assert (both.status_code, both.json["code"]) == (400, "INVALID_REQUEST")
    assert "'max_steps' is another name of 'max_turns'" in both.json["message"]


def test_put_replaces_the_whole_definition(client: FlaskClient) -> None:
    client.post(AGENTS, json={**ECHO, "description": "old"})
    replaced = client.put(f"{AGENTS}/geographer", json={"model": "scripted:slow-1x0"})
    assert replaced.json["definition"]["model"] == "scripted:slow-1x0"
    assert "description" not in replaced.json["definition"]
    assert client.post(f"{AGENTS}/geographer/run", json={"input": "x"}).json["content"] == "word0 "


def test_a_deleted_agent_no_longer_runs_but_its_sessions_stay(client: FlaskClient) -> None:
    client.post(AGENTS, json=ECHO)
    session = client.post("/api/v1/sessions", json={"agent_id": "geographer"}).json["session_id"]
    assert client.delete(f"{AGENTS}/geographer").json == {"message": "agent deleted"}
    assert client.post(f"{AGENTS}/geographer/run", json={"input": "x"}).json["code"] == "AGENT_NOT_FOUND"
    assert client.get(f"/api/v1/sessions/{session}").status_code == 200
    assert client.delete(f"{AGENTS}/geographer").status_code == 404


def test_an_id_is_taken_once(client: FlaskClient) -> None:
    client.post(AGENTS, json=ECHO)
    answer = client.post(AGENTS, json=ECHO)
    assert (answer.status_code, answer.json["code"]) == (409, "AGENT_EXISTS")


@pytest.mark.parametrize("agent_id", ["assistant", "scripted"])
def test_agents_of_code_and_plugins_are_read_only(client: FlaskClient, agent_id: str) -> None:
    answers = [
        client.post(AGENTS, json={**ECHO, "id": agent_id}),
        client.put(f"{AGENTS}/{agent_id}", json={"model": "scripted:echo"}),
        client.delete(f"{AGENTS}/{agent_id}"),
    ]
    assert [(answer.status_code, answer.json["code"]) for answer in answers] == [(409, "AGENT_EXISTS")] * 3


@pytest.mark.parametrize("agent_id", ["nobody", "x" * 300, "%00", "ü"])
def test_an_unknown_agent_is_404(client: FlaskClient, agent_id: str) -> None:
    answers = [
        client.get(f"{AGENTS}/{agent_id}"),
        client.delete(f"{AGENTS}/{agent_id}"),
        client.post(f"{AGENTS}/{agent_id}/run", json={"input": "x"}),
        client.post(f"{AGENTS}/{agent_id}/run/stream", json={"input": "x"}),
    ]
    assert [(answer.status_code, answer.json["code"]) for answer in answers] == [(404, "AGENT_NOT_FOUND")] * 4


def test_the_unknown_agents_error_is_the_contracts(client: FlaskClient) -> None:
    answer = client.post(f"{AGENTS}/non-existent/run", json={"input": "x"}, headers={"X-Request-ID": "r-1"})
    assert answer.json == {
        "error": "agent not found",
        "message": "agent with ID 'non-existent' not found",
        "code": "AGENT_NOT_FOUND",
        "request_id": "r-1",
    }


WRONG = [
    ({"model": "scripted:echo"}, "'id'"),
    ({"id": "a"}, "'model'"),
    ({**ECHO, "id": "a b"}, "'id'"),
    ({**ECHO, "id": "a\n"}, "'id'"),
    ({**ECHO, "model": "echo"}, "'model'"),
    ({**ECHO, "tools": "calculator"}, "'tools'"),
    ({**ECHO, "tools": ["calculator", 1]}, "'tools[1]'"),
    ({**ECHO, "tools": ["no-such-tool"]}, "no-such-tool"),
    ({**ECHO, "history_turns": -1}, "'history_turns'"),
    ({**ECHO, "history_turns": 1.0}, "'history_turns'"),
    ({**ECHO, "max_turns": True}, "'max_turns' is true"),
    ({**ECHO, "max_turns": 0}, "'max_turns'"),
    ({**ECHO, "parameters": []}, "'parameters'"),
    ({**ECHO, "output_schema": "x"}, "'output_schema'"),
    ({**ECHO, "output_schema": {"type": "string", "pattern": "(a|" * 210 + "b" + ")" * 210}}, "nested too deeply"),
    ({**ECHO, "output_retries": 4}, "'output_retries'"),
    ({**ECHO, "output_retries": "1"}, "'output_retries'"),
    ({**ECHO, "name": None}, "'name'"),
    ({**ECHO, "prompt": "x"}, "'prompt'"),
]


@pytest.mark.parametrize(("body", "named"), WRONG)
def test_a_wrong_definition_is_refused_by_the_field(client: FlaskClient, body: dict[str, Any], named: str) -> None:
    answer = client.post(AGENTS, json=body)
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert named in answer.json["message"]


def test_a_model_whose_provider_is_not_installed_is_a_wrong_request(client: FlaskClient) -> None:
    answer = client.post(AGENTS, json={**ECHO, "model": "nowhere:x"})
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert "nowhere" in answer.json["message"]


def test_a_put_for_another_id_is_refused(client: FlaskClient) -> None:
    client.post(AGENTS, json=ECHO)
    answer = client.put(f"{AGENTS}/geographer", json={**ECHO, "id": "other"})
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")


@tool
def double(number: int) -> int:
    """Double a number."""
    return number * 2


class DoublingPlugin:
    @hookimpl
    def register_tools(self, register):
        register(double)


class BrokenPlugin:
    @hookimpl
    def register_tools(self, register):
        raise RuntimeError("secret reason")


def test_models_tools_and_plugins_are_listed_with_where_they_came_from(serve) -> None:
    plugins = {"doubling": DoublingPlugin(), "broken": BrokenPlugin()}
    client = serve(plugins=plugins, auth=["api_key"]).client.as_caller("alice")
    assert {"id": "scripted:echo", "source": "core"} in client.get("/api/v1/models").json["models"]
    tools = client.get("/api/v1/tools").json
    assert [(one["name"], one["source"], one["description"]) for one in tools["tools"]] == [
        ("double", "doubling", "Double a number.")
    ]
    assert tools["tools"][0]["parameters"]["required"] == ["number"]
    found = {one["name"]: one for one in client.get("/api/v1/plugins").json["plugins"]}
    assert found["doubling"]["provides"] == ["tool:double"]
    assert found["broken"]["status"] == "failed"
    assert "secret reason" not in client.get("/api/v1/plugins").text


def test_why_a_plugin_failed_is_shown_to_those_who_may_read_the_settings(serve) -> None:
    served = serve(plugins={"doubling": DoublingPlugin(), "broken": BrokenPlugin()}, auth=["api_key"])
    operator = served.client.as_caller("ops", ["agents:read", "settings:read"])
    errors = {one["name"]: one["error"] for one in operator.get("/api/v1/plugins").json["plugins"]}
    assert "RuntimeError: secret reason" in errors["broken"]
    assert errors["doubling"] is None


def test_a_tool_says_how_it_is_called(serve) -> None:
    @tool(timeout=5, approval=True)
    def pay() -> str:
        """Pay."""
        return ""

    @tool(approval=lambda call, context: False)
    def buy() -> str:
        """Buy."""
        return ""

    class Shop:
        @hookimpl
        def register_tools(self, register):
            for one in (pay, buy, double, nap):
                register(one)

    tools = serve(plugins={"shop": Shop()}).client.get("/api/v1/tools").json["tools"]
    assert [(one["name"], one["approval"], one["timeout"], one["isolated"]) for one in tools] == [
        ("buy", "sometimes", None, False),
        ("double", "never", None, False),
        ("nap", "never", None, True),
        ("pay", "always", 5, False),
    ]
