"""A program that registers agents in code and serves them."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.errors import AgentExists, ConfigError, InvalidRequest
from agentos.server import AgentOS
from parts.server import ROOT, AgentOSServer

# The imports before AgentOS are the point: they are what late patches would break.
PROGRAM = """
import atexit, os, ssl, threading, time
import requests
from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.server import AgentOS

class Slow:
    def stream(self, context):
        requests.Session().close()
        ssl.create_default_context()
        time.sleep(1)
        yield "done"

server = AgentOS(Config(workers=1, database_url="memory://"))
server.register_agent("slow", Slow())
server.register_agent("echo", Agent(id="echo", model="scripted:echo"))

if __name__ == "__main__":
    atexit.register(print, "exit", flush=True)
    if os.environ.get("END_AFTER"):
        threading.Timer(float(os.environ["END_AFTER"]), server.shutdown).start()
    server.start()
    print("after", os.getpid(), flush=True)
"""


@pytest.fixture
def program(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    servers = []

    def start(*, arguments=("program.py",), **options):
        server = AgentOSServer(cwd=tmp_path, workers=1, command=[sys.executable, *arguments], **options)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.kill()


def run(url, agent):
    request = urllib.request.Request(
        f"{url}/api/v1/agents/{agent}/run", b'{"input": "hello"}', {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)["content"]


@pytest.mark.parametrize("arguments", [("program.py",), ("-m", "program")], ids=["script", "module"])
def test_agents_of_the_program_are_served_in_its_own_process(program, arguments):
    server = program(arguments=arguments)

    assert run(server.url, "echo") == "hello"
    assert server.worker_pids()


def test_two_slow_runs_of_the_program_overlap_although_it_imported_sockets_first(program):
    server = program()
    answers = []
    start = time.monotonic()

    threads = [threading.Thread(target=lambda: answers.append(run(server.url, "slow"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == ["done", "done"]
    assert time.monotonic() - start < 1.8


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order_and_start_returns_once(program, number):
    server = program()

    assert server.stop(number) == 0

    assert server.output().splitlines()[-2:] == [f"after {server.pid}", "exit"]
    assert server.output().count("exit") == 1


def test_shutdown_from_another_thread_ends_it_in_order(program):
    # Not sooner than a busy machine needs to be ready.
    server = program(env={"END_AFTER": "5"})

    assert server.process.wait(20) == 0

    assert f"after {server.pid}" in server.output()


def test_a_server_that_was_shut_down_before_its_start_does_not_start(tmp_path):
    code = (
        "from gevent import monkey; monkey.patch_all()\n"
        "from agentos.server import AgentOS\n"
        "server = AgentOS(); server.shutdown(); server.start(); print('returned')"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, cwd=tmp_path)

    assert (done.stdout, done.returncode) == ("returned\n", 0)


def test_a_session_without_a_program_is_told_what_to_do(tmp_path):
    code = "from agentos.server import AgentOS\nAgentOS().start()\n"

    done = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True, timeout=20, cwd=tmp_path)

    assert "call it from a program" in done.stderr


def test_the_app_serves_the_registered_agents_without_a_server():
    server = AgentOS(Config(database_url="memory://", environ={}))
    server.register_agent(Agent(id="echo", model="scripted:echo"))

    answer = server.app.test_client().post("/api/v1/agents/echo/run", json={"input": "hello"})

    assert answer.json["content"] == "hello"
    server.app.extensions["agentos"].close()


def test_an_agent_is_served_under_the_id_that_it_is_registered_with():
    server = AgentOS(Config(database_url="memory://", environ={}))
    server.register_agent("second", Agent(id="first", model="scripted:echo"))

    agents = server.app.test_client().get("/api/v1/agents").json["agents"]

    assert ("second", "second") in [(agent["id"], agent["name"]) for agent in agents]
    server.app.extensions["agentos"].close()


@pytest.mark.parametrize(
    ("id", "agent", "complaint"),
    [
        ("bad id", Agent(id="a", model="scripted:echo"), "agent id 'bad id' is not accepted"),
        ("a", object(), "give an agentos.Agent, an object with stream"),
        ("a", None, "give an agentos.Agent, an object with stream"),
        (None, None, "agent id None is not accepted"),
    ],
)
def test_what_is_no_agent_is_refused_with_what_is_accepted(id, agent, complaint):
    with pytest.raises(InvalidRequest, match=complaint):
        AgentOS(Config(environ={})).register_agent(id, agent)


def test_an_id_is_registered_once():
    server = AgentOS(Config(environ={}))
    server.register_agent(Agent(id="a", model="scripted:echo"))

    with pytest.raises(AgentExists, match="registered before"):
        server.register_agent("a", Agent(id="b", model="scripted:echo"))


def test_a_server_whose_app_was_built_refuses_to_start():
    server = AgentOS(Config(database_url="memory://", environ={}))
    server.app.extensions["agentos"].close()

    with pytest.raises(ConfigError, match="built before start"):
        server.start()
    with pytest.raises(ConfigError, match="after the application was built"):
        server.register_agent(Agent(id="late", model="scripted:echo"))


def test_a_setting_that_is_not_accepted_is_told_in_one_line(tmp_path):
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"]
    environment = {**os.environ, "AGENTOS_WORKERS": "many", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Error: setting 'workers' (from AGENTOS_WORKERS) is 'many'; accepted: a whole number from 1 to 512"
    ]
