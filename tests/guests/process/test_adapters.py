"""Agents of a framework run by its adapter, which is loaded when the framework is."""

from __future__ import annotations

import pytest

from parts.guest_client import GuestProcess

STATE = {"adapter": "toy-framework", "framework_version": "2.0", "state": {"turn": 1}}
APPROVED = [{"key": "k1", "kind": "approval", "approved": True, "arguments": {"amount": 3}}]


def test_an_agent_runs_by_the_adapter_of_its_framework(guest: GuestProcess) -> None:
    assert guest.run("toy_agents:agent", "hi").text == "TOY HI"


def test_an_agent_is_described_by_the_adapter_of_its_framework(guest: GuestProcess) -> None:
    assert guest.describe("toy_agents:agent") == {
        "kind": "description",
        "adapter": "toy-framework",
        "framework_version": "2.0",
        "name": "Toy",
        "model": "toy:1",
        "tools": ["pay"],
    }


def test_an_agent_without_a_framework_is_described_by_its_attributes(guest: GuestProcess) -> None:
    described = guest.describe("plain:words")
    assert (described["adapter"], described["name"], described["model"]) == ("python", "Words", "fake:words")
    assert described["description"] == "Says words."


def test_a_pause_has_the_actions_and_the_state_to_continue_with(guest: GuestProcess) -> None:
    last = guest.run("toy_agents:agent", "pause").last
    assert last["kind"] == "paused"
    assert {name: last[name] for name in STATE} == STATE
    assert [(one["key"], one["tool_name"], one["arguments"]) for one in last["actions"]] == [
        ("k1", "pay", {"amount": 5})
    ]


def test_a_run_continues_with_its_state_and_answers(guest: GuestProcess) -> None:
    outcome = guest.run("toy_agents:agent", "pause", saved=STATE, answers=APPROVED)
    assert (outcome.text, outcome.kind) == ("TOY PAUSE 2 True {'amount': 3}", "end")


@pytest.mark.parametrize(
    ("saved", "then"),
    [
        ({**STATE, "adapter": "other", "framework_version": "1.0"}, "other 1.0"),
        ({**STATE, "framework_version": "1.0", "state": {"of": "another version"}}, "toy-framework 1.0"),
    ],
)
def test_a_state_that_does_not_load_fails_the_run_and_says_who_saved_it(
    guest: GuestProcess, saved: dict[str, object], then: str
) -> None:
    last = guest.run("toy_agents:agent", "pause", saved=saved, answers=APPROVED).last
    assert (last["cause"], last["public"]) == ("AGENT_FAILED", True)
    assert last["message"] == f"the state that was saved by {then} cannot be loaded by toy-framework 2.0"


def test_an_agent_that_fails_after_an_upgrade_is_no_state_that_does_not_load(guest: GuestProcess) -> None:
    saved = {"adapter": "python", "framework_version": "3.1", "state": None}
    last = guest.run("plain:raises_at_once", saved=saved, answers=APPROVED).last
    assert (last["public"], last["error"]) == (False, "RuntimeError")


def test_a_state_that_is_no_json_fails_the_run(guest: GuestProcess) -> None:
    last = guest.run("toy_agents:agent", "no json").last
    assert last["message"] == "the state to be saved at the pause is object, and no JSON"


def test_workers_are_told_the_versions_of_the_frameworks_that_are_loaded(guest: GuestProcess) -> None:
    guest.run("toy_agents:agent")
    control = guest.open({"kind": "control"})
    hello = control.receive()
    control.close()
    assert hello is not None
    assert hello["frameworks"] == {"toy_framework": "2.0"}
