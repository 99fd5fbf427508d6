"""The fixtures, tested through themselves."""

from __future__ import annotations

import base64
import os
import re
import signal
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from agentos import Agent, PluginError, hookimpl
from agentos.testing import PIXEL, Pause, ScriptedAgent, call

SHOP = Agent(id="shop", model="openai:gpt-5-mini", instructions="You answer for a bookshop.")


def opening_hours(day: str) -> str:
    """Say when the shop is open.

    Args:
        day: A day of the week.
    """
    return "closed" if day == "Sunday" else "9:00 to 18:00"


class Greetings:
    """A plugin with a tool and an agent."""

    @hookimpl
    def register_tools(self, register) -> None:
        register(opening_hours)

    @hookimpl
    def register_agents(self, register) -> None:
        register(Agent(id="greeter", model="groq:llama", tools=["opening_hours"]))


# --- in this process ---------------------------------------------------------------------------------------------


def test_without_an_application_there_is_one_with_a_scripted_agent(agentos_client, scripted) -> None:
    scripted.say("Hello")
    answer = agentos_client.run("scripted", "Hi")
    assert (answer.status_code, answer.json["content"]) == (200, "Hello")
    assert scripted.requests[0].messages[-1].content == "Hi"


def test_until_the_test_says_something_a_run_fails_and_says_so(agentos_client) -> None:
    answer = agentos_client.run("scripted", "Hi")
    assert answer.status_code == 502
    assert "scripted.say('Hello')" in answer.json["message"]


def test_an_application_has_what_the_test_gives_it(agentos_app, agentos_client, scripted) -> None:
    app = agentos_app([SHOP], tools=[opening_hours], max_input_size=1024)
    scripted.say("Closed.")
    assert agentos_client.application is app
    assert agentos_client.run("shop", "Hi").json["content"] == "Closed."
    assert agentos_client.run("shop", "x" * 1025).status_code == 400
    assert [tool["name"] for tool in agentos_client.get("/api/v1/tools").json["tools"]] == ["opening_hours"]


def test_the_script_is_played_call_by_call_and_streamed(agentos_app, agentos_client, scripted) -> None:
    agentos_app({"shop": Agent(id="shop", model="openai:x", tools=[opening_hours])})
    scripted.say([call("opening_hours", '{"day": "Sunday"}')], ["We are ", "closed."])
    events = agentos_client.stream("shop", "Are you open?")
    assert [event.type for event in events] == ["run_start", "tool_call", "tool_call", "token", "token", "complete"]
    assert [event.number for event in events] == [1, 2, 3, 4, 5, 6]
    assert events[2].data["result"] == "closed"


def test_a_run_can_be_followed_again(agentos_client, scripted) -> None:
    scripted.say(["We ", "are ", "open."])
    run_id = agentos_client.run("scripted", "Hi").json["run_id"]
    assert [event.number for event in agentos_client.follow(run_id, after=2)] == [3, 4, 5]


def test_two_runs_in_one_session(agentos_client, scripted) -> None:
    scripted.say("Hello, Ada.")
    session = agentos_client.session("scripted", name="Ada's")
    for text in ("I am Ada.", "Who am I?"):
        agentos_client.run("scripted", text, session_id=session)
    said = [message.content for message in scripted.requests[-1].messages]
    assert said == ["I am Ada.", "Hello, Ada.", "Who am I?"]


def test_a_picture_reaches_the_model(agentos_client, scripted) -> None:
    scripted.say("A dot.")
    media = {"type": "image", "data": PIXEL.data, "content_type": "image/png"}
    assert agentos_client.run("scripted", "What is it?", media=media).status_code == 200
    assert base64.b64decode(scripted.requests[0].messages[-1].media[0].data).startswith(b"\x89PNG")


def test_an_agent_that_raises_is_an_error_of_the_api(agentos_app, agentos_client) -> None:
    agentos_app({"own": ScriptedAgent("Half", RuntimeError("a bug"))})
    answer = agentos_client.run("own", "Hi")
    assert (answer.status_code, answer.json["code"]) == (500, "EXECUTION_ERROR")
    assert agentos_client.stream("own", "Hi")[-1].type == "error"


def test_a_tool_that_is_slow_is_given_up(agentos_app, agentos_client, scripted) -> None:
    def wait() -> str:
        """Wait."""
        time.sleep(1)
        return "done"

    agentos_app([Agent(id="shop", model="openai:x", tools=[wait])], tool_timeout=0.2)
    scripted.say([call("wait")], "It takes too long.")
    events = agentos_client.stream("shop", "Hi")
    assert [event.data["status"] for event in events if event.type == "tool_call"] == ["started", "failed"]
    assert events[-1].data["output"] == "It takes too long."


def test_a_plugin_is_there_as_if_it_were_installed(agentos_app, agentos_client, scripted) -> None:
    agentos_app(plugins={"greetings": Greetings()}, in_place_of=["groq"])
    scripted.say("Hello")
    assert agentos_client.run("greeter", "Hi").json["content"] == "Hello"
    (tool,) = agentos_client.get("/api/v1/tools").json["tools"]
    assert tool["source"] == "greetings"


def test_a_broken_plugin_is_an_error(agentos_app) -> None:
    with pytest.raises(PluginError, match="'groq'"):
        agentos_app(plugins={"greetings": Greetings()})


def test_two_tenants_have_a_key_each(agentos_app, agentos_client, scripted) -> None:
    agentos_app([SHOP], auth=["api_key"])
    scripted.say("Hello")
    assert agentos_client.run("shop", "Hi").status_code == 401
    alice, bob = agentos_client.as_caller("alice"), agentos_client.as_caller("bob", ["runs:read"])
    run_id = alice.run("shop", "Hi").json["run_id"]
    assert alice.get(f"/api/v1/runs/{run_id}").status_code == 200
    assert bob.get(f"/api/v1/runs/{run_id}").status_code == 404
    assert bob.run("shop", "Hi").status_code == 403


def test_the_client_is_that_of_the_application_made_last(agentos_app, agentos_client, scripted) -> None:
    scripted.say("Hello")
    first = agentos_app([SHOP])
    agentos_app([Agent(id="other", model="openai:x")])
    assert agentos_client.run("shop", "Hi").status_code == 404
    assert first.test_client().run("shop", "Hi").status_code == 200


def test_a_real_model_can_be_asked_instead_of_the_script(agentos_app, agentos_client, scripted) -> None:
    class Parrot:
        @hookimpl
        def register_model_providers(self, register) -> None:
            from agentos import ScriptedProvider

            register("parrot", lambda config: ScriptedProvider(["Squawk"]))

    agentos_app([Agent(id="p", model="parrot:grey")], plugins={"parrot": Parrot()}, real_models=True)
    assert agentos_client.run("p", "Hi").json["content"] == "Squawk"
    assert scripted.requests == []


def test_a_slow_model_can_be_cancelled(agentos_client, scripted) -> None:
    scripted.say(["Well", Pause(30), "done"])
    run_id = agentos_client.run("scripted", "Hi", background=True).json["run_id"]
    assert agentos_client.post(f"/api/v1/runs/{run_id}/cancel").status_code in (200, 202)
    assert agentos_client.follow(run_id)[-1].data["code"] == "RUN_CANCELLED"


# --- real servers ------------------------------------------------------------------------------------------------

PROGRAM = """
from agentos import Agent, AgentOS

server = AgentOS()
server.register_agent(Agent(id="echo", model="scripted:echo"))

if __name__ == "__main__":
    server.start()
"""

PLUGIN = """
import os
import agentos

def worker() -> str:
    '''Say which process this is.'''
    return str(os.getpid())

@agentos.hookimpl
def register_tools(register):
    register(worker)

@agentos.hookimpl
def register_agents(register):
    register(agentos.Agent(id="plugged", model="scripted:echo", tools=["worker"]))
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "kit_program.py").write_text(PROGRAM)
    (folder / "kit_agents.py").write_text("from agentos import Agent\none = Agent(id='one', model='scripted:echo')\n")
    (folder / "kit_plugin.py").write_text(PLUGIN)
    return folder / "kit_program.py"


def test_a_program_is_served_by_workers_and_ended_in_order(serve, program: Path) -> None:
    server = serve(program, workers=2)
    assert server.client.run("echo", "Hello there").json["content"] == "Hello there"
    events = list(server.client.stream("echo", "Hello there"))
    assert [event.data["token"] for event in events if event.type == "token"] == ["Hello", " there"]
    assert [event.number for event in events] == [1, 2, 3, 4]
    refused = server.client.run("nobody", "Hi")
    assert (refused.status, refused.json["code"]) == (404, "AGENT_NOT_FOUND")
    assert [agent["id"] for agent in server.client.get("/api/v1/agents").json["agents"]] == ["assistant", "echo"]
    assert server.log().count("worker ready") == 2
    assert server.stop() == 0
    assert all(record["level"] != "error" for record in server.records())


def test_the_agents_of_a_module_and_a_plugin_are_served(serve, program: Path) -> None:
    server = serve(
        agents=program.with_name("kit_agents.py"),
        plugins={"kit": "kit_plugin"},
        env={"AGENTOS_ASSISTANT": "0", "AGENTOS_MAX_INPUT_SIZE": "1KiB"},
        wait=False,
    )
    with pytest.raises(AssertionError, match="the server is not ready"):
        server.wait_ready(timeout=0)
    server.wait_ready()
    assert [agent["id"] for agent in server.client.get("/api/v1/agents").json["agents"]] == ["one", "plugged"]
    (tool,) = server.client.get("/api/v1/tools").json["tools"]
    assert (tool["name"], tool["source"]) == ("worker", "kit")
    assert server.client.run("one", "x" * 1025).status == 400


def test_two_tenants_have_a_key_each_at_a_real_server(serve, program: Path) -> None:
    server = serve(program, env={"AGENTOS_AUTH": "api_key"})
    alice, bob = server.as_caller("alice"), server.as_caller("bob", ["runs:read"])
    assert server.client.run("echo", "Hi").status == 401
    run_id = alice.run("echo", "Hi").json["run_id"]
    assert alice.get(f"/api/v1/runs/{run_id}").status == 200
    assert bob.get(f"/api/v1/runs/{run_id}").status == 404
    assert bob.run("echo", "Hi").status == 403
    with pytest.raises(AssertionError, match=r"ended with 1:(?s:.)*no-such-scope"):
        server.as_caller("carol", ["no-such-scope"])


def test_a_killed_server_leaves_no_process(serve, program: Path) -> None:
    server = serve(program, workers=2)
    pids = set(map(int, re.findall(r"Booting worker with pid: (\d+)", server.log())))
    assert len(pids) == 2
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)  # so that no worker ends because it notices that its master is gone
    server.kill()
    assert server.process.returncode == -signal.SIGKILL
    for pid in pids:
        until_gone(pid)


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.05)


def test_a_server_that_does_not_start_says_why(serve, program: Path) -> None:
    with pytest.raises(AssertionError, match="setting 'workers'"):
        serve(program, env={"AGENTOS_WORKERS": "many"})


def test_a_program_that_is_not_there_is_an_error_with_what_is_accepted(serve) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no program 'nowhere\.py'"):
        serve("nowhere.py")
    with pytest.raises(TypeError, match="program and agents were both given"):
        serve("a:server", agents="b")


# --- what the plugin costs ---------------------------------------------------------------------------------------


@pytest.fixture
def session(pytester: pytest.Pytester):
    """Run a file of tests in a process of its own."""

    def run(text: str) -> pytest.RunResult:
        pytester.makepyfile(textwrap.dedent(text))
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:schemathesis")

    return run


def test_a_session_that_uses_no_fixture_loads_neither_agentos_nor_flask_nor_gevent(session) -> None:
    done = session(
        """
        import sys

        def test_nothing():
            assert not {"agentos", "flask", "gevent", "gunicorn", "requests"} & set(sys.modules)
        """
    )
    done.assert_outcomes(passed=1)


def test_an_application_loads_no_gevent_and_no_database(session) -> None:
    done = session(
        """
        import sys

        def test_one(agentos_client, scripted):
            scripted.say("Hello")
            assert agentos_client.run("scripted", "Hi").status_code == 200
            assert not {"gevent", "gunicorn", "sqlalchemy"} & set(sys.modules)
        """
    )
    done.assert_outcomes(passed=1)
