"""The audit trail: what the record of a run, and one action, say about who decided what, when, and from where."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentos import Approval, tool
from agentos.models.scripted import call
from api.conftest import Serve
from api.pausing import Paused, paused_app
from parts.bank import BOOK, CLIENT_TOOLS, OPEN, TRANSFER, Bank
from parts.waiting import until


def without_time(decision: dict[str, Any]) -> dict[str, Any]:
    """Return a decision without when it was made, which is just now."""
    made = datetime.fromisoformat(decision["answered_at"])
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=1)
    return {name: value for name, value in decision.items() if name != "answered_at"}


ME = {"answered_by": "anonymous", "answered_as": "owner", "address": "127.0.0.1"}


def test_an_approval_is_in_the_record_with_what_was_changed(serve: Serve) -> None:
    app = paused_app(serve)
    run_id = app.start()
    (action,) = app.pending(run_id)
    assert app.run(run_id)["decisions"] == []
    said = app.answer(run_id, {"decision": "approve", "arguments": {"amount": 3}, "message": "less"})
    expected = {
        "id": action["id"],
        "kind": "approval",
        "tool_name": "transfer",
        "tool_call_id": action["tool_call_id"],
        "arguments": {"amount": 5},
        "edited_arguments": {"amount": 3},
        "decision": "approve",
        "message": "less",
        **ME,
    }
    assert [without_time(one) for one in said.json["decisions"]] == [expected]
    assert [without_time(one) for one in app.ended(run_id)["decisions"]] == [expected]
    assert app.bank.calls == ["transfer 3"]


def test_the_address_is_that_of_the_access_log(serve: Serve) -> None:
    app = paused_app(serve)
    run_id = app.start()
    answers = [{"id": app.pending(run_id)[0]["id"], "decision": "approve"}]
    address = {"REMOTE_ADDR": "127.0.0.7"}
    app.client.post(f"/api/v1/runs/{run_id}/resume", json={"answers": answers}, environ_overrides=address)
    assert app.ended(run_id)["decisions"][0]["address"] == "127.0.0.7"


def test_a_rejection_is_in_the_record(serve: Serve) -> None:
    app = paused_app(serve)
    run_id = app.start()
    app.answer(run_id, {"decision": "reject", "message": "no"})
    (decision,) = app.ended(run_id)["decisions"]
    assert (decision["decision"], decision["message"]) == ("reject", "no")
    assert "edited_arguments" not in decision


def test_answers_to_questions_and_results_of_client_tools_are_in_the_record(serve: Serve) -> None:
    app = paused_app(serve, BOOK, OPEN, OPEN, "Done.")
    run_id = app.start(overrides=CLIENT_TOOLS)
    app.answer(run_id, {"output": {"time": "9:00"}})
    for answer in ({"output": None}, {"error": "no screen"}):
        until(lambda: app.pending(run_id))
        app.answer(run_id, answer)
        until(lambda answer=answer: not app.pending(run_id) or "error" in answer)
    book, shown, failed = app.ended(run_id)["decisions"]
    assert (book["kind"], book["output"], book["tool_name"]) == ("input", {"time": "9:00"}, "book")
    assert (shown["kind"], shown["output"]) == ("client_tool", "null")
    assert failed["error"] == "no screen"
    assert "output" not in failed


def test_an_expiry_is_in_the_record_as_who_decided(serve: Serve) -> None:
    bank = Bank()

    @tool(approval=Approval(expires_in=0.2))
    def transfer(amount: int) -> str:
        """Transfer money."""
        return f"sent {amount}"

    app = Paused(serve(TRANSFER, "Done.", tools=[transfer]), bank)
    app.served.services.jobs.start(app.served.services.server)
    run_id = app.start()
    (decision,) = app.ended(run_id)["decisions"]
    assert (decision["decision"], decision["answered_by"]) == ("reject", "expiry")
    assert decision["message"] == "it was not decided in time"
    assert not {"address", "answered_as"} & decision.keys()


def test_a_call_that_a_remembered_decision_decided_is_in_the_record(serve: Serve) -> None:
    @tool(approval=Approval(remember=True))
    def transfer(amount: int) -> str:
        """Transfer money."""
        return f"sent {amount}"

    pay = [call("transfer", '{"amount": 7}')]
    app = Paused(serve(TRANSFER, "Done.", pay, "Done.", tools=[transfer]), Bank())
    session = app.served.new_session()
    first = app.start(session_id=session)
    app.answer(first, {"decision": "approve", "remember": "session"})
    (given,) = app.ended(first)["decisions"]
    assert given["remember"] == "session"
    (rule,) = app.client.get("/api/v1/approvals/rules").json["rules"]
    second = app.served.run("Pay", session_id=session).json["run_id"]
    (decision,) = app.run(second)["decisions"]
    assert decision == {
        "id": rule["id"],
        "remembered": rule["id"],
        "kind": "approval",
        "tool_name": "transfer",
        "tool_call_id": "call_1",
        "arguments": {"amount": 7},
        "decision": "approve",
        "answered_by": "anonymous",
        "answered_as": "owner",
        "answered_at": given["answered_at"],
    }
    started, ended = [one for one in app.events(second) if one.type == "tool_call"]
    remembered = started.json()["data"]["remembered"]
    assert remembered == ended.json()["data"]["remembered"]
    assert (remembered["id"], remembered["decision"]) == (rule["id"], "approve")
    # It stays when the decision is revoked.
    app.client.delete(f"/api/v1/approvals/rules/{rule['id']}")
    assert app.run(second)["decisions"] == [decision]


def test_long_arguments_of_a_remembered_call_are_not_kept_twice(serve: Serve) -> None:
    @tool(approval=Approval(remember=True))
    def note(text: str) -> str:
        """Keep a note."""
        return "kept"

    turns = [[call("note", f'{{"text": "{"x" * size}"}}')] for size in (1, 5000)]
    app = Paused(serve(turns[0], "Done.", turns[1], "Done.", tools=[note]), Bank())
    session = app.served.new_session()
    run_id = app.start(session_id=session)
    app.answer(run_id, {"decision": "approve", "remember": "session"})
    app.ended(run_id)
    second = app.served.run("Pay", session_id=session).json["run_id"]
    (decision,) = app.run(second)["decisions"]
    assert "arguments" not in decision


def test_the_record_is_the_same_after_a_restart_and_without_the_events(serve: Serve, tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/agentos.db"
    app = paused_app(serve, database_url=url)
    run_id = app.start()
    app.answer(run_id, {"decision": "approve", "arguments": {"amount": 3}})
    decisions = app.ended(run_id)["decisions"]
    app.served.services.storage.events.delete_old(ended_before=datetime.now(UTC) + timedelta(days=1), limit=1000)
    assert app.client.get(f"/api/v1/runs/{run_id}/events").status_code == 410
    after = paused_app(serve, database_url=url)
    assert after.run(run_id)["decisions"] == decisions != []


# --- one action -------------------------------------------------------------------------------------------------------


def test_an_action_is_read_before_and_after_its_answer(serve: Serve) -> None:
    app = paused_app(serve)
    run_id = app.start()
    (listed,) = app.client.get("/api/v1/approvals").json["approvals"]
    address = f"/api/v1/approvals/{listed['id']}"
    assert app.client.get(address).json == listed
    app.answer(run_id, {"decision": "approve", "arguments": {"amount": 3}})
    app.ended(run_id)
    found = app.client.get(address).json
    answer = without_time(found.pop("answer"))
    assert answer == {"decision": "approve", "edited_arguments": {"amount": 3}, **ME}
    assert found == listed


@pytest.mark.parametrize("id", ["missing", "x" * 300])
def test_an_action_that_is_not_there_is_404(serve: Serve, id: str) -> None:
    said = paused_app(serve).client.get(f"/api/v1/approvals/{id}")
    assert (said.status_code, said.json["code"]) == (404, "NOT_FOUND")
