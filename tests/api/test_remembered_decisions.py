"""Decisions that hold for a session: given with an answer, asked before a call waits, listed, revoked, forgotten."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from agentos import Approval, Pending, Tool, hookimpl, tool
from agentos.core import forget_rule
from agentos.models.scripted import Step, call
from agentos.services.approval_rules import COLLECTION
from agentos.storage.paging import Paging
from api.conftest import Serve
from api.pausing import Paused
from parts.bank import Bank

RULES = "/api/v1/approvals/rules"


def pays(amount: int) -> Sequence[str | Step]:
    return [call("transfer", f'{{"amount": {amount}}}')]


def transfer_tool(bank: Bank, approval: Any = None) -> Tool:
    @tool(approval=Approval(remember=True) if approval is None else approval)
    def transfer(amount: int) -> str:
        """Transfer money."""
        bank.calls.append(f"transfer {amount}")
        return f"sent {amount}"

    return transfer


Make = Callable[..., Paused]


@pytest.fixture
def make(serve: Serve) -> Make:
    def made(*amounts: int, approval: Any = None, **options: Any) -> Paused:
        turns = [turn for amount in amounts or (1, 2, 3) for turn in (pays(amount), "Done.")]
        bank = Bank()
        return Paused(serve(*turns, tools=[transfer_tool(bank, approval)], **options), bank)

    return made


def remember(app: Paused, session_id: str, decision: str = "approve", **more: Any) -> str:
    """Pause a run in a session, and answer it for the session; return the run's id once it has ended."""
    run_id = app.start(session_id=session_id)
    said = app.answer(run_id, {"decision": decision, "remember": "session", **more})
    assert said.status_code == 202, said.text
    app.ended(run_id)
    return run_id


def rules(app: Paused, query: str = "") -> list[dict[str, Any]]:
    page = app.client.get(f"{RULES}{query}").json
    assert page["count"] == len(page["rules"])
    return page["rules"]


def test_a_remembered_approval_lets_later_calls_of_the_session_run(make: Make) -> None:
    app = make()
    session = app.served.new_session()
    remember(app, session)
    said = app.served.run("Pay", session_id=session)
    assert (said.status_code, said.json["content"]) == (200, "Done.")
    assert app.bank.calls == ["transfer 1", "transfer 2"]


def test_a_remembered_rejection_is_read_by_the_model(make: Make) -> None:
    app = make()
    session = app.served.new_session()
    remember(app, session, "reject", message="not today")
    assert app.served.run("Pay", session_id=session).status_code == 200
    assert app.bank.calls == []
    read = app.served.provider.requests[-1].messages[-1].content
    assert "it was rejected for this session: not today" in read


@pytest.mark.parametrize("in_session", [True, False])
def test_it_holds_in_no_other_session_and_in_no_run_without_one(make: Make, in_session: bool) -> None:
    app = make()
    remember(app, app.served.new_session())
    assert app.served.run("Pay", session_id=app.served.new_session() if in_session else None).status_code == 202
    assert app.bank.calls == ["transfer 1"]


def test_it_is_listed_with_who_decided_when_and_in_which_run(make: Make) -> None:
    app = make()
    session = app.served.new_session()
    run_id = remember(app, session, message="fine")
    (rule,) = rules(app)
    (decision,) = app.run(run_id)["decisions"]
    assert rule.pop("id")
    assert rule == {
        "owner": "anonymous",
        "session_id": session,
        "agent_id": "scripted",
        "tool": "transfer",
        "rule": "tool",
        "decision": "approve",
        "message": "fine",
        "answered_by": "anonymous",
        "answered_as": "owner",
        "answered_at": decision["answered_at"],
        "address": "127.0.0.1",
        "run_id": run_id,
        "action_id": decision["id"],
    }


def test_it_is_filtered_and_read_in_parts(make: Make) -> None:
    app = make(1, 2, 3)
    sessions = [app.served.new_session() for _ in range(3)]
    for session in sessions:
        remember(app, session)
    assert [one["session_id"] for one in rules(app)] == sessions[::-1]
    assert [one["session_id"] for one in rules(app, f"?session_id={sessions[1]}")] == [sessions[1]]
    assert len(rules(app, "?agent_id=scripted&tool=transfer")) == 3
    assert rules(app, "?tool=other") == rules(app, "?agent_id=other") == []
    first = app.client.get(f"{RULES}?limit=2").json
    rest = app.client.get(f"{RULES}?limit=2&cursor={first['next_cursor']}").json
    assert [one["session_id"] for one in first["rules"] + rest["rules"]] == sessions[::-1]
    assert "next_cursor" not in rest


@pytest.mark.parametrize("query", ["cursor=x", "limit=0", "limit=1001", "owner=x", "offset=1"])
def test_what_is_no_filter_is_400(make: Make, query: str) -> None:
    said = make().client.get(f"{RULES}?{query}")
    assert (said.status_code, said.json["code"]) == (400, "INVALID_REQUEST")


def test_a_later_decision_takes_the_place_of_the_earlier_one(make: Make) -> None:
    app = make()
    session = app.served.new_session()
    remember(app, session)
    app.client.delete(f"{RULES}/{rules(app)[0]['id']}")
    second = remember(app, session, "reject")
    (rule,) = rules(app)
    assert (rule["decision"], rule["run_id"]) == ("reject", second)


def test_after_it_is_revoked_the_next_call_waits_again(make: Make) -> None:
    app = make()
    session = app.served.new_session()
    remember(app, session)
    (rule,) = rules(app)
    assert app.client.delete(f"{RULES}/{rule['id']}").json == {"message": "rule revoked"}
    assert rules(app) == []
    assert app.served.run("Pay", session_id=session).status_code == 202
    again = app.client.delete(f"{RULES}/{rule['id']}")
    assert (again.status_code, again.json["code"]) == (404, "NOT_FOUND")


def test_it_ends_with_the_session(make: Make) -> None:
    app = make()
    session = app.served.new_session()
    remember(app, session)
    app.client.delete(f"/api/v1/sessions/{session}")
    assert rules(app) == []
    services = app.served.services
    (record,) = services.storage.records.list(COLLECTION, Paging(), owner=None).items
    assert forget_rule(record, services.server) is None


def test_the_rule_of_a_session_that_is_there_is_looked_at_again_later(make: Make) -> None:
    app = make()
    remember(app, app.served.new_session())
    services = app.served.services
    (record,) = services.storage.records.list(COLLECTION, Paging(), owner=None).items
    again = forget_rule(record, services.server)
    assert again is not None
    assert again - record.due_at < timedelta(minutes=5)


def test_it_ends_with_the_data_of_its_owner(make: Make) -> None:
    app = make()
    remember(app, app.served.new_session())
    app.served.services.owner_data.delete("anonymous")
    assert app.served.services.storage.records.list(COLLECTION, Paging(), owner=None).items == []


def test_it_does_not_hold_for_a_tool_with_another_schema(serve: Serve, tmp_path: Any) -> None:
    bank = Bank()
    url = f"sqlite:///{tmp_path}/agentos.db"
    before = Paused(serve(pays(1), "Done.", tools=[transfer_tool(bank)], database_url=url), bank)
    session = before.served.new_session()
    remember(before, session)

    @tool(approval=Approval(remember=True))
    def transfer(amount: int, to: str = "Ada") -> str:
        """Transfer money."""
        return f"{amount} to {to}"

    after = Paused(serve(pays(2), "Done.", tools=[transfer], database_url=url), bank)
    assert after.served.run("Pay", session_id=session).status_code == 202


def test_it_holds_at_another_worker_and_after_a_restart(serve: Serve, tmp_path: Any) -> None:
    bank = Bank()
    url = f"sqlite:///{tmp_path}/agentos.db"
    before, after = (
        Paused(serve(pays(number), "Done.", tools=[transfer_tool(bank)], database_url=url), bank) for number in (1, 2)
    )
    session = before.served.new_session()
    remember(before, session)
    assert after.served.run("Pay", session_id=session).status_code == 200
    assert bank.calls == ["transfer 1", "transfer 2"]


def test_it_holds_for_the_rule_that_asked_and_for_no_other(make: Make) -> None:
    class Policy:
        @hookimpl
        def before_tool_call(self, call: Any, context: Any) -> Pending | None:
            large = '"amount": 2' in call.arguments
            return Pending("large", remember=True, rule="large") if large else None

    app = make(1, 2, plugins={"policy": Policy()})
    session = app.served.new_session()
    remember(app, session)
    assert app.served.run("Pay", session_id=session).status_code == 202
    assert app.bank.calls == ["transfer 1"]


@pytest.mark.parametrize(
    ("approval", "session", "answer", "words"),
    [
        (Approval(), True, {}, "does not have remember=True, or the run has no session"),
        (None, False, {}, "does not have remember=True, or the run has no session"),
        (None, True, {"arguments": {"amount": 1}}, "is not accepted together with 'arguments'"),
        (None, True, {"remember": "always"}, "accepted is 'session'"),
    ],
)
def test_what_cannot_be_remembered_is_400_and_decides_nothing(
    make: Make, approval: Any, session: bool, answer: dict[str, Any], words: str
) -> None:
    app = make(approval=approval)
    run_id = app.start(session_id=app.served.new_session()) if session else app.start()
    (action,) = app.pending(run_id)
    assert action["remember"] is (approval is None and session)
    said = app.answer(run_id, {"decision": "approve", "remember": "session", **answer})
    assert (said.status_code, said.json["code"]) == (400, "INVALID_REQUEST")
    assert words in said.json["message"]
    assert app.run(run_id)["status"] == "paused"
    assert rules(app) == []


def test_an_answer_that_comes_second_remembers_nothing(make: Make) -> None:
    app = make()
    session = app.served.new_session()
    run_id = app.start(session_id=session)
    (action,) = app.pending(run_id)
    app.approve(run_id)
    app.ended(run_id)
    said = app.answer(run_id, {"id": action["id"], "decision": "approve", "remember": "session"})
    assert (said.status_code, said.json["code"]) == (409, "ALREADY_ANSWERED")
    assert rules(app) == []


def test_a_server_registers_the_job_that_forgets() -> None:
    from agentos.core import CorePlugin

    names: list[str] = []
    CorePlugin([], []).register_jobs(register=lambda name, handler: names.append(name))
    assert COLLECTION in names
