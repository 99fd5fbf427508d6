"""A guest process calls functions: the tools of a server that are asynchronous."""

from __future__ import annotations

from parts.guest_client import GuestProcess

CONTEXT = {"run_id": "run_1", "agent_id": "agent", "owner": "ada", "request_id": "req_1"}


def test_an_asynchronous_method_is_called_and_returns_json(guest: GuestProcess) -> None:
    last = guest.call("plain:tools.add", arguments={"a": 2, "b": 3}).last
    assert last == {"kind": "result", "value": {"sum": 5}}


def test_a_synchronous_function_is_called_in_a_thread_with_its_context(guest: GuestProcess) -> None:
    outcome = guest.call("plain:in_a_thread", arguments={"name": "x"}, context=CONTEXT, context_parameter="context")
    assert outcome.last["value"] == "x for agent of ada, req_1"
    assert outcome.events == [{"type": "custom", "name": "where", "data": True}]


def test_a_function_asks_a_person(guest: GuestProcess) -> None:
    call = {"context": CONTEXT, "context_parameter": "context"}
    paused = guest.call("plain:confirms", **call).last
    assert (paused["kind"], paused["actions"][0]["message"]) == ("paused", "Sure?")
    answers = [{"key": "question-1", "kind": "input", "output": True}]
    assert guest.call("plain:confirms", **{**call, "context": {**CONTEXT, "answers": answers}}).last["value"] == "yes"


def test_the_text_of_an_error_is_only_in_its_traceback(guest: GuestProcess) -> None:
    last = guest.call("plain:raises").last
    assert (last["kind"], last["message"], last["error"]) == ("failed", None, "KeyError")
    assert "sk-secret-123" in last["traceback"]


def test_wrong_arguments_fail_the_call(guest: GuestProcess) -> None:
    assert guest.call("plain:tools.add", arguments={"c": 2}).last["error"] == "TypeError"


def test_what_is_no_function_is_refused(guest: GuestProcess) -> None:
    last = guest.call("plain:not_an_agent").last
    assert last["reason"] == "'plain:not_an_agent' is a int and no function"


def test_a_result_that_is_too_large_fails_the_call_with_a_reason(guest: GuestProcess) -> None:
    last = guest.call("plain:returns_much").last
    assert (last["kind"], last["public"]) == ("failed", True)
    assert last["message"].startswith("what the agent or tool ended with is too large: ")
