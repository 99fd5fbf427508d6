"""What takes longer than a setting says is in the log: requests, tool calls, statements."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Text, bindparam, select, text

from agentos.app import create_app
from agentos.config import Config
from agentos.domain.agent import Agent
from agentos.hookspecs import hookimpl
from agentos.models.scripted import Pause, ScriptedProvider, call
from agentos.storage.sqlalchemy import open_database
from agentos.testing import AgentClient
from agentos.web import ResponseSpec, Routes, json_response

Serve = Callable[..., Flask]
RUN = "/api/v1/agents/slow/run"


def dawdle(word: str) -> str:
    """Take some time."""
    time.sleep(0.3)
    return word


class Plugin:
    @hookimpl
    def register_model_providers(self, register: Any) -> None:
        turns = [[Pause(0.3), call("dawdle", '{"word": "private"}')], ["Done."]] * 2
        register("slow", lambda config: ScriptedProvider(turns))

    @hookimpl
    def register_routes(self, register: Any, server: Any) -> None:
        routes = Routes("lazy", "Takes its time.")

        @routes.get("/lazy", access="agents:read", responses={200: ResponseSpec("At last.")})
        def get_lazy() -> Any:
            """Wait."""
            time.sleep(0.3)
            return json_response({})

        register(routes)


@pytest.fixture
def serve(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Serve]:
    caplog.set_level(logging.WARNING)
    made: list[Flask] = []

    def make(**settings: Any) -> Flask:
        given = {"database_url": f"sqlite:///{tmp_path}/a.db", "model": "scripted:echo", "slow_statement": 0}
        config = Config(environ={}, plugins=(), **(given | settings))
        agents = {"slow": Agent(id="slow", model="slow:x", tools=["dawdle"])}
        made.append(create_app(config, agents=agents, tools=[dawdle], plugins={"slow": Plugin()}))
        return made[-1]

    yield make
    for app in made:
        app.extensions["agentos"].close()


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.name == "agentos.slow"]


def test_a_slow_request_is_a_warning_with_its_route(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    client = AgentClient(serve(slow_request=0.2))
    answer = client.get("/lazy")
    (line,) = lines(caplog)
    assert (line["levelname"], line["message"]) == ("WARNING", "slow request")
    shown = [line[name] for name in ("method", "route", "status", "threshold", "request_id")]
    assert shown == ["GET", "/lazy", 200, 0.2, answer.headers["X-Request-ID"]]
    assert line["duration"] > 0.2


def test_slow_requests_of_one_kind_are_counted(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    client = AgentClient(serve(slow_request=0.0001))
    for _ in range(20):
        client.get("/api/v1/agents")
    assert 1 <= len(lines(caplog)) < 20


def test_the_time_of_a_run_is_not_that_of_its_request(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    client = AgentClient(serve(slow_request=0.0001, slow_tool=0))
    for path in (RUN, f"{RUN}/stream"):
        began = time.monotonic()
        assert client.post(path, json={"input": "Hi"}).data
        took = time.monotonic() - began
        (line,) = [line for line in lines(caplog) if line["route"] == path.replace("/slow/", "/{agent_id}/")]
        assert line["duration"] < took - 0.5  # the model and the tool take 0.6 s


def test_a_slow_tool_call_is_a_warning_with_its_run(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    client = AgentClient(serve(slow_tool=0.2))
    run = client.post(RUN, json={"input": "Hi"}).json
    (line,) = lines(caplog)
    shown = [line[name] for name in ("levelname", "message", "tool", "run_id", "agent_id", "threshold")]
    assert shown == ["WARNING", "slow tool call", "dawdle", run["run_id"], "slow", 0.2]
    assert line["duration"] >= 0.3
    assert "private" not in str(line)


def test_a_slow_call_by_hand_is_a_warning_with_its_caller(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    client = AgentClient(serve(slow_tool=0.2))
    assert client.post("/api/v1/tools/dawdle/call", json={"arguments": {"word": "private"}}).status_code == 200
    (line,) = lines(caplog)
    assert (line["message"], line["tool"], line["by"]) == ("slow tool call", "dawdle", "anonymous")
    assert "private" not in str(line)


@pytest.mark.parametrize(("name", "path"), [("slow_tool", RUN), ("slow_request", "/lazy")])
def test_0_warns_of_nothing(serve: Serve, caplog: pytest.LogCaptureFixture, name: str, path: str) -> None:
    client = AgentClient(serve(**{"slow_tool": 0, "slow_request": 0, name: 0}))
    assert client.open(path, method="GET" if path == "/lazy" else "POST", json={"input": "Hi"}).status_code == 200
    assert lines(caplog) == []


SLOW = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :most)"
    " SELECT count(*) FROM n WHERE :word = :word"
).bindparams(bindparam("most"), bindparam("word"))


def test_a_slow_statement_is_a_warning_without_values(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    (tmp_path / "a.db").touch()
    database = open_database(f"sqlite:///{tmp_path}/a.db")
    database.log_slow(0.000_001)
    values = {"most": 100_000, "word": "private"}
    for _ in range(3):
        assert database.query(SLOW, values).scalar() == 100_000
    (line,) = lines(caplog)
    assert (line["message"], line["dialect"]) == ("slow statement", "sqlite")
    assert line["statement"].startswith("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL")
    assert "private" not in str(line)
    assert "100000" not in line["statement"]
    database.close()


def test_the_text_of_a_statement_is_bounded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    (tmp_path / "a.db").touch()
    database = open_database(f"sqlite:///{tmp_path}/a.db")
    database.log_slow(0.000_000_1)
    database.query(text(f"SELECT {', '.join(['1'] * 1000)}"))
    assert len(lines(caplog)[0]["statement"]) == 500
    database.close()


def test_a_statement_that_waits_for_another_process_is_slow(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    (tmp_path / "a.db").touch()
    database, other = (open_database(f"sqlite:///{tmp_path}/a.db") for _ in range(2))
    database.log_slow(0.2)
    holding, done = threading.Event(), threading.Event()

    def hold(_: Any) -> None:
        holding.set()
        done.wait(2)

    thread = threading.Thread(target=other.write, args=(hold,))
    thread.start()
    assert holding.wait(20)
    database.execute(text("CREATE TABLE t (x)"))
    thread.join()
    assert "BEGIN IMMEDIATE" in [line["statement"] for line in lines(caplog)]
    database.close()
    other.close()


def test_a_slow_statement_of_postgresql_has_no_values_either(
    fresh_postgresql_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    database = open_database(fresh_postgresql_url)
    database.log_slow(0.000_001)
    word = bindparam("word", type_=Text)
    found = database.query(select(word).where(word == "private, too"), {"word": "private"})
    assert found.all() == []
    (line,) = lines(caplog)
    assert line["dialect"] == "postgresql"
    assert line["statement"].startswith("SELECT %(word)s")
    assert "private" not in str(line)
    database.close()
