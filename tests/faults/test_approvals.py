"""Decisions that are wrong, late, repeated or raced, on both databases: each has its code, and changes nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from access.conftest import Caller, Tenants
from agentos import (
    Agent,
    Approval,
    Arrival,
    Config,
    Finish,
    ModelRequest,
    TextDelta,
    Tool,
    create_app,
    hookimpl,
    tool,
)
from agentos.models.scripted import ScriptedProvider, call
from agentos.services.keys import CLIENT_SCOPES
from agentos.testing.storage.contract import at_once
from parts.application import SWEPT_PLUGINS

OWN = [*CLIENT_SCOPES, "runs:approve"]
APPROVER = ["runs:approve:any"]

paid: list[int] = []


class CallsTransfer(ScriptedProvider):
    """Wants to transfer 500, once or twice in one step, and then says what it read."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._times = times

    def stream(self, request: ModelRequest) -> Iterator[Arrival]:
        last = request.messages[-1]
        if last.role == "tool":
            yield TextDelta(last.content)
        else:
            for number in range(self._times):
                yield call("transfer", '{"amount": 500}', id=f"call_{number}", index=number)
        yield Finish("stop" if last.role == "tool" else "tool_calls")


class Model:
    @hookimpl
    def register_model_providers(self, register: Any) -> None:
        register("once", lambda _: CallsTransfer(1))
        register("twice", lambda _: CallsTransfer(2))


def transfers(model: str = "once", **terms: Any) -> Agent:
    @tool(approval=Approval(**terms))
    def transfer(amount: int) -> str:
        """Transfer money."""
        paid.append(amount)
        return f"sent {amount}"

    return Agent(id="clerk", model=f"{model}:x", tools=[transfer])


def with_other_schema() -> Agent:
    @tool(approval=True)
    def transfer(amount: int, fee: int = 0) -> str:
        """Transfer money."""
        paid.append(amount + fee)
        return f"sent {amount}"

    return Agent(id="clerk", model="once:x", tools=[transfer])


@tool(name="transfer")
def pay_out(amount: int) -> str:
    """Transfer money."""
    paid.append(amount)
    return f"sent {amount}"


Worker = Callable[..., Tenants]


@pytest.fixture
def worker(database: str) -> Iterator[Worker]:
    """Start workers of one deployment, each with the agent ``clerk`` as its version of the program has it."""
    paid.clear()
    with ExitStack() as ends:

        def start(agent: Agent | None = None, *, tools: Sequence[Tool] = (), **terms: Any) -> Tenants:
            config = Config(
                database_url=database,
                auth=["api_key"],
                assistant=False,
                environ={},
                rate_limit=None,
                failed_auth_rate_limit=None,
            )
            agents = {} if agent is None and terms.get("gone") else {"clerk": agent or transfers(**terms)}
            app = create_app(config, agents=agents, tools=tools, plugins={**SWEPT_PLUGINS, "model": Model()})
            ends.callback(app.extensions["agentos"].close)
            ends.callback(app.extensions["agentos"].drain, 0)
            return Tenants(app)

        yield start


def at(server: Tenants, who: Caller) -> Caller:
    """Return the same caller at another worker."""
    return Caller(server.app, who.key)


def begin(who: Caller) -> tuple[str, list[str]]:
    run = who.run("clerk")
    return run["run_id"], [one["id"] for one in run["pending"]]


def resume(who: Caller, run_id: str, *answers: dict[str, Any]) -> Any:
    return who.request("POST", f"/api/v1/runs/{run_id}/resume", {"answers": list(answers)})


def approved(action: str, **more: Any) -> dict[str, Any]:
    return {"id": action, "decision": "approve", **more}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def record(who: Caller, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = who.request("GET", f"/api/v1/runs/{run_id}").json
    return found


def still_waits(who: Caller, run_id: str) -> bool:
    run = record(who, run_id)
    return (run["status"], run["decisions"], paid) == ("paused", [], [])


def test_500_edited_to_50_by_another_key_is_executed_once_after_a_restart(worker: Worker) -> None:
    before = worker(approver="other")
    ada, boss = before.caller("ada", OWN), before.caller("boss", APPROVER)
    run_id, (action,) = begin(ada)
    before.services.drain(0)
    after = worker(approver="other")
    assert code(resume(at(after, ada), run_id, approved(action))) == (403, "FORBIDDEN")
    answer = approved(action, arguments={"amount": 50}, message="50 is enough")
    for _ in range(3):  # a client that got no response sends it again
        assert resume(at(after, boss), run_id, answer).status_code == 202
        after.until_ended(at(after, ada), run_id)
    assert paid == [50]
    run = record(at(after, ada), run_id)
    assert (run["status"], run["content"]) == ("completed", "sent 50")
    (decision,) = run["decisions"]
    assert decision.pop("answered_at") > run["created_at"]
    assert decision.pop("answered_by").startswith("key:")
    assert decision == {
        "id": action,
        "kind": "approval",
        "tool_name": "transfer",
        "tool_call_id": "call_0",
        "arguments": {"amount": 500},
        "edited_arguments": {"amount": 50},
        "decision": "approve",
        "message": "50 is enough",
        "answered_as": "other",
        "address": "127.0.0.1",
    }


@pytest.mark.parametrize(
    ("owner", "scopes", "expected"),
    [
        ("ada", list(CLIENT_SCOPES), (403, "FORBIDDEN")),
        ("ada", ["runs:read"], (403, "FORBIDDEN")),
        ("eve", OWN, (404, "RUN_NOT_FOUND")),
        ("eve", ["runs:approve"], (404, "RUN_NOT_FOUND")),
        ("eve", ["runs:read", "agents:read"], (403, "FORBIDDEN")),
    ],
)
def test_a_wrong_owner_or_scope_decides_nothing(
    worker: Worker, owner: str, scopes: list[str], expected: tuple[int, str]
) -> None:
    server = worker()
    ada = server.caller("ada", OWN)
    run_id, (action,) = begin(ada)
    assert code(resume(server.caller(owner, scopes), run_id, approved(action))) == expected
    assert still_waits(ada, run_id)


def test_an_action_is_shown_to_its_owner_and_to_approvers_alone(worker: Worker) -> None:
    server = worker()
    ada, boss, eve = server.caller("ada", OWN), server.caller("boss", APPROVER), server.caller("eve", OWN)
    _, (action,) = begin(ada)
    address = f"/api/v1/approvals/{action}"
    assert [who.request("GET", address).status_code for who in (ada, boss, eve)] == [200, 200, 404]
    assert boss.request("GET", "/api/v1/approvals?owner=ada&include_total=1").json["total"] == 1
    assert eve.request("GET", "/api/v1/approvals?owner=ada&include_total=1").json["total"] == 0


def test_another_answer_to_what_was_answered_is_refused_and_the_same_one_is_not(worker: Worker) -> None:
    server = worker(model="twice")
    ada = server.caller("ada", OWN)
    run_id, (first, second) = begin(ada)
    assert resume(ada, run_id, approved(first)).status_code == 202
    assert resume(ada, run_id, approved(first)).status_code == 202
    for other in ({"id": first, "decision": "reject"}, approved(first, arguments={"amount": 1})):
        assert code(resume(ada, run_id, approved(second), other)) == (409, "ALREADY_ANSWERED")
    run = record(ada, run_id)
    assert (run["status"], [one["id"] for one in run["pending"]], paid) == ("paused", [second], [])
    assert resume(ada, run_id, {"id": second, "decision": "reject"}).status_code == 202
    server.until_ended(ada, run_id)
    assert paid == [500]


def test_an_answer_with_an_id_too_many_counts_not_at_all(worker: Worker) -> None:
    server = worker()
    ada = server.caller("ada", OWN)
    run_id, (action,) = begin(ada)
    _, (elsewhere,) = begin(ada)
    for extra in ("missing", elsewhere):
        assert code(resume(ada, run_id, approved(action), approved(extra))) == (404, "NOT_FOUND")
    assert code(resume(ada, run_id, approved(action), approved(action))) == (400, "INVALID_REQUEST")
    assert still_waits(ada, run_id)


@pytest.mark.parametrize("arguments", [{"amount": "all"}, {}, {"amount": 5, "to": "eve"}, {"amount": 1.5}])
def test_edited_arguments_that_do_not_fit_are_refused(worker: Worker, arguments: dict[str, Any]) -> None:
    server = worker()
    ada = server.caller("ada", OWN)
    run_id, (action,) = begin(ada)
    assert code(resume(ada, run_id, approved(action, arguments=arguments))) == (400, "INVALID_REQUEST")
    assert still_waits(ada, run_id)


def test_a_late_answer_is_refused_also_where_the_run_has_continued(worker: Worker) -> None:
    server = worker(expires_in=0.3)
    server.services.jobs.start(server.services.server)
    ada = server.caller("ada", OWN)
    run_id, (action,) = begin(ada)
    server.until_ended(ada, run_id)
    assert code(resume(ada, run_id, approved(action))) == (410, "PENDING_EXPIRED")
    (decision,) = record(ada, run_id)["decisions"]
    assert (decision["decision"], decision["answered_by"], paid) == ("reject", "expiry", [])


def test_a_tool_that_was_removed_while_it_waited_is_not_called(worker: Worker) -> None:
    ada = worker().caller("ada", OWN)
    run_id, (action,) = begin(ada)
    after = worker(Agent(id="clerk", model="once:x"))
    ada = at(after, ada)
    assert code(resume(ada, run_id, approved(action, arguments={"amount": 1}))) == (400, "INVALID_REQUEST")
    assert still_waits(ada, run_id)
    assert resume(ada, run_id, approved(action)).status_code == 202
    after.until_ended(ada, run_id)
    assert "there is no tool 'transfer'" in record(ada, run_id)["content"]
    assert paid == []


@pytest.mark.parametrize("edited", [{}, {"arguments": {"amount": 1}}])
def test_a_tool_that_was_changed_while_it_waited_is_not_called(worker: Worker, edited: dict[str, Any]) -> None:
    ada = worker().caller("ada", OWN)
    run_id, (action,) = begin(ada)
    after = worker(with_other_schema())
    ada = at(after, ada)
    assert resume(ada, run_id, approved(action, **edited)).status_code == 202
    after.until_ended(ada, run_id)
    assert "its arguments or its schema are not what was" in record(ada, run_id)["content"]
    assert paid == []


def test_a_decision_about_a_tool_that_was_changed_is_not_remembered(worker: Worker) -> None:
    before = worker(remember=True)
    ada = before.caller("ada", OWN)
    session = ada.request("POST", "/api/v1/sessions", {"agent_id": "clerk"}).json["session_id"]
    run = ada.run("clerk", session_id=session)
    (action,) = run["pending"]
    ada = at(worker(with_other_schema()), ada)
    said = resume(ada, run["run_id"], approved(action["id"], remember="session"))
    assert code(said) == (400, "INVALID_REQUEST")
    assert "is not the one any more that this approval is about" in said.json["message"]
    assert ada.request("GET", "/api/v1/approvals/rules").json["rules"] == []


def test_what_is_remembered_for_owners_with_long_names_is_read_in_parts(worker: Worker) -> None:
    server = worker(remember=True)
    name = "\U0001f600" * 255
    ada = server.caller(name, OWN)
    for _ in range(3):
        session = ada.request("POST", "/api/v1/sessions", {"agent_id": "clerk"}).json["session_id"]
        run = ada.run("clerk", session_id=session)
        assert resume(ada, run["run_id"], approved(run["pending"][0]["id"], remember="session")).status_code == 202
        server.until_ended(ada, run["run_id"])
    boss = server.caller("boss", APPROVER)
    address, seen = "/api/v1/approvals/rules?limit=1", []
    page = boss.request("GET", address).json
    while "next_cursor" in page:
        seen += page["rules"]
        page = boss.request("GET", f"{address}&cursor={page['next_cursor']}").json
    seen += page["rules"]
    assert len({one["session_id"] for one in seen}) == len(seen) == 3
    assert {one["owner"] for one in seen} == {name}
    revoked = boss.request("DELETE", f"/api/v1/approvals/rules/{seen[0]['id']}")
    assert revoked.status_code == 200
    assert server.caller("eve", OWN).request("DELETE", f"/api/v1/approvals/rules/{seen[1]['id']}").status_code == 404


def test_an_agent_that_is_gone_is_said_and_the_run_waits_until_it_is_back(worker: Worker) -> None:
    before = worker()
    ada = before.caller("ada", OWN)
    run_id, (action,) = begin(ada)
    without = worker(gone=True)
    assert code(resume(at(without, ada), run_id, approved(action))) == (404, "AGENT_NOT_FOUND")
    assert still_waits(ada, run_id)
    assert resume(ada, run_id, approved(action)).status_code == 202
    before.until_ended(ada, run_id)
    assert paid == [500]


def test_an_agent_that_was_rolled_back_while_it_waited_is_the_one_that_was_asked_about(worker: Worker) -> None:
    before, after = worker(tools=[pay_out]), worker(tools=[pay_out])
    ada, admin = before.caller("ada", OWN), before.caller("root", ["admin"])
    stored = {"model": "once:x", "tools": ["transfer"], "approve": ["transfer"]}
    assert admin.request("POST", "/api/v1/agents", {"id": "stored", **stored}).json["version"] == 1
    address = "/api/v1/agents/stored"
    assert admin.request("PUT", address, {**stored, "instructions": "Be quick."}).json["version"] == 2
    run = ada.run("stored")
    waits = ada.run("stored")
    (action,), (other,) = run["pending"], waits["pending"]
    # Back to what it was, and then to one without the tool and without its approval.
    assert at(after, admin).request("POST", f"{address}/rollback", {"version": 1}).json["version"] == 3
    at(after, admin).request("PUT", address, {"model": "once:x", "tools": []})

    ada = at(after, ada)
    assert resume(ada, run["run_id"], approved(action["id"], arguments={"amount": 50})).status_code == 202
    after.until_ended(ada, run["run_id"])
    ended = record(ada, run["run_id"])
    assert (ended["content"], ended["agent_version"], paid) == ("sent 50", 2, [50])
    # An agent that is gone, and one that has got its id since, are not what was asked about.
    at(after, admin).request("DELETE", address)
    assert code(resume(ada, waits["run_id"], approved(other["id"]))) == (404, "AGENT_NOT_FOUND")
    at(after, admin).request("POST", "/api/v1/agents", {"id": "stored", **stored})
    assert code(resume(ada, waits["run_id"], approved(other["id"]))) == (404, "AGENT_VERSION_NOT_FOUND")
    assert (record(ada, waits["run_id"])["status"], paid) == ("paused", [50])


def test_a_run_of_a_revoked_key_is_decided_by_those_who_may(worker: Worker) -> None:
    server = worker()
    ada, again, boss = server.caller("ada", OWN), server.caller("ada", OWN), server.caller("boss", APPROVER)
    run_id, (action,) = begin(ada)
    server.services.keys.revoke(ada.key)
    server.services.keys.revoke(boss.key)
    # At a worker that has not seen these keys before: another one may know them for a few seconds.
    after = worker()
    for revoked in (ada, boss):
        assert code(resume(at(after, revoked), run_id, approved(action))) == (401, "UNAUTHENTICATED")
    assert still_waits(again, run_id)
    assert resume(at(after, again), run_id, approved(action)).status_code == 202
    after.until_ended(again, run_id)
    assert paid == [500]


def test_what_a_revoked_key_let_be_remembered_holds_until_it_is_revoked_too(worker: Worker) -> None:
    server = worker(remember=True)
    ada, boss = server.caller("ada", OWN), server.caller("boss", APPROVER)
    session = ada.request("POST", "/api/v1/sessions", {"agent_id": "clerk"}).json["session_id"]
    run = ada.run("clerk", session_id=session)
    said = resume(boss, run["run_id"], approved(run["pending"][0]["id"], remember="session"))
    assert said.status_code == 202
    server.until_ended(ada, run["run_id"])
    server.services.keys.revoke(boss.key)
    assert ada.run("clerk", session_id=session)["content"] == "sent 500"
    (rule,) = ada.request("GET", "/api/v1/approvals/rules").json["rules"]
    assert (rule["answered_as"], paid) == ("other", [500, 500])
    assert ada.request("DELETE", f"/api/v1/approvals/rules/{rule['id']}").status_code == 200
    assert ada.run("clerk", session_id=session)["status"] == "paused"
    assert paid == [500, 500]


def test_of_fifty_approvers_at_once_one_decides_and_the_others_are_told_so(worker: Worker) -> None:
    workers = [worker(), worker()]
    ada = workers[0].caller("ada", OWN)
    keys = [workers[0].caller(f"boss-{number}", APPROVER).key for number in range(50)]
    run_id, (action,) = begin(ada)
    codes: list[tuple[int, str]] = []

    def answer(number: int) -> None:
        who = Caller(workers[number % 2].app, keys[number])
        said = resume(who, run_id, approved(action, arguments={"amount": number}))
        codes.append((said.status_code, said.json.get("code", str(number))))

    at_once(answer, 50)
    (winner,) = [said for status, said in codes if status == 202]
    assert {one for one in codes if one[0] != 202} == {(409, "ALREADY_ANSWERED")}
    assert len(codes) == 50
    workers[0].until_ended(ada, run_id)
    assert paid == [int(winner)]
    (decision,) = record(ada, run_id)["decisions"]
    assert decision["edited_arguments"] == {"amount": int(winner)}
