"""A guest process runs agents of plain Python: what they yield, and how they end."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from guests.process.conftest import Start
from parts.guest_client import GuestProcess
from parts.waiting import until

STOPPED = 1.0
"""Seconds in which a cancelled run has ended."""


def test_an_agent_says_its_words(guest: GuestProcess) -> None:
    outcome = guest.run("plain:words", "say 5 a")
    assert (outcome.text, outcome.kind) == ("a-0 a-1 a-2 a-3 a-4 ", "end")


@pytest.mark.parametrize("agent", ["words", "words_of_a_thread"])
def test_a_hundred_runs_at_once_keep_their_words_apart(guest: GuestProcess, agent: str) -> None:
    with ThreadPoolExecutor(100) as pool:
        outcomes = list(pool.map(lambda number: guest.run(f"plain:{agent}", f"say 40 t{number}"), range(100)))
    expected = ["".join(f"t{number}-{index} " for index in range(40)) for number in range(100)]
    assert [outcome.text for outcome in outcomes] == expected
    assert {outcome.kind for outcome in outcomes} == {"end"}


def test_what_comes_together_is_sent_together_even_by_an_agent_that_never_waits(guest: GuestProcess) -> None:
    outcome = guest.run("plain:never_waits")
    assert outcome.text == "".join(f"{index} " for index in range(1000))
    assert 16 <= outcome.frames <= 20  # 1000 events, at most 64 in a frame


def test_an_agent_that_never_waits_lets_others_work_and_waits_for_its_worker(start: Start) -> None:
    guest = start()
    control = guest.open({"kind": "control"})
    endless = guest.begin("plain:endless")
    assert endless.receive() is not None  # and no more is read: what it says must not pile up
    began = time.monotonic()
    assert guest.run("plain:words", "say 40 a").kind == "end"
    assert time.monotonic() - began < 2
    time.sleep(1.5)
    os.kill(guest.pid, signal.SIGTERM)  # which sends a heartbeat
    beats = [control.receive() for _ in range(3)]
    assert beats[2] is not None
    assert beats[2]["state"] == "stopping"
    assert beats[2]["memory"] < 60_000_000
    endless.cancel()
    assert endless.outcome().kind == "cancelled"


def test_what_is_there_is_sent_before_the_agent_says_more(guest: GuestProcess) -> None:
    connection = guest.begin("plain:slow_start")
    began = time.monotonic()
    assert connection.receive() == {"kind": "events", "events": ["first "]}
    assert time.monotonic() - began < 0.15
    assert connection.outcome().text == "second"
    connection.close()


def test_each_kind_of_event_arrives_in_its_order(guest: GuestProcess) -> None:
    usage = {"prompt": 7, "completion": 5, "reasoning": 0, "cached": None}
    call = {"type": "tool_call", "id": "c1", "name": "add", "error": None}
    model_call = {"type": "model_call", "model": "fake:m", "duration": 0.5, "time_to_first_token": 0.1}
    assert guest.run("plain:everything").events == [
        {"type": "reasoning", "content": "hm"},
        {**call, "arguments": {"a": 2, "at": "/x"}, "status": "started", "result": None, "duration": None},
        {**call, "arguments": {"a": 2}, "status": "completed", "result": "5", "duration": 0.5},
        "5",
        {"type": "usage", **usage},
        {
            **model_call,
            "finish_reason": "stop",
            "usage": usage,
            "calls": [{"id": "c1", "name": "add", "arguments": "{}"}],
        },
    ]


def test_an_agent_sees_its_run(guest: GuestProcess) -> None:
    history = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    outcome = guest.run("plain:answers", "hi", history=history, metadata={"colour": "red"}, owner="ada", new_field=1)
    assert outcome.text == "hi 2 red ada"


def test_a_long_input_arrives_whole(guest: GuestProcess) -> None:
    outcome = guest.run("plain:answers", "x" * 5_000_000, metadata={"colour": "red"})
    assert outcome.text == "x" * 5_000_000 + " 0 red anonymous"


def test_an_agent_sees_its_history_with_tool_calls(guest: GuestProcess) -> None:
    history = [
        {"role": "user", "content": "add"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "name": "add", "arguments": "{}"}]},
        {"role": "tool", "content": "5", "tool_call_id": "c1"},
        {"role": "user", "content": "thanks"},
    ]
    assert guest.run("plain:remembers", history=history).text == "4:thanks:add"


def test_an_attachment_is_read_from_its_file(guest: GuestProcess, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x" * 1000)
    media = [
        {"type": "image", "path": str(tmp_path / "a.png"), "content_type": "image/png"},
        {"type": "image", "url": "https://example.com/b.png"},
    ]
    assert guest.run("plain:attached", media=media).text == "image/png 1000 https://example.com/b.png"


def test_events_that_are_emitted_keep_their_place(guest: GuestProcess) -> None:
    one, two = ({"type": "custom", "name": "progress", "data": {"done": done}} for done in (1, 2))
    assert guest.run("plain:tells").events == ["a", one, "b", two, "c"]


def test_many_events_are_sent_while_the_agent_computes(guest: GuestProcess) -> None:
    run = guest.begin("plain:tells_while_it_computes")
    began = time.monotonic()
    first = run.receive()
    assert time.monotonic() - began < 1.5
    assert first is not None
    assert len(first["events"]) == 64
    assert run.outcome().text == "done"


def test_an_event_that_is_no_json_fails_where_it_is_emitted(guest: GuestProcess) -> None:
    last = guest.run("plain:tells_no_json").last
    assert last["error"] == "TypeError"
    assert "the data of the event 'progress' is object; accepted is JSON" in last["traceback"]


def test_a_change_of_the_state_is_seen_and_sent_and_one_that_does_not_apply_is_refused(guest: GuestProcess) -> None:
    outcome = guest.run("plain:changes", state={"m": 2})
    assert outcome.events == [{"type": "state", "patch": [{"op": "add", "path": "/n", "value": 1}]}, "{'m': 2, 'n': 1}"]
    assert (outcome.kind, outcome.last["error"]) == ("failed", "ValueError")


def test_questions_pause_the_run_until_all_are_answered(guest: GuestProcess) -> None:
    first = guest.run("plain:asks").last
    assert first["kind"] == "paused"
    assert [(one["key"], one["message"]) for one in first["actions"]] == [("question-1", "Which city?")]
    answer = {"key": "question-1", "kind": "input", "output": "Paris"}
    assert guest.run("plain:asks", answers=[answer]).last["actions"][0]["message"] == "Which day?"
    answers = [answer, {"key": "question-2", "kind": "input", "output": "Monday"}]
    assert guest.run("plain:asks", answers=answers).text == "Paris on Monday"


def test_the_text_of_an_error_is_only_in_its_traceback(guest: GuestProcess) -> None:
    outcome = guest.run("plain:secret")
    traceback, places = outcome.last.pop("traceback"), outcome.last.pop("places")
    assert outcome.text == "before "
    assert outcome.last == {
        "kind": "failed",
        "message": None,
        "cause": "AGENT_FAILED",
        "public": False,
        "error": "RuntimeError",
    }
    assert traceback.endswith("RuntimeError: sk-secret-123\n")
    assert places.startswith("RuntimeError\n")
    assert "sk-secret" not in places


def test_a_failure_that_is_meant_for_the_client_says_so(guest: GuestProcess) -> None:
    last = guest.run("plain:public").last
    assert (last["message"], last["cause"], last["public"]) == ("the flight is full", "QUOTA_EXHAUSTED", True)


@pytest.mark.parametrize("agent", ["exits", "exits_in_a_task", "exits_in_a_task_of_a_task", "exits_in_a_thread"])
def test_an_agent_that_exits_fails_its_run_alone(guest: GuestProcess, agent: str) -> None:
    beside = guest.begin("plain:words", "say 40 a")
    outcome = guest.run(f"plain:{agent}")
    assert (outcome.text, outcome.kind, outcome.last["error"]) == ("bye", "failed", "SystemExit")
    assert beside.outcome().kind == "end"


def test_a_callback_that_exits_does_not_end_the_process(guest: GuestProcess) -> None:
    outcome = guest.run("plain:exits_in_a_callback")
    assert (outcome.text, outcome.kind) == ("bye", "end")


def test_what_is_no_event_is_named(guest: GuestProcess) -> None:
    last = guest.run("plain:odd").last
    assert "the agent yielded a dict; accepted are str, Reasoning, ToolCall, Usage and ModelCall" in last["traceback"]


def test_what_is_no_json_is_made_json(guest: GuestProcess) -> None:
    outcome = guest.run("plain:odd_text")
    assert outcome.text == "lone ? surrogate"
    assert outcome.of("tool_call")[0]["arguments"] == {"value": None}


def test_an_event_that_is_too_large_fails_the_run_with_a_reason(guest: GuestProcess) -> None:
    last = guest.run("plain:huge").last
    assert last["public"]
    assert last["message"].startswith("an event of the run is too large: ")


def test_events_that_are_too_large_together_are_sent_apart(guest: GuestProcess) -> None:
    outcome = guest.run("plain:many_large")
    assert (len(outcome.text), outcome.kind) == (40 * 1024 * 1024, "end")


@pytest.mark.parametrize("agent", ["waits", "waits_in_a_thread"])
@pytest.mark.parametrize("way", ["cancelled", "told", "closed", "reset"])
def test_a_run_that_is_not_wanted_ends_and_its_agent_tidies_up(
    guest: GuestProcess, tmp_path: Path, agent: str, way: str
) -> None:
    connection = guest.begin(f"plain:{agent}", metadata={"marks": str(tmp_path / "marks")})
    if way == "reset":
        connection.reset()
    else:
        assert connection.receive() == {"kind": "events", "events": ["waiting"]}
    began = time.monotonic()
    if way == "cancelled":
        connection.cancel()
    if way == "told":  # and the connection stays open
        connection.send({"kind": "cancel"})
    if way in ("cancelled", "told"):
        assert connection.outcome().kind == "cancelled"
    connection.close()
    until((tmp_path / "marks").exists, STOPPED)
    assert time.monotonic() - began < STOPPED


def test_a_run_is_cancelled_at_the_moment_at_which_what_it_waits_for_is_done(guest: GuestProcess) -> None:
    assert guest.run("plain:limits").text == "too late too late no number"
    for _ in range(20):  # with the wait_for of Python 3.11, every third went on
        connection = guest.begin("plain:waits_with_a_limit")
        assert connection.receive() == {"kind": "events", "events": ["waiting"]}
        began = time.monotonic()
        connection.cancel()
        assert connection.outcome().kind == "cancelled"
        assert time.monotonic() - began < STOPPED
    assert guest.is_running()


def test_a_run_that_does_not_end_when_it_is_cancelled_ends_the_process(start: Start) -> None:
    guest = start()
    control = guest.open({"kind": "control"})
    connection = guest.begin("plain:refuses_to_end")
    assert connection.receive() == {"kind": "events", "events": ["waiting"]}
    connection.cancel()
    until(lambda: not guest.is_running(), 8)
    said = [line["text"] for frame in control.frames() if frame["kind"] == "log" for line in frame["lines"]]
    assert said == ["the guest process ends: 'plain:refuses_to_end' did not end within 5 s of being cancelled"]
