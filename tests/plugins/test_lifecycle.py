"""The hooks ``server_start`` and ``server_stop``: each once in a worker, and one plugin cannot harm the others."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from agentos import Principal, Server, hookimpl
from agentos.domain.run_request import RunRequest
from agentos.errors import AgentNotFound, Forbidden, PluginError, SessionNotFound
from agentos.plugins import lifecycle
from agentos.storage.memory import MemoryStorage

Act = Callable[[], Any]


class Life:
    """Writes down what it is called with; does what a test says besides."""

    def __init__(self, name: str, log: list[tuple[str, str]], *, start: Act = bool, stop: Act = bool) -> None:
        self.name, self.log = name, log
        self._start, self._stop = start, stop
        self.server: Server | None = None

    @hookimpl
    def server_start(self, server: Server) -> None:
        self.log.append((self.name, "start"))
        self.server = server
        self._start()

    @hookimpl
    def server_stop(self, server: Server) -> None:
        self.log.append((self.name, "stop"))
        assert server is self.server
        self._stop()


def fail(*_: object) -> None:
    raise RuntimeError("its broker is at 10.0.0.7")


def leave(*_: object) -> None:
    raise SystemExit(3)


@pytest.fixture
def log() -> list[tuple[str, str]]:
    return []


def test_plugins_start_in_the_order_of_their_names_and_stop_each_once(serve, log) -> None:
    served = serve(plugins={name: Life(name, log) for name in ("b", "a")})
    assert log == []
    for _ in range(2):
        served.services.start()
    assert log == [("a", "start"), ("b", "start")]
    for _ in range(2):
        served.services.close()
    assert sorted(log[2:]) == [("a", "stop"), ("b", "stop")]


def test_plugins_that_were_not_started_are_not_stopped(serve, log) -> None:
    served = serve(plugins={"a": Life("a", log)})
    served.services.close()
    assert log == []


STARTING = """
import agentos


@agentos.hookimpl
def server_start(server):
    raise SystemExit("started")


@agentos.hookimpl
def server_stop(server):
    raise SystemExit("stopped")
"""


def test_commands_neither_start_nor_stop_plugins(cli, install_plugin) -> None:
    install_plugin("starting", STARTING)
    assert "starting" in cli.ok("plugins")
    ran = cli("run", "assistant", "Hello")
    assert (ran.exit_code, ran.stdout.strip()) == (0, "Hello")
    assert "server_st" not in ran.stderr


def test_stop_comes_after_the_runs_and_before_storage_closes(serve, log) -> None:
    class Storage(MemoryStorage):
        def close(self) -> None:
            log.append(("storage", "close"))

    class Brings(Life):
        @hookimpl
        def register_storage_backends(self, register: Any) -> None:
            register("noted", lambda url, config: Storage())

        @hookimpl
        def run_finished(self, run: Any) -> None:
            log.append(("run", run.status.value))

    served = serve(plugins={"life": Brings("life", log)}, database_url="noted://")
    served.services.start()
    served.run("Hi", background=True)
    served.services.drain(10)
    served.services.close()
    assert log == [("life", "start"), ("run", "completed"), ("life", "stop"), ("storage", "close")]


@pytest.mark.parametrize("wrong", [fail, leave])
def test_one_that_fails_to_start_is_reported_and_the_others_start(serve, log, log_records, wrong) -> None:
    served = serve(plugins={"a": Life("a", log, start=wrong), "b": Life("b", log)})
    served.services.start()
    assert log == [("a", "start"), ("b", "start")]
    (record,) = [one for one in log_records("agentos.plugins") if one.levelno == logging.ERROR]
    assert (record.plugin, record.hook) == ("a", "server_start")
    report = next(one for one in served.services.plugins.reports if one.name == "a")
    assert report.error.startswith("server_start failed: RuntimeError: ")
    assert served.run("Hi").status_code == 200
    served.services.close()
    assert ("a", "stop") in log, "it may have begun a part of its work"


def test_one_that_does_not_return_from_its_start_holds_up_nothing(serve, log, monkeypatch) -> None:
    monkeypatch.setattr(lifecycle, "START_SECONDS", 0.1)  # it has no setting, and is too long for a test
    never = threading.Event()
    served = serve(plugins={"a": Life("a", log, start=lambda: never.wait(30)), "b": Life("b", log)})
    served.services.start()
    assert log == [("a", "start"), ("b", "start")]
    never.set()


def test_strict_plugins_must_start(serve, log) -> None:
    served = serve(plugins={"a": Life("a", log, start=fail)}, plugins_strict=True)
    with pytest.raises(PluginError, match="plugin 'a' is broken: server_start failed: RuntimeError: its broker"):
        served.services.start()


@pytest.mark.parametrize("hook", ["before_run", "before_model_call", "before_tool_call"])
def test_one_that_decides_must_start(serve, log, hook: str) -> None:
    life = Life("a", log, start=fail)
    arguments = {"before_run": "request", "before_model_call": "request", "before_tool_call": "call"}[hook]
    namespace: dict[str, Any] = {}
    exec(f"def {hook}({arguments}): return None", namespace)
    setattr(life, hook, hookimpl(namespace[hook]))
    served = serve(plugins={"a": life})
    with pytest.raises(PluginError, match="it decides what is allowed, so the server does not start without it"):
        served.services.start()


@pytest.mark.parametrize("wrong", [fail, leave])
def test_one_that_fails_to_stop_does_not_keep_the_others_running(serve, log, log_records, wrong) -> None:
    served = serve(plugins={"a": Life("a", log, stop=wrong), "b": Life("b", log)})
    served.services.start()
    served.services.close()
    assert sorted(log[2:]) == [("a", "stop"), ("b", "stop")]
    (record,) = [one for one in log_records("agentos.plugins") if one.levelno == logging.ERROR]
    assert (record.plugin, record.hook) == ("a", "server_stop")


def test_one_that_does_not_return_from_its_stop_is_left_behind(serve, log, log_records) -> None:
    never = threading.Event()
    served = serve(plugins={"a": Life("a", log, stop=lambda: never.wait(30)), "b": Life("b", log)})
    served.services.start()
    began = time.monotonic()
    served.services.close()
    assert time.monotonic() - began < 5
    assert ("b", "stop") in log
    assert [(one.plugin, one.hook) for one in log_records("agentos.plugins")] == [("a", "server_stop")]
    never.set()


# --- what it is given -------------------------------------------------------------------------------------------------


@pytest.fixture
def server(serve, log) -> Server:
    life = Life("life", log)
    serve("Hello there", plugins={"life": life}).services.start()
    assert isinstance(life.server, Server)
    return life.server


def test_a_plugin_runs_agents_for_an_owner_of_its_choice(server: Server) -> None:
    acme, other = (server.principal("digest", owner=owner) for owner in ("acme", "other"))
    session, _ = server.sessions.create("scripted", caller=acme)
    handle = server.runs.start(RunRequest(caller=acme, agent_id="scripted", input="Hi", session_id=session.id))
    run = handle.wait(10)
    assert (run.status.value, run.owner, run.content) == ("completed", "acme", "Hello there")
    assert server.sessions.get(session.id, acme).owner == "acme"
    with pytest.raises(SessionNotFound):
        server.sessions.get(session.id, other)
    assert server.sessions.get(session.id, server.principal("digest")).run_count == 1


def test_a_plugin_that_acts_for_an_owner_is_no_administrator(server: Server) -> None:
    principal = server.principal("digest", owner="acme")
    assert (principal.id, principal.owner, principal.may("admin")) == ("plugin:digest", "acme", False)
    assert principal.may_run("scripted")
    assert server.principal("digest").may("admin")


def test_a_plugin_is_refused_as_a_client_is(server: Server) -> None:
    with pytest.raises(AgentNotFound):
        server.runs.start(RunRequest(caller=server.principal("digest"), agent_id="none", input="Hi"))
    stranger = Principal(id="plugin:digest", owner="acme", scopes=["agents:run:another"])
    with pytest.raises(Forbidden):
        server.runs.start(RunRequest(caller=stranger, agent_id="scripted", input="Hi"))


def test_a_plugin_looks_agents_up(server: Server) -> None:
    assert "scripted" in [agent.id for agent in server.agents.list().items]
    assert server.agents.get("scripted").model == "test:model"


@pytest.mark.parametrize("owner", ["", "a\nb", "x" * 256])
def test_an_owner_that_cannot_be_one_is_refused(server: Server, owner: str) -> None:
    with pytest.raises(ValueError, match="accepted are 1 to 255 characters"):
        server.principal("digest", owner=owner)
