"""A guest process calls functions: the tools of a server that are asynchronous."""

from __future__ import annotations

from guests.process.conftest import Start
from parts.guest_client import GuestProcess
from parts.waiting import until

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


def test_a_process_whose_threads_are_stuck_hands_over_and_finishes_its_runs(start: Start) -> None:
    guest = start()
    control = guest.open({"kind": "control"})
    beside = guest.begin("plain:words", "say 200 a")
    call = {"kind": "call", "target": "plain:does_not_return", "context": CONTEXT, "context_parameter": "context"}
    stuck = [guest.open(call) for _ in range(33)]
    for connection in stuck:
        assert connection.receive() is not None
        connection.cancel()
        assert connection.outcome().kind == "cancelled"
    until(lambda: not guest.is_running())  # it has left its lock to the process that takes its place
    assert beside.outcome().kind == "end"
    beats = [frame for frame in control.frames() if frame["kind"] == "heartbeat"]  # until it has ended
    assert (beats[0]["stuck_threads"], beats[-1]["state"]) == (0, "stopping")
    assert beats[-1]["stuck_threads"] >= 32


def test_a_thread_whose_call_returns_late_is_stuck_no_more(start: Start) -> None:
    guest = start()
    connection = guest.open(
        {"kind": "call", "target": "plain:does_not_return", "context": CONTEXT, "context_parameter": "context"}
    )
    assert connection.receive() is not None
    connection.cancel()
    assert connection.outcome().kind == "cancelled"
    assert stuck_threads(guest) == 1
    guest.call("plain:releases")
    until(lambda: stuck_threads(guest) == 0)


def stuck_threads(guest: GuestProcess) -> int:
    control = guest.open({"kind": "control"})
    beat = next(frame for frame in control.frames() if frame["kind"] == "heartbeat")
    control.close()
    return int(beat["stuck_threads"])


def test_wrong_arguments_fail_the_call(guest: GuestProcess) -> None:
    assert guest.call("plain:tools.add", arguments={"c": 2}).last["error"] == "TypeError"


def test_what_is_no_function_is_refused(guest: GuestProcess) -> None:
    last = guest.call("plain:not_an_agent").last
    assert last["reason"] == "'plain:not_an_agent' is a int and no function"


def test_a_result_that_is_too_large_fails_the_call_with_a_reason(guest: GuestProcess) -> None:
    last = guest.call("plain:returns_much").last
    assert (last["kind"], last["public"]) == ("failed", True)
    assert last["message"].startswith("what the agent or tool ended with is too large: ")
