"""A guest process sends what an agent says as it was said, or fails the run that said it."""

from __future__ import annotations

import time

import pytest

from parts.guest_client import GuestProcess


def test_what_cannot_be_copied_becomes_text(guest: GuestProcess) -> None:
    outcome = guest.run("odd:lock")
    assert (outcome.text, outcome.kind) == ("one two", "end")
    client = outcome.of("tool_call")[0]["arguments"]["client"]
    assert client["url"] == "http://x"
    assert "lock" in client["lock"]


def test_what_has_no_text_fails_its_run_and_loses_nothing_before_it(guest: GuestProcess) -> None:
    outcome = guest.run("odd:without_text")
    assert (outcome.text, outcome.kind, outcome.last["error"]) == ("one ", "failed", "RuntimeError")


def test_a_call_that_returns_what_has_no_text_fails(guest: GuestProcess) -> None:
    last = guest.call("odd:returns_what_has_no_text").last
    assert (last["kind"], last["error"]) == ("failed", "RuntimeError")


def test_what_an_agent_changes_later_is_sent_as_it_was(guest: GuestProcess) -> None:
    outcome = guest.run("odd:changes_what_it_said")
    assert [event["data"]["done"] for event in outcome.of("custom")] == [1, 2, 3]
    assert [event["patch"][0]["value"] for event in outcome.of("state")] == [[0], [0, 1], [0, 1, 2]]


def test_what_an_agent_in_a_thread_emits_keeps_its_place(guest: GuestProcess) -> None:
    outcome = guest.run("odd:emits_between_words")
    said = [event if isinstance(event, str) else event.get("data", "state") for event in outcome.events]
    assert said == [one for number in range(300) for one in (f"{number} ", number)] + ["state"]
    assert outcome.last["error"] == "LookupError"


@pytest.mark.parametrize("agent", ["large_in_an_event", "large_in_the_state"])
def test_an_integer_that_json_programs_do_not_keep_is_refused(guest: GuestProcess, agent: str) -> None:
    outcome = guest.run(f"odd:{agent}")
    assert (outcome.text, outcome.last["error"]) == ("before", "ValueError")
    assert "an integer beyond 64 bits" in outcome.last["traceback"]


def test_a_large_integer_of_a_model_is_shown_as_text(guest: GuestProcess) -> None:
    arguments = guest.run("odd:large_in_arguments").of("tool_call")[0]["arguments"]
    assert arguments == {"id": "18446744073709551616", "at": 2**63}


def test_an_agent_that_yields_and_emits_lets_others_work(guest: GuestProcess) -> None:
    never_waits = guest.begin("odd:yields_and_emits")
    assert never_waits.receive() is not None
    began = time.monotonic()
    assert guest.run("plain:answers", "hi", metadata={"colour": "red"}).kind == "end"
    never_waits.close()
    assert time.monotonic() - began < 2


def test_what_is_no_text_becomes_one_where_a_model_reads_text(guest: GuestProcess) -> None:
    outcome = guest.run("odd:other_types")
    assert outcome.kind == "end"
    first, second = outcome.of("tool_call")
    assert (first["result"], first["duration"], second["error"]) == ('{"rows":[3]}', None, "no row")
    assert outcome.of("usage")[0] == {"type": "usage", "prompt": 0, "completion": 2, "reasoning": 0, "cached": None}
    assert outcome.of("model_call")[0]["calls"] == [{"id": "c1", "name": "look", "arguments": '{"a":1}'}]


@pytest.mark.parametrize("field", ["id", "status", "duration", "tokens", "model", "content"])
def test_a_field_of_another_type_fails_the_run_and_is_named_in_the_log(guest: GuestProcess, field: str) -> None:
    outcome = guest.run("odd:wrong", field)
    assert (outcome.text, outcome.kind) == ("before", "failed")
    assert field in outcome.last["traceback"].splitlines()[-1]


@pytest.mark.parametrize("field", ["key", "kind", "tool_name", "arguments", "schema"])
def test_a_pause_that_asks_for_nothing_that_can_be_answered_fails(guest: GuestProcess, field: str) -> None:
    last = guest.run("odd:wrong_pause", field).last
    assert (last["kind"], last["public"]) == ("failed", True)
    assert field in last["message"]
