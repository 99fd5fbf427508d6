"""Agents that cannot run are refused at start, by name; one of a plugin costs no other agent."""

from typing import Any

import pytest

from agentos import Agent, AgentOS, Config, create_app, hookimpl
from agentos.advice import advice
from agentos.errors import ConfigError, InvalidRequest, PluginError


def untyped(day):
    """Say something."""
    return day


def typed(day: str) -> str:
    """Say something."""
    return day


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown provider": ({"model": "nothing:x"}, "there is no model provider 'nothing'"),
    "a provider to install": ({"model": "openai:x"}, "pip install agentos-server-openai"),
    "an unknown tool": ({"tools": ["missing"]}, "wants tool 'missing', which is not installed"),
    "a tool without annotations": ({"tools": [untyped]}, "untyped"),
    "an invalid schema": ({"output_schema": {"type": "nonsense"}}, "output_schema"),
    "two tools of one name": ({"tools": [typed, typed]}, "has two tools named 'typed'"),
}


def settings(**given: Any) -> Config:
    return Config(**{"database_url": "memory://", "plugins": (), "assistant": False, "environ": {}, **given})


def bad(fields: dict[str, Any]) -> Agent:
    return Agent(**{"id": "bad", "model": "scripted:echo", **fields})


@pytest.mark.parametrize("name", BAD)
def test_an_agent_in_code_is_refused_by_name(name: str) -> None:
    fields, said = BAD[name]
    server = AgentOS(settings())
    server.register_agent("bad", bad(fields))
    with pytest.raises(ConfigError, match=r"agent 'bad'") as caught:
        _ = server.app
    assert said in caught.value.message


class Plugin:
    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    @hookimpl
    def register_agents(self, register: Any) -> None:
        register(Agent(id="good", model="scripted:echo"))
        register(bad(self.fields))


@pytest.mark.parametrize("name", BAD)
def test_an_agent_of_a_plugin_is_left_out_and_the_others_stay(name: str) -> None:
    fields, said = BAD[name]
    app = create_app(settings(), plugins={"poets": Plugin(fields)})
    try:
        agents = app.test_client().get("/api/v1/agents").get_json()["agents"]
        assert [agent["id"] for agent in agents] == ["good"]
        (report,) = [one for one in app.extensions["agentos"].plugins.reports if one.name == "poets"]
        assert said in (report.error or "")
        assert "agent 'bad'" in (report.error or "")
        assert report.provides == ["agent:good"]
    finally:
        app.extensions["agentos"].close()


@pytest.mark.parametrize("name", BAD)
def test_where_plugins_are_strict_it_stops_the_start(name: str) -> None:
    with pytest.raises(PluginError, match=r"plugin 'poets' is broken: agent 'bad'"):
        create_app(settings(plugins_strict=True), plugins={"poets": Plugin(BAD[name][0])})


def test_the_assistants_model_is_checked() -> None:
    with pytest.raises(ConfigError, match="AGENTOS_MODEL is 'nothing:x': there is no model provider 'nothing'"):
        create_app(settings(assistant=True, model="nothing:x"))


def test_a_text_is_no_list_of_tools() -> None:
    with pytest.raises(InvalidRequest, match=r"tools of agent 'a' are the text 'calculator'.*\['calculator'\]"):
        Agent(id="a", model="scripted:echo", tools="calculator")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"plugins": (), "openai_api_key": "k"}, ["OPENAI_API_KEY is set, but nothing here uses it"]),
        ({"openai_api_key": "k", "plugins": ("openai",)}, []),
        ({"plugins": (), "anthropic_api_key": "k"}, ["pip install agentos-server-anthropic"]),
        ({"anthropic_api_key": "k", "plugins": ("anthropic",)}, []),
        ({"database_url": "memory://", "workers": 2}, ["each of the 2 workers has a memory of its own"]),
        ({"database_url": "memory://", "workers": 1}, []),
        ({"workers": 2}, []),
    ],
)
def test_settings_that_are_surely_not_meant_are_named(given: Any, said: list[str]) -> None:
    found = list(advice(Config(environ={}, **given)))
    assert len(found) == len(said), found
    for one, start in zip(found, said, strict=True):
        assert start in one
