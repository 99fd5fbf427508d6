"""``agentos.testing.agents``: agents behind the real API, with a script in place of their models."""

import threading

import pytest

from agentos import Agent, hookimpl
from agentos.errors import ConfigError, PluginError, ProviderUnavailable
from agentos.testing.agents import Cut, Fail, call, serve_agents

SHOP = Agent(id="shop", model="openai:gpt-5-mini", instructions="You answer for a bookshop.")
CLERK = Agent(id="clerk", model="groq:llama")


def test_the_script_takes_the_place_of_every_provider_that_the_agents_name() -> None:
    with serve_agents([SHOP, CLERK], turns=["One", "Two"]) as server:
        said = [server.run(agent, "Hi").get_json()["content"] for agent in ("shop", "clerk")]
    assert said == ["One", "Two"]
    assert [request.model for request in server.requests] == ["gpt-5-mini", "llama"]


def test_the_scripted_provider_stays_what_it_is() -> None:
    with serve_agents([Agent(id="echo", model="scripted:echo")], turns=["never"]) as server:
        assert server.run("echo", "Hi").get_json()["content"] == "Hi"


def test_without_turns_a_provider_that_is_not_installed_is_missed() -> None:
    with pytest.raises(ConfigError, match="there is no model provider 'openai'"), serve_agents([SHOP]):
        pass


@pytest.mark.parametrize(
    ("turn", "status", "cause"),
    [
        ([Fail(ProviderUnavailable("away"))], 503, "PROVIDER_UNAVAILABLE"),
        (["Half", Cut()], 502, "PROVIDER_ERROR"),
        ([call("no_such_tool")], 500, "TURN_LIMIT"),
    ],
)
def test_a_failure_has_its_status_and_is_the_last_event(turn: list[object], status: int, cause: str) -> None:
    with serve_agents([SHOP], turns=[turn], model_retries=0, max_turns=2) as server:
        assert server.run("shop", "Hi").status_code == status
        last = server.stream("shop", "Hi")[-1]
    assert (last.type, last.data["details"]["cause"]) == ("error", cause)


def test_a_session_remembers_and_fields_reach_the_run() -> None:
    with serve_agents([SHOP], turns=["Hello"]) as server:
        session = server.session("shop", name="Ada's")
        server.run("shop", "I am Ada.", session_id=session)
        server.stream("shop", "Who am I?", session_id=session, user_id="ada")
        assert server.client.get(f"/api/v1/sessions/{session}").get_json()["run_count"] == 2
    assert [message.content for message in server.requests[-1].messages][1:] == ["I am Ada.", "Hello", "Who am I?"]


def test_a_stream_that_is_refused_is_an_assertion_error_with_the_reason() -> None:
    with serve_agents([SHOP], turns=["Hello"]) as server, pytest.raises(AssertionError, match="AGENT_NOT_FOUND"):
        server.stream("nobody", "Hi")


def test_a_broken_plugin_is_an_error_and_not_left_out() -> None:
    class Broken:
        @hookimpl
        def register_tools(self, register: object) -> None:
            raise RuntimeError("no licence")

    with pytest.raises(PluginError), serve_agents(plugins={"broken": Broken()}):
        raise AssertionError("it was served")


def test_neither_the_environment_nor_installed_plugins_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTOS_AUTH", "api_key")
    with serve_agents([SHOP], turns=["Hello"]) as server:
        assert server.run("shop", "Hi").status_code == 200
        assert server.client.get("/api/v1/tools").get_json()["tools"] == []
    with serve_agents(installed=["calculator"]) as server:
        assert [tool["name"] for tool in server.client.get("/api/v1/tools").get_json()["tools"]] == ["calculator"]


def test_a_started_server_does_what_a_worker_does_by_itself_until_its_end() -> None:
    def working() -> set[str]:
        return {thread.name for thread in threading.enumerate()} - before

    before = {thread.name for thread in threading.enumerate()}
    with serve_agents([SHOP], turns=["Hello"]):
        assert working() == set()
    with serve_agents([SHOP], turns=["Hello"], started=True):
        assert working() >= {"leases", "housekeeping"}
    assert working() == set()
