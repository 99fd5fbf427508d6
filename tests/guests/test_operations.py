"""What operators see of guest processes: readiness and activity."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentos import Guest
from agentos.testing import serve_agents
from parts.waiting import until

MODULE = """
import asyncio, os, time

class Agent:
    async def stream(self, context):
        yield "Hello"
        if context.input == "busy":
            time.sleep(3)
        elif context.input == "die":
            os._exit(3)

agent = Agent()
number = 7
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "guest_module.py").write_text(MODULE)
    return tmp_path


@pytest.fixture
def served(folder: Path) -> Iterator[Any]:
    with serve_agents({"guest": Guest("guest_module:agent", path=[str(folder)])}) as served:
        yield served


def activity(served: Any) -> Any:
    return served.app.extensions["agentos"].activity.now().guests


def guests_check(served: Any) -> Any:
    checks = served.client.get("/ready").get_json()["checks"]
    return next((check for check in checks if check["name"] == "guests"), None)


def test_a_process_is_seen_once_it_was_used(served: Any) -> None:
    assert list(activity(served)) == []
    assert guests_check(served) is None
    assert served.run("guest", "Hi").get_json()["content"] == "Hello"
    (process,) = activity(served)
    assert (process.guest, process.number, process.state, process.restarts) == ("guest_module:agent", 0, "ready", 0)
    assert guests_check(served)["status"] == "ok"


def test_a_process_that_ended_is_counted(served: Any) -> None:
    answer = served.run("guest", "die")
    assert answer.get_json()["details"]["cause"] == "GUEST_LOST"
    until(lambda: activity(served)[0].restarts == 1)
    assert served.run("guest", "Hi").status_code == 200


def test_a_loop_that_is_late_is_a_warning_and_no_failure(served: Any) -> None:
    served.run("guest", "Hi")
    run = served.run("guest", "busy", background=True)
    assert run.status_code == 202
    until(lambda: guests_check(served)["status"] == "warning", 20)
    ready = served.client.get("/ready")
    assert (ready.status_code, ready.get_json()["status"]) == (200, "ready")
    assert "1 of 1 guest processes take no new runs now" in guests_check(served)["detail"]


def test_a_run_of_a_stored_guest_keeps_its_version(folder: Path) -> None:
    with serve_agents() as served:
        agents = served.app.extensions["agentos"].agents
        document = {"id": "guest", "guest": {"target": "guest_module:agent", "path": [str(folder)]}}
        agents.register(document, by_operator=True)
        agents.replace("guest", {**document, "name": "New"}, by_operator=True)
        run_id = served.run("guest", "Hi").get_json()["run_id"]
        assert served.client.get(f"/api/v1/runs/{run_id}").get_json()["agent_version"] == 2
        assert agents.resolve("guest", 1).version == 1
