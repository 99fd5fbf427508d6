"""`POST /runs/{id}/resume`: what is taken as an answer, what is refused, and what the model reads of it."""

import threading
from typing import Any

import pytest

from agentos.models.scripted import call
from api.conftest import Served, check_schema
from api.pausing import Paused, paused_app, paused_pair, types_of
from parts.bank import BOOK, CLIENT_TOOLS, OPEN
from parts.waiting import until

TWO = [
    call("transfer", '{"amount": 1}'),
    call("transfer", '{"amount": 2}', id="call_2", index=1),
]


def results(served: Served) -> list[str]:
    """Return what the model was last told of its calls."""
    return [message.content for message in served.provider.requests[-1].messages if message.role == "tool"]


def resume(app: Paused, run_id: str, body: Any) -> tuple[int, str, str]:
    answer = app.client.post(f"/api/v1/runs/{run_id}/resume", json=body)
    return answer.status_code, answer.json.get("code", ""), answer.json.get("message", "")


def test_the_answer_to_an_answer_is_the_run_as_it_is(serve) -> None:
    app = paused_app(serve)
    run_id = app.start()
    answer = app.approve(run_id)
    assert answer.status_code == 202
    check_schema(answer.json, "RunDetail")
    assert (answer.json["run_id"], answer.json["pending"]) == (run_id, [])


def test_answers_may_come_singly_and_the_run_continues_when_all_are_in(serve) -> None:
    app = paused_app(serve, TWO, "Done.")
    run_id = app.start()
    first, second = app.pending(run_id)
    answer = app.answer(run_id, {"id": second["id"], "decision": "approve"})
    assert (answer.status_code, answer.json["status"], answer.json["pending"]) == (202, "paused", [first])
    assert app.bank.calls == []
    app.answer(run_id, {"id": first["id"], "decision": "approve"})
    app.ended(run_id)
    assert sorted(app.bank.calls) == ["transfer 1", "transfer 2"]


def test_a_rejected_call_does_not_run_and_the_model_reads_why(serve) -> None:
    app = paused_app(serve)
    run_id = app.start()
    app.answer(run_id, {"decision": "reject", "message": "not on a Friday"})
    assert app.ended(run_id)["status"] == "completed"
    assert app.bank.calls == []
    assert "not on a Friday" in results(app.served)[0]
    calls = [event.json()["data"]["status"] for event in app.events(run_id) if event.type == "tool_call"]
    assert calls == ["started", "failed"]


def test_an_approver_may_change_the_arguments(serve) -> None:
    app = paused_app(serve)
    run_id = app.start()
    assert app.answer(run_id, {"decision": "approve", "arguments": {"amount": 3}}).status_code == 202
    app.ended(run_id)
    assert app.bank.calls == ["transfer 3"]


def test_changed_arguments_have_to_fit_the_tool(serve) -> None:
    app = paused_app(serve)
    run_id = app.start()
    answer = app.answer(run_id, {"decision": "approve", "arguments": {"amount": "all"}})
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert "amount" in answer.json["message"]
    assert app.run(run_id)["status"] == "paused"


def test_an_answered_question_continues_its_tool(serve) -> None:
    app = paused_app(serve, BOOK, "Booked.")
    run_id = app.start()
    app.answer(run_id, {"output": {"time": "9:00"}})
    assert app.ended(run_id)["status"] == "completed"
    assert app.bank.calls == ["book Monday", "book Monday", "booked Monday 9:00"]
    assert results(app.served) == ["Monday at 9:00"]


def test_an_answer_has_to_fit_the_schema_of_the_question(serve) -> None:
    app = paused_app(serve, BOOK, "Booked.")
    run_id = app.start()
    answer = app.answer(run_id, {"output": {"day": "Monday"}})
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert "time" in answer.json["message"]
    assert app.run(run_id)["status"] == "paused"


@pytest.mark.parametrize(
    ("given", "read", "status"),
    [
        ({"output": "shown"}, "shown", "completed"),
        ({"output": {"seen": True}}, '{"seen":true}', "completed"),
        ({"output": None}, "null", "completed"),
        ({"error": "the page is gone"}, "the page is gone", "failed"),
    ],
)
def test_the_model_reads_what_the_client_gives_for_its_tool(
    serve, given: dict[str, Any], read: str, status: str
) -> None:
    app = paused_app(serve, OPEN, "Shown.")
    run_id = app.start(overrides=CLIENT_TOOLS)
    assert app.answer(run_id, given).status_code == 202
    app.ended(run_id)
    assert read in results(app.served)[0]
    calls = [event.json()["data"]["status"] for event in app.events(run_id) if event.type == "tool_call"]
    assert calls == ["started", status]


def test_the_same_answer_again_is_202_and_changes_nothing(serve) -> None:
    app = paused_app(serve)
    run_id = app.start()
    given = {"id": app.pending(run_id)[0]["id"], "decision": "approve"}
    assert app.answer(run_id, given).status_code == 202
    assert app.answer(run_id, given).status_code == 202
    app.ended(run_id)
    assert app.answer(run_id, given).status_code == 202
    assert app.bank.calls == ["transfer 5"]


def test_another_answer_is_refused(serve) -> None:
    app = paused_app(serve, TWO, "Done.")
    run_id = app.start()
    first = app.pending(run_id)[0]["id"]
    app.answer(run_id, {"id": first, "decision": "approve"})
    answer = app.answer(run_id, {"id": first, "decision": "reject"})
    assert (answer.status_code, answer.json["code"]) == (409, "ALREADY_ANSWERED")
    assert app.run(run_id)["status"] == "paused"


def test_of_several_answers_all_count_or_none(serve) -> None:
    app = paused_app(serve, TWO, "Done.")
    run_id = app.start()
    first, second = (action["id"] for action in app.pending(run_id))
    answer = app.answer(run_id, {"id": first, "decision": "approve"}, {"id": "nothing", "decision": "approve"})
    assert (answer.status_code, answer.json["code"]) == (404, "NOT_FOUND")
    assert "'nothing'" in answer.json["message"]
    assert [action["id"] for action in app.pending(run_id)] == [first, second]


def test_a_run_that_waits_for_nothing_takes_no_answer(serve) -> None:
    app = paused_app(serve, "Hi")
    run_id = app.served.run("Hi").json["run_id"]
    answer = app.answer(run_id, {"id": "x", "decision": "approve"})
    assert (answer.status_code, answer.json["code"]) == (409, "RUN_FINISHED")


def test_an_unknown_run_takes_no_answer(serve) -> None:
    app = paused_app(serve)
    assert resume(app, "nothing", {"answers": [{"id": "x", "decision": "approve"}]})[:2] == (404, "RUN_NOT_FOUND")


APPROVED = {"id": "x", "decision": "approve"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "field 'answers' is missing; needed is a list of 1 to 64 objects"),
        ({"answers": None}, "field 'answers' is null; accepted is a list of 1 to 64 objects"),
        ({"answers": {}}, "field 'answers' is an object; accepted is a list of 1 to 64 objects"),
        ({"answers": []}, "field 'answers' has 0 items; accepted is a list of 1 to 64 objects"),
        ({"answers": [APPROVED] * 65}, "field 'answers' has 65 items; accepted is a list of 1 to 64 objects"),
        ({"answers": ["approve"]}, "field 'answers[0]' is 'approve'; accepted is an object"),
        ({"answers": [{"decision": "approve"}]}, "field 'answers[0].id' is missing"),
        ({"answers": [APPROVED, APPROVED]}, "field 'answers[1].id' is 'x', which has an answer before"),
        ({"answers": [{"id": "x"}]}, "has neither 'decision' nor 'output' nor 'error'; accepted is one of"),
        ({"answers": [APPROVED | {"output": None}]}, "has 'decision' and 'output'; accepted is one of"),
        ({"answers": [{"id": "x", "output": 1, "error": "no"}]}, "has 'output' and 'error'; accepted is one of"),
        ({"answers": [{"id": "x", "decision": "maybe"}]}, "is 'maybe'; accepted is 'approve' or 'reject'"),
        ({"answers": [{"id": "x", "output": 1, "message": "m"}]}, "'answers[0].message' is accepted with a 'decision'"),
        ({"answers": [{"id": "x", "output": 1, "arguments": {}}]}, "'answers[0].arguments' is accepted with a"),
        ({"answers": [APPROVED | {"arguments": []}]}, "field 'answers[0].arguments' is a list; accepted is an object"),
        ({"answers": [APPROVED | {"error": ""}]}, "field 'answers[0].error' is ''"),
        ({"answers": [APPROVED | {"reason": "x"}]}, "field 'answers[0].reason' is not known"),
        ({"answers": [APPROVED], "all": True}, "field 'all' is not known; known are answers"),
    ],
)
def test_a_body_that_is_no_answer_is_400_and_names_the_field(serve, body: Any, words: str) -> None:
    app = paused_app(serve)
    status, code, message = resume(app, app.start(), body)
    assert (status, code) == (400, "INVALID_REQUEST")
    assert words in message


@pytest.mark.parametrize(
    ("turn", "overrides", "given", "words"),
    [
        ("transfer", {}, {"output": "yes"}, "decision"),
        ("book", {}, {"decision": "approve"}, "output"),
        ("book", {}, {"error": "no"}, "output"),
        ("open_page", CLIENT_TOOLS, {"decision": "approve"}, "output"),
    ],
)
def test_an_answer_to_another_kind_is_refused_and_says_what_is_needed(
    serve, turn: str, overrides: dict[str, Any], given: dict[str, Any], words: str
) -> None:
    arguments = {"transfer": '{"amount": 5}', "book": '{"day": "Monday"}', "open_page": '{"page": 7}'}
    app = paused_app(serve, [call(turn, arguments[turn])], "Done.")
    run_id = app.start(**({"overrides": overrides} if overrides else {}))
    answer = app.answer(run_id, given)
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert words in answer.json["message"]
    assert app.run(run_id)["status"] == "paused"


def test_twenty_answers_at_once_resume_the_run_once(serve_pair) -> None:
    app, other = paused_pair(serve_pair)
    run_id = app.start("background")
    given = {"answers": [{"id": app.pending(run_id)[0]["id"], "decision": "approve"}]}
    statuses: list[int] = []

    def send(one: Paused) -> None:
        client = one.served.app.test_client()
        statuses.append(client.post(f"/api/v1/runs/{run_id}/resume", json=given).status_code)

    threads = [threading.Thread(target=send, args=((app, other)[number % 2],)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [202] * 20
    app.ended(run_id)
    assert app.bank.calls == ["transfer 5"]
    assert types_of(app.events(run_id)).count("resumed") == 1


def test_another_worker_takes_the_answer_and_executes_the_run(serve_pair) -> None:
    app, other = paused_pair(serve_pair)
    run_id = app.start("stream")
    other.served.provider.say("Done elsewhere.")
    assert other.approve(run_id).status_code == 202
    assert app.ended(run_id)["content"] == "Done elsewhere."
    assert app.bank.calls == ["transfer 5"]
    assert [type for type in types_of(app.events(run_id)) if type.startswith("run_")] == ["run_start"]


def test_a_message_in_the_session_answers_nothing(serve) -> None:
    app = paused_app(serve, BOOK, "Booked.")
    run_id = app.start(session_id=app.served.new_session())
    answer = app.served.run("9:00", app.run(run_id)["session_id"])
    assert (answer.status_code, answer.json["code"]) == (409, "SESSION_BUSY")
    assert app.run(run_id)["status"] == "paused"


def test_a_client_tool_with_a_name_of_the_servers_is_refused(serve) -> None:
    app = paused_app(serve)
    named = {"client_tools": [{"name": "transfer"}]}
    answer = app.served.run("Pay", overrides=named)
    assert (answer.status_code, answer.json["code"]) == (400, "INVALID_REQUEST")
    assert "transfer" in answer.json["message"]
    until(lambda: app.client.get("/api/v1/runs").json["count"] == 0)
