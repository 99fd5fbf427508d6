"""Runs that wait for a person or their client: how a client learns of it, and what a pause costs and keeps."""

import time

import pytest

from agentos.models.scripted import call
from api.conftest import check_schema
from api.pausing import WAYS, events_of, paused_app, types_of
from parts.bank import BOOK, CLIENT_TOOLS, OPEN, TIME, TRANSFER
from parts.waiting import until

NEEDED = {"transfer": '{"amount": 5}', "balance": "{}"}


def test_a_run_that_needs_an_approval_answers_202_and_says_what_it_waits_for(serve) -> None:
    app = paused_app(serve)
    session = app.served.new_session()
    answer = app.served.run("Pay", session)
    assert answer.status_code == 202
    run_id = answer.headers["X-Run-ID"]
    assert answer.headers["Location"] == f"/api/v1/runs/{run_id}"
    (action,) = answer.json["pending"]
    assert answer.json == {
        "run_id": run_id,
        "status": "paused",
        "agent_id": "scripted",
        "session_id": session,
        "pending": [action],
    }
    assert action.pop("id")
    assert action.pop("expires_at")
    assert action == {
        "kind": "approval",
        "tool_name": "transfer",
        "tool_call_id": "call_1",
        "arguments": {"amount": 5},
        "approver": "owner",
        "on_expiry": "reject",
        "remember": False,
        "rule": "tool",
    }
    assert app.bank.calls == []


def test_a_question_is_shown_with_its_schema(serve) -> None:
    app = paused_app(serve, BOOK, "Booked.")
    (action,) = app.served.run("Book").json["pending"]
    assert (action["kind"], action["tool_name"]) == ("input", "book")
    assert (action["message"], action["schema"]) == ("At which time?", TIME)


def test_a_client_tool_is_shown_with_its_arguments(serve) -> None:
    app = paused_app(serve, OPEN, "Shown.")
    (action,) = app.served.run("Show", overrides=CLIENT_TOOLS).json["pending"]
    assert (action["kind"], action["tool_name"], action["arguments"]) == ("client_tool", "open_page", {"page": 7})


def test_a_run_without_a_session_says_none(serve) -> None:
    assert "session_id" not in paused_app(serve).served.run("Pay").json


def test_a_stream_ends_after_paused(serve) -> None:
    app = paused_app(serve, ["One moment.", *[call("transfer", NEEDED["transfer"])]], "Done.")
    answer = app.served.stream("Pay")
    events = events_of(answer)
    assert types_of(events) == ["run_start", "token", "paused"]
    data = events[-1].json()["data"]
    check_schema(data, "PausedData")
    assert data["pending"] == app.pending(answer.headers["X-Run-ID"])
    assert data["usage"] == app.run(answer.headers["X-Run-ID"])["usage"]


def test_a_background_run_pauses_and_its_address_says_what_it_waits_for(serve) -> None:
    app = paused_app(serve)
    run = app.run(app.start("background"))
    assert (run["status"], run["ended_at"], run["error"]) == ("paused", None, None)
    assert [action["kind"] for action in run["pending"]] == ["approval"]


@pytest.mark.parametrize("way", WAYS)
def test_an_approved_run_continues_and_completes(serve, way: str) -> None:
    app = paused_app(serve)
    run_id = app.start(way)
    assert app.approve(run_id).status_code == 202
    run = app.ended(run_id)
    assert (run["status"], run["content"], run["pending"]) == ("completed", "Done.", [])
    assert app.bank.calls == ["transfer 5"]


@pytest.mark.parametrize("way", WAYS)
def test_a_repeat_by_idempotency_key_gets_the_same_answer(serve, way: str) -> None:
    app = paused_app(serve)
    address = f"/api/v1/agents/scripted/run{'/stream' if way == 'stream' else ''}"
    body = {"input": "Pay", **({"background": True} if way == "background" else {})}

    def send():
        return app.client.post(address, json=body, headers={"Idempotency-Key": "k"})

    first = send()
    said = [event.data for event in events_of(first)] if way == "stream" else first.json
    until(lambda: app.run(first.headers["X-Run-ID"])["status"] == "paused")
    again = send()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["X-Run-ID"] == first.headers["X-Run-ID"]
    assert ([event.data for event in events_of(again)] if way == "stream" else again.json) == said


def test_only_the_calls_that_need_nobody_run_before_the_answer_and_never_again(serve) -> None:
    both = [call("transfer", NEEDED["transfer"]), call("balance", id="call_2", index=1)]
    app = paused_app(serve, both, "Done.")
    run_id = app.start()
    assert app.bank.calls == ["balance"]
    assert [action["tool_name"] for action in app.pending(run_id)] == ["transfer"]
    app.approve(run_id)
    app.ended(run_id)
    assert app.bank.calls == ["balance", "transfer 5"]


def test_a_pause_uses_up_no_deadline(serve) -> None:
    app = paused_app(serve, request_timeout=0.5)
    run_id = app.start()
    time.sleep(0.7)
    app.approve(run_id)
    assert app.ended(run_id)["status"] == "completed"


def test_a_paused_run_counts_not_among_those_under_way(serve) -> None:
    app = paused_app(serve, TRANSFER, max_runs=1, max_runs_per_owner=1)
    app.start()
    app.start()
    assert app.client.get("/api/v1/runs?status=paused").json["count"] == 2


def test_a_run_too_many_to_pause_fails_and_says_why(serve) -> None:
    app = paused_app(serve, TRANSFER, max_paused_runs_per_owner=1)
    app.start()
    answer = app.served.run("Pay")
    assert (answer.status_code, answer.json["code"]) == (429, "RATE_LIMITED")
    assert "AGENTOS_MAX_PAUSED_RUNS_PER_OWNER" in answer.json["message"]
    assert app.run(answer.headers["X-Run-ID"])["status"] == "failed"
    assert app.bank.calls == []


def test_a_cancelled_pause_ends_the_run_at_once_and_keeps_what_it_had_said(serve) -> None:
    app = paused_app(serve, ["One moment.", call("transfer", NEEDED["transfer"])], "next")
    session = app.served.new_session()
    run_id = app.start(session_id=session)
    answer = app.client.post(f"/api/v1/runs/{run_id}/cancel")
    assert answer.status_code == 202
    run = app.ended(run_id)
    assert (run["status"], run["error"]["code"], run["pending"]) == ("cancelled", "RUN_CANCELLED", [])
    assert types_of(app.events(run_id)) == ["run_start", "token", "paused", "error"]
    said = app.client.get(f"/api/v1/sessions/{session}/history").json["messages"]
    assert [message["content"] for message in said if message["role"] != "tool"][:2] == ["Pay", "One moment."]
    assert app.bank.calls == []


def test_what_a_cancelled_run_waited_for_takes_no_answer_any_more(serve) -> None:
    app = paused_app(serve)
    run_id = app.start()
    action = app.pending(run_id)[0]["id"]
    app.client.post(f"/api/v1/runs/{run_id}/cancel")
    app.ended(run_id)
    answer = app.answer(run_id, {"id": action, "decision": "approve"})
    assert (answer.status_code, answer.json["code"]) == (409, "RUN_FINISHED")
    assert app.bank.calls == []


def test_a_deleted_pause_is_gone(serve) -> None:
    app = paused_app(serve)
    run_id = app.start()
    assert app.client.delete(f"/api/v1/runs/{run_id}").status_code == 200
    assert app.client.get(f"/api/v1/runs/{run_id}").status_code == 404
    assert app.client.get("/api/v1/approvals").json["count"] == 0


def test_a_deleted_session_takes_its_paused_run_along(serve) -> None:
    app = paused_app(serve)
    session = app.served.new_session()
    run_id = app.start(session_id=session)
    assert app.client.delete(f"/api/v1/sessions/{session}").status_code == 200
    assert app.client.get(f"/api/v1/runs/{run_id}").status_code == 404
    assert app.client.get("/api/v1/approvals").json["count"] == 0


def test_a_call_that_is_not_decided_in_time_is_rejected_and_a_late_answer_refused(serve) -> None:
    app = paused_app(serve, pause_timeout=0.5)
    run_id = app.start()
    action = app.pending(run_id)[0]["id"]
    app.served.services.start()  # as a server does; it looks after what is due
    run = app.ended(run_id)
    assert (run["status"], run["error"]) == ("completed", None)
    assert types_of(app.events(run_id))[-6:-2] == ["paused", "resumed", "tool_call", "tool_call"]
    late = app.answer(run_id, {"id": action, "decision": "approve"})
    assert (late.status_code, late.json["code"]) == (410, "PENDING_EXPIRED")
    assert app.bank.calls == []


def test_a_pause_without_a_limit_says_no_time(serve) -> None:
    app = paused_app(serve, pause_timeout=0)
    assert "expires_at" not in app.pending(app.start())[0]


def test_runs_show_how_many_workers_were_lost(serve) -> None:
    app = paused_app(serve, "Hi")
    assert app.run(app.served.run("Hi").json["run_id"])["crashes"] == 0


def test_a_stored_agent_names_the_tools_that_a_person_approves(serve) -> None:
    app = paused_app(serve, [call("balance")], "Done.", registered=True)
    definition = {"id": "careful", "model": "test:model", "tools": ["balance"], "approve": ["balance"]}
    shown = app.client.post("/api/v1/agents", json=definition).json["definition"]
    assert shown["approve"] == ["balance"]
    answer = app.client.post("/api/v1/agents/careful/run", json={"input": "How much?"})
    assert (answer.status_code, answer.json["pending"][0]["tool_name"]) == (202, "balance")
    assert app.bank.calls == []


def test_an_approval_of_a_tool_that_the_agent_does_not_have_is_refused(serve) -> None:
    app = paused_app(serve, registered=True)
    answer = app.client.post(
        "/api/v1/agents", json={"id": "careful", "model": "test:model", "tools": ["balance"], "approve": ["balanse"]}
    )
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert "'balanse' in 'approve'" in answer.json["message"]
