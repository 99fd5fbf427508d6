"""A framework's own interrupt is a pause of the run: it survives the end of all processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from guests.frameworks.catalogue import Framework
from parts.model_server import ModelServer
from parts.waiting import until

from .conftest import Hosting, hosting

ANSWERS: dict[str, tuple[dict[str, Any], str, str]] = {
    "approved": ({"decision": "approve"}, "done: ", "500 Ada\n"),
    "with other arguments": ({"decision": "approve", "arguments": {"amount": 7, "to": "Ben"}}, "done: ", "7 Ben\n"),
    "rejected": ({"decision": "reject", "message": "too much"}, "not done: too much", ""),
}


def finish(server: Hosting, run: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Answer what a run waits for and return the run as it ends."""
    (action,) = server.status(run)["pending"]
    answered = server.client.post(f"/api/v1/runs/{run}/resume", {"answers": [{"id": action["id"], **answer}]})
    assert answered.status in (200, 202), answered.text
    until(lambda: server.status(run)["status"] not in ("queued", "running", "paused"), 30)
    return server.status(run)


def pause(server: Hosting, agent: str) -> str:
    """Start a run and return its id once it waits."""
    ended = server.run(agent)
    assert ended.last.type == "paused", ended.events
    (run,) = server.client.get(f"/api/v1/runs?agent_id={agent}&status=paused").json["runs"]
    return str(run["run_id"])


@pytest.mark.needs("approval")
def test_a_decision_continues_the_run_after_a_restart_of_everything(
    framework: Framework, model: ModelServer, tmp_path: Path
) -> None:
    runs = {}
    with hosting(framework, model, tmp_path) as server:
        for name in ANSWERS:
            ended = server.run("approval")
            assert ended.last.type == "paused", ended.events
            (pending,) = ended.last.data["pending"]
            assert (pending["kind"], pending["tool_name"]) == ("approval", "transfer")
            assert pending["arguments"] == {"amount": 500, "to": "Ada"}
            known = set(runs.values())
            paused = server.client.get("/api/v1/runs?agent_id=approval&status=paused").json["runs"]
            (runs[name],) = {run["run_id"] for run in paused} - known
        assert not server.transfers.exists()
    until(lambda: not server.guests(), 20)
    with hosting(framework, model, tmp_path) as server:
        for name, (answer, text, transfers) in ANSWERS.items():
            server.transfers.unlink(missing_ok=True)
            run = finish(server, runs[name], answer)
            assert run["status"] == "completed", run
            assert run["content"].startswith(text), (name, run["content"])
            done = server.transfers.read_text() if server.transfers.exists() else ""
            assert done == transfers, name


@pytest.mark.needs("question")
def test_an_answer_is_what_the_agent_asked_for(server: Hosting) -> None:
    run = pause(server, "question")
    (action,) = server.status(run)["pending"]
    assert action["kind"] == "input"
    assert "Which city?" in action["message"]
    ended = finish(server, run, {"output": "Paris"})
    assert (ended["status"], ended["content"]) == ("completed", "Paris")
