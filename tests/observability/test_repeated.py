"""What an outage, a broken tool or a hostile client would repeat many times a second is counted."""

import logging
from typing import Any

import pytest

from agentos import Agent, hookimpl
from agentos.models.scripted import call
from agentos.observability.repeated import INTERVAL, MOST_KINDS, RepeatedLines
from agentos.testing import run_agent, serve_agents

logger = logging.getLogger("test.repeated")


def broken() -> str:
    """Fail."""
    raise ValueError("broken")


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_kind_is_logged_once_and_others_at_once(caplog: pytest.LogCaptureFixture) -> None:
    lines = RepeatedLines(logger)
    for number in range(3):
        lines.warning("lost %d", number, kind="a")
    lines.warning("lost", kind="b")
    assert messages(caplog) == ["lost 0", "lost"]


def test_the_next_line_says_how_many_were_left_out(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    lines = RepeatedLines(logger)
    for _ in range(4):
        lines.warning("lost")
    now += INTERVAL
    lines.warning("lost")
    assert [record.__dict__.get("repeated") for record in caplog.records] == [None, 3]


def test_only_so_many_kinds_are_remembered(caplog: pytest.LogCaptureFixture) -> None:
    lines = RepeatedLines(logger)
    for number in range(MOST_KINDS + 1):
        lines.warning("x", kind=f"kind {number}")
    lines.warning("x", kind="kind 1")
    lines.warning("x", kind="kind 0")
    assert len(caplog.records) == MOST_KINDS + 2


def test_a_tool_that_is_broken_is_logged_once_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[Any] = [[call("broken", id=f"c{number}", index=number) for number in range(5)], "Done."]
    run_agent(Agent(id="a", model="openai:x", tools=["broken"]), "Go", turns=calls, tools=[broken])
    told = [record for record in caplog.records if record.getMessage() == "tool 'broken' failed"]
    assert len(told) == 1
    assert told[0].exc_info is not None


class Undecided:
    """Fails in one way or in another."""

    @hookimpl
    def before_run(self, request: Any) -> None:
        raise SystemExit("enough") if request.input == "exit" else RuntimeError("broken")


def test_each_way_in_which_a_deciding_hook_fails_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with serve_agents([Agent(id="a", model="test:x")], turns=["Hi"], plugins={"undecided": Undecided()}) as served:
        client = served.app.test_client()
        for text in ("raise", "exit", "raise", "exit"):
            assert client.post("/api/v1/agents/a/run", json={"input": text}).status_code == 403
    assert messages(caplog).count("deciding hook failed") == 2
