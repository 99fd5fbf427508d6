"""Runs of stored agents: each keeps the version that it was accepted with, also when the agent changes."""

from typing import Any

import pytest

from agentos import hookimpl
from api.conftest import Served
from api.pausing import Installed, Paused, paused_app
from parts.bank import TRANSFER, Bank

AGENTS = "/api/v1/agents"
CLERK = {"id": "clerk", "model": "test:model", "tools": ["transfer"], "instructions": "The first."}


def told(served: Served) -> str:
    """Return the instructions that the model was told last."""
    return next(message.content for message in served.provider.requests[-1].messages if message.role == "system")


def changed(app: Paused, **fields: Any) -> int:
    answer = app.client.put(f"{AGENTS}/clerk", json={**CLERK, **fields})
    assert answer.status_code == 200, answer.text
    return int(answer.json["version"])


@pytest.fixture
def app(serve) -> Paused:
    app = paused_app(serve, TRANSFER, "Done.", registered=True)
    assert app.client.post(AGENTS, json=CLERK).status_code == 201
    return app


def start(app: Paused, **fields: Any) -> str:
    """Start a run of the stored agent that pauses, and return its id."""
    answer = app.client.post(f"{AGENTS}/clerk/run", json={"input": "Pay", **fields})
    assert answer.status_code == 202, answer.text
    assert answer.json["status"] == "paused"
    return str(answer.json["run_id"])


def test_a_run_names_the_version_of_its_agent(serve) -> None:
    served = serve("Hi")
    served.client.post(AGENTS, json={"id": "clerk", "model": "test:model"})
    for expected in (1, 2):
        run_id = served.client.run("clerk", "Hi").json["run_id"]
        assert served.client.get(f"/api/v1/runs/{run_id}").json["agent_version"] == expected
        served.client.put(f"{AGENTS}/clerk", json={"model": "test:model", "instructions": f"Not {expected}."})
    listed = served.client.get("/api/v1/runs").json["runs"]
    assert [one["agent_version"] for one in listed] == [2, 1]


def test_a_run_of_an_agent_in_code_names_no_version(served) -> None:
    run_id = served.run("Hi").json["run_id"]
    assert served.client.get(f"/api/v1/runs/{run_id}").json["agent_version"] is None


def test_a_run_that_waited_continues_with_its_version(app: Paused) -> None:
    run_id = start(app)
    assert changed(app, instructions="The second.") == 2
    assert app.approve(run_id).status_code == 202
    run = app.ended(run_id)
    assert (run["status"], run["content"], run["agent_version"]) == ("completed", "Done.", 1)
    assert told(app.served) == "The first."
    assert app.bank.calls == ["transfer 5"], "the approval still counts"


def test_a_run_whose_agent_was_rolled_back_while_it_waited_keeps_its_version(app: Paused) -> None:
    changed(app, instructions="The second.")
    run_id = start(app)
    assert app.client.post(f"{AGENTS}/clerk/rollback", json={"version": 1}).json["version"] == 3
    app.approve(run_id)
    assert app.ended(run_id)["agent_version"] == 2
    assert told(app.served) == "The second."
    assert app.client.get(f"{AGENTS}/clerk").json["definition"]["instructions"] == "The first."


def test_a_run_continues_with_its_version_at_another_worker(serve_pair) -> None:
    bank = Bank()
    served = serve_pair(TRANSFER, "Done.", plugins={"bank": Installed(bank)})
    here, there = (Paused(one, bank) for one in served)
    here.client.post(AGENTS, json=CLERK)
    run_id = start(here)
    changed(here, instructions="The second.")
    there.served.provider.say("Done.")
    assert there.approve(run_id).status_code == 202
    assert there.ended(run_id)["agent_version"] == 1
    assert told(there.served) == "The first."
    assert there.client.run("clerk", "Hi").status_code == 200
    assert told(there.served) == "The second."


def test_a_run_that_waited_has_the_tools_of_its_version(app: Paused) -> None:
    run_id = start(app)
    changed(app, tools=[])
    answer = app.answer(run_id, {"decision": "approve", "arguments": {"amount": 7}})
    assert answer.status_code == 202, answer.text
    assert app.ended(run_id)["status"] == "completed"
    assert app.bank.calls == ["transfer 7"]


def test_a_version_that_cannot_run_now_does_not_stop_runs_of_an_earlier_one(app: Paused) -> None:
    run_id = start(app)
    store = app.served.services.storage.agents
    stored = store.get("clerk")
    assert stored is not None
    changed(app, instructions="The second.")
    # Past the service: the tool was installed when this was stored.
    document = {**CLERK, "tools": ["gone"]}
    store.replace(
        type(stored)(id="clerk", document=document, created_at=stored.created_at, updated_at=stored.updated_at)
    )
    assert app.client.run("clerk", "Pay").json["code"] == "EXECUTION_ERROR"
    app.approve(run_id)
    assert app.ended(run_id)["content"] == "Done."


def test_a_run_whose_agent_was_deleted_while_it_waited_takes_no_answer(app: Paused) -> None:
    run_id = start(app)
    app.client.delete(f"{AGENTS}/clerk")
    answer = app.approve(run_id)
    assert (answer.status_code, answer.json["code"]) == (404, "AGENT_NOT_FOUND")
    assert app.client.post(f"/api/v1/runs/{run_id}/cancel").status_code == 202
    assert app.ended(run_id)["status"] == "cancelled"
    assert app.bank.calls == []


def test_a_run_does_not_continue_with_another_agent_that_got_the_id_of_its_own(app: Paused) -> None:
    run_id = start(app)
    app.client.delete(f"{AGENTS}/clerk")
    assert app.client.post(AGENTS, json={**CLERK, "instructions": "Another."}).json["version"] == 2
    answer = app.approve(run_id)
    assert (answer.status_code, answer.json["code"]) == (404, "AGENT_VERSION_NOT_FOUND")
    assert "'clerk' has no version 1" in answer.json["message"]
    assert app.run(run_id)["status"] == "paused"
    assert app.bank.calls == []


def test_a_version_is_kept_while_a_run_waits_with_it(serve) -> None:
    app = paused_app(serve, TRANSFER, "Done.", registered=True, agent_versions=10)
    app.client.post(AGENTS, json=CLERK)
    run_id = start(app)
    for number in range(2, 14):
        changed(app, instructions=str(number))
    listed = app.client.get(f"{AGENTS}/clerk/versions").json["versions"]
    assert [one["version"] for one in listed] == [*range(13, 3, -1), 1]
    app.approve(run_id)
    assert app.ended(run_id)["content"] == "Done."
    assert told(app.served) == "The first."


class Later:
    """A plugin with an executor that executes nothing by itself."""

    def start(self, execute: Any) -> None: ...

    def submit(self, run_id: str) -> None: ...

    def close(self) -> None: ...

    @hookimpl
    def register_executors(self, register: Any) -> None:
        register("later", lambda config: self)


@pytest.fixture
def waiting(serve) -> tuple[Served, str]:
    """An application, and a background run of a stored agent that has not begun."""
    served = serve("Hi", plugins={"later": Later()}, executor="later")
    served.client.post(AGENTS, json={"id": "clerk", "model": "test:model", "instructions": "The first."})
    return served, served.client.run("clerk", "Hi", background=True).json["run_id"]


def test_a_background_run_has_the_version_that_it_was_accepted_with(waiting: tuple[Served, str]) -> None:
    served, run_id = waiting
    served.client.put(f"{AGENTS}/clerk", json={"model": "test:model", "instructions": "The second."})
    served.services.worker.execute(run_id)
    assert served.ended(run_id)["agent_version"] == 1
    assert told(served) == "The first."


def test_a_background_run_whose_agent_was_deleted_before_it_began_fails(waiting: tuple[Served, str]) -> None:
    served, run_id = waiting
    served.client.delete(f"{AGENTS}/clerk")
    served.client.post(AGENTS, json={"id": "clerk", "model": "test:model", "instructions": "Another."})
    served.services.worker.execute(run_id)
    run = served.ended(run_id)
    assert (run["status"], run["error"]["code"]) == ("failed", "AGENT_VERSION_NOT_FOUND")
    assert served.provider.requests == []
