"""Who may decide an approval that needs another person, and what an approver sees of the runs of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from access.conftest import Caller, Calls, CallsOnce, Tenants
from agentos import (
    Agent,
    Answer,
    Approval,
    Config,
    RegisterModelProvider,
    ToolCall,
    ToolContext,
    create_app,
    hookimpl,
    tool,
)
from agentos.domain.ids import new_id
from agentos.domain.principal import OPERATOR
from agentos.domain.run_request import RunRequest
from agentos.domain.stored_request import RunMode
from agentos.errors import Forbidden
from agentos.services.keys import CLIENT_SCOPES
from agentos.testing.storage.contract import at_once
from parts.application import SWEPT_PLUGINS
from parts.pausing import approvals, paused
from parts.waiting import until

paid: list[str] = []


@tool(name="pay", approval=Approval(approver="other", message="A second person decides."))
def pay_as_other() -> str:
    """Pay."""
    paid.append("other")
    return "paid"


@tool(name="pay", approval=True)
def pay() -> str:
    """Pay."""
    paid.append("owner")
    return "paid"


@tool
def choose(context: ToolContext) -> str:
    """Let the user choose."""
    return str(context.ask("Yes or no?"))


AGENTS = {
    "other": Agent(id="other", model="calls-pay:x", tools=[pay_as_other]),
    "owner": Agent(id="owner", model="calls-pay:x", tools=[pay]),
    "asks": Agent(id="asks", model="calls-choose:x", tools=[choose]),
}


PLUGINS = {"calls": Calls()}


@pytest.fixture(autouse=True)
def _nothing_paid() -> None:
    paid.clear()


def server_of(
    tmp_path: Path,
    agents: Mapping[str, Agent] = AGENTS,
    plugins: Mapping[str, object] = PLUGINS,
    **settings: Any,
) -> Iterator[Tenants]:
    config = Config(
        database_url=f"sqlite:///{tmp_path}/a.db",
        assistant=False,
        environ={},
        **{"rate_limit": None, "failed_auth_rate_limit": None, **settings},
    )
    made = Tenants(create_app(config, agents=agents, plugins={**SWEPT_PLUGINS, **plugins}))
    try:
        yield made
    finally:
        made.services.drain(0)
        made.services.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Tenants]:
    yield from server_of(tmp_path, auth=["api_key"])


@pytest.fixture
def open_server(tmp_path: Path) -> Iterator[Tenants]:
    yield from server_of(tmp_path, auth=[])


def start(owner: Caller, agent: str = "other") -> tuple[str, str]:
    """Start a run that waits; return its id and that of its action."""
    run = owner.run(agent, metadata={"secret": "mark"})
    return run["run_id"], run["pending"][0]["id"]


def decide(who: Caller, run_id: str, action: str, **answer: Any) -> Any:
    body = {"answers": [{"id": action, **({"decision": "approve"} | answer)}]}
    return who.request("POST", f"/api/v1/runs/{run_id}/resume", body)


def test_the_owner_of_the_run_cannot_decide_where_another_person_has_to(server: Tenants) -> None:
    run_id, action = start(server.alice)
    for scopes in (list(CLIENT_SCOPES), ["runs:approve"], ["runs:approve:any"], ["admin"]):
        said = decide(server.caller("alice", scopes), run_id, action)
        assert (said.status_code, said.json["code"]) == (403, "FORBIDDEN")
        assert (
            "needs another person than the owner of the run; a credential of another owner decides"
            in said.json["message"]
        )
    for decision in ("approve", "reject"):
        assert decide(server.alice, run_id, action, decision=decision).status_code == 403
    assert server.alice.request("GET", f"/api/v1/runs/{run_id}").json["status"] == "paused"
    assert paid == []


@pytest.mark.parametrize("scopes", [["runs:approve:any"], ["admin"]])
@pytest.mark.parametrize("agent", ["other", "owner"])
def test_an_approver_of_every_owner_decides(server: Tenants, scopes: list[str], agent: str) -> None:
    run_id, action = start(server.alice, agent)
    assert decide(server.caller("carol", scopes), run_id, action).status_code == 202
    server.until_ended(server.alice, run_id)
    assert paid == [agent]
    (answered,) = server.services.storage.runs.actions(run_id)
    assert (answered.answer.answered_as, answered.answer.address) == ("other", "127.0.0.1")
    assert answered.answer.answered_by.startswith("key:")


def test_without_that_scope_a_run_of_another_owner_is_missing(server: Tenants) -> None:
    run_id, action = start(server.alice)
    carol = server.caller("carol", [*CLIENT_SCOPES, "runs:approve"])
    other = new_id()
    said, missing = (decide(carol, one, action).json for one in (run_id, other))
    assert said["code"] == missing["code"] == "RUN_NOT_FOUND"
    assert said["message"].replace(run_id, "ID") == missing["message"].replace(other, "ID")
    assert carol.request("GET", "/api/v1/approvals").json["count"] == 0


def test_an_approver_sees_what_waits_for_an_approval_and_nothing_else_of_the_run(server: Tenants) -> None:
    run_id, action = start(server.alice)
    start(server.alice, "asks")
    carol = server.caller("carol", ["runs:approve:any", "runs:read", "runs:cancel", "sessions:read"])
    (listed,) = carol.request("GET", "/api/v1/approvals").json["approvals"]
    assert (listed["id"], listed["owner"], listed["approver"]) == (action, "alice", "other")
    assert listed["message"] == "A second person decides."
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel")):
        said = carol.request(method, f"/api/v1/runs/{run_id}{path}", {} if method == "POST" else None)
        assert (said.status_code, said.json["code"]) == (404, "RUN_NOT_FOUND")
    answered = decide(carol, run_id, action)
    assert answered.status_code == 202
    assert answered.json["run_id"] == run_id
    assert (answered.json["input"], answered.json["content"], answered.json["metadata"]) == ("", None, {})
    assert "mark" not in answered.text


def test_an_approver_without_the_scope_to_read_sees_approvals_alone(server: Tenants) -> None:
    carol = server.caller("carol")
    (own, _), (asks, _), (theirs, _) = start(carol), start(carol, "asks"), start(server.alice)

    def shown(*scopes: str) -> set[str]:
        who = server.caller("carol", list(scopes))
        return {one["run_id"] for one in who.request("GET", "/api/v1/approvals").json["approvals"]}

    assert shown("runs:approve:any") == {own, theirs}
    assert shown("runs:approve:any", "runs:read") == {own, asks, theirs}
    assert shown("runs:read") == {own, asks}


def test_an_approver_answers_no_question_of_another_owners_run(server: Tenants) -> None:
    run_id, action = start(server.alice, "asks")
    carol = server.caller("carol", ["runs:approve:any", "agents:run"])
    body = {"answers": [{"id": action, "output": "yes"}]}
    said = carol.request("POST", f"/api/v1/runs/{run_id}/resume", body)
    assert (said.status_code, said.json["code"]) == (403, "FORBIDDEN")
    assert "is not an approval; only the owner of the run answers it" in said.json["message"]


def test_a_client_key_has_no_scope_to_approve(server: Tenants) -> None:
    assert not {"runs:approve", "runs:approve:any"} & set(CLIENT_SCOPES)
    assert "runs:approve:any" not in server.services.server.principal("x", owner="acme").scopes


def test_a_revoked_key_decides_nothing(server: Tenants) -> None:
    run_id, action = start(server.alice)
    carol = server.caller("carol", ["runs:approve:any"])
    server.services.keys.revoke(carol.key)
    until(lambda: decide(carol, run_id, action).status_code == 401)
    assert paid == []


def test_fifty_approvers_at_once_execute_the_call_once(server: Tenants) -> None:
    run_id, action = start(server.alice)
    statuses: list[int] = []
    approver = server.caller("carol", ["runs:approve:any"])

    def answer(number: int) -> None:
        who = Caller(server.app, approver.key)
        statuses.append(decide(who, run_id, action, message=f"by {number}").status_code)

    at_once(answer, 50)
    assert sorted(set(statuses)) == [202, 409]
    assert statuses.count(202) == 1
    server.until_ended(server.alice, run_id)
    assert paid == ["other"]


class Bank:
    """A plugin with a model that wants to transfer 500."""

    @hookimpl
    def register_model_providers(self, register: RegisterModelProvider) -> None:
        register("bank", lambda config: CallsOnce("transfer", '{"amount": 500}'))


def test_a_transfer_is_edited_and_approved_by_another_after_a_restart_and_executed_once(tmp_path: Path) -> None:
    def above_100(call: ToolCall, context: ToolContext) -> bool:
        return bool(call.parsed_arguments["amount"] > 100)

    @tool(approval=Approval(when=above_100, approver="other"))
    def transfer(amount: int) -> str:
        """Transfer money."""
        paid.append(str(amount))
        return f"{amount} transferred"

    agents = {"bank": Agent(id="bank", model="bank:x", tools=[transfer])}
    with contextmanager(server_of)(tmp_path, agents, {"bank": Bank()}, auth=["api_key"]) as first:
        key, carol = first.alice.key, first.caller("carol", ["runs:approve:any"]).key
        run_id, action = start(first.alice, "bank")
    with contextmanager(server_of)(tmp_path, agents, {"bank": Bank()}, auth=["api_key"]) as second:
        alice, approver = Caller(second.app, key), Caller(second.app, carol)
        assert decide(alice, run_id, action, arguments={"amount": 50}).status_code == 403
        for _ in range(2):  # the answer to the first was lost
            assert decide(approver, run_id, action, arguments={"amount": 50}).status_code == 202
        second.until_ended(alice, run_id)
        (kept,) = second.services.storage.runs.actions(run_id)
        assert paid == ["50"]
        assert (kept.call.parsed_arguments, kept.answer.arguments) == ({"amount": 500}, {"amount": 50})
        assert (kept.answer.answered_as, kept.answer.address) == ("other", "127.0.0.1")
        assert decide(alice, run_id, action, decision="reject").status_code == 403


def test_without_authentication_only_the_command_line_decides_for_another_person(open_server: Tenants) -> None:
    visitor = Caller(open_server.app, "no key")
    run_id, action = start(visitor)
    said = decide(visitor, run_id, action)
    assert (said.status_code, said.json["code"]) == (403, "FORBIDDEN")
    assert (
        "no authentication and cannot tell people apart, so it is decided at the command line" in said.json["message"]
    )
    runs = open_server.services.runs
    runs.answer(run_id, approvals(paused(open_server.services.storage, run_id)), OPERATOR)
    until(lambda: paid == ["other"])


def test_the_operator_is_no_other_person_for_a_run_of_the_command_line(server: Tenants) -> None:
    request = RunRequest(caller=OPERATOR, agent_id="other", input="Hi", mode=RunMode.STREAMED)
    run_id = server.services.runs.start(request).run_id
    (action,) = paused(server.services.storage, run_id).pending
    with pytest.raises(Forbidden, match="the command line began this run"):
        server.services.runs.answer(run_id, {action.id: Answer(decision="approve")}, OPERATOR)
    assert decide(server.ada, run_id, action.id).status_code == 202
    until(lambda: paid == ["other"])
