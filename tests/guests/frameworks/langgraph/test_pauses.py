"""What people decide and answer: the run pauses in one process and continues in another one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parts.guest_client import GuestProcess, Outcome

Resume = Callable[..., Outcome]

TRANSFER = {"amount": 500, "to": "Ada"}


def actions(paused: Outcome) -> list[tuple[str, str, str]]:
    assert paused.kind == "paused", paused.last
    return [(action["kind"], action["tool_name"], action["message"]) for action in paused.last["actions"]]


@pytest.mark.parametrize("target", ["agents:approval", "agents:approval_per_call"])
@pytest.mark.parametrize(
    ("decision", "text", "written", "status"),
    [
        ({"approved": True}, "done: sent 500 to Ada", "500 Ada\n", "completed"),
        ({"approved": True, "arguments": {"amount": 5, "to": "Bob"}}, "done: sent 5 to Bob", "5 Bob\n", "completed"),
        ({"approved": False, "message": "too much"}, "not done: too much", "", "failed"),
    ],
    ids=["approve", "edit", "reject"],
)
def test_a_tool_call_is_approved_edited_or_rejected(
    guest: GuestProcess,
    resume: Resume,
    transfers: Path,
    target: str,
    decision: dict[str, Any],
    text: str,
    written: str,
    status: str,
) -> None:
    transfers.write_text("")
    paused = guest.run(target)
    [action] = paused.last["actions"]
    assert (action["kind"], action["tool_name"], action["tool_call_id"]) == ("approval", "transfer", "call-1")
    assert action["arguments"] == TRANSFER
    assert transfers.read_text() == ""

    outcome = resume(target, paused, decision)
    assert outcome.text == text
    assert transfers.read_text() == written
    arguments = decision.get("arguments") or TRANSFER
    assert [(call["arguments"], call["status"]) for call in outcome.of("tool_call")] == [
        (arguments, "started"),
        (arguments, status),
    ]


def test_calls_that_look_alike_are_decided_each_on_its_own(guest: GuestProcess, resume: Resume) -> None:
    paused = guest.run("interrupting:several")
    assert [action["tool_call_id"] for action in paused.last["actions"]] == ["call-2", "call-3"]
    outcome = resume("interrupting:several", paused, {"approved": True}, {"approved": False, "message": "keep it"})
    ended = {call["id"]: call["status"] for call in outcome.of("tool_call") if call["status"] != "started"}
    assert ended == {"call-1": "completed", "call-2": "completed", "call-3": "failed"}


def test_a_decision_that_the_agent_does_not_allow_fails_the_run_before_its_tools(
    guest: GuestProcess, resume: Resume
) -> None:
    paused = guest.run("interrupting:several")
    edited = {"approved": True, "arguments": {"text": "z"}}
    outcome = resume("interrupting:several", paused, edited, {"approved": False})
    assert outcome.last["message"] == (
        "the agent does not allow the decision 'edit' for the tool 'erase'; it allows: approve, reject"
    )
    assert outcome.of("tool_call") == []


def test_a_question_is_answered(guest: GuestProcess, resume: Resume) -> None:
    paused = guest.run("agents:question")
    assert actions(paused) == [("input", "", "Which city?")]
    assert resume("agents:question", paused, {"output": "Paris"}).text == "Paris"


def test_questions_of_nodes_side_by_side_are_answered_together(guest: GuestProcess, resume: Resume) -> None:
    paused = guest.run("interrupting:parallel")
    assert actions(paused) == [("input", "interrupt", "Left?"), ("input", "", "Right?")]
    assert paused.last["actions"][0]["arguments"] == {"question": "Left?", "choices": [1, 2]}
    assert resume("interrupting:parallel", paused, {"output": 2}, {"output": 1}).text == "left=2 right=1"


@pytest.mark.parametrize("target", ["sequential", "nested"])
def test_questions_of_one_node_are_asked_one_after_the_other(guest: GuestProcess, resume: Resume, target: str) -> None:
    first = guest.run(f"interrupting:{target}")
    second = resume(f"interrupting:{target}", first, {"output": "a"})
    assert actions(second) == [("input", "", "And after a?")]
    assert resume(f"interrupting:{target}", second, {"output": "b"}).text == "a b"


def test_a_question_has_the_schema_of_its_answer_which_comes_as_that_type(guest: GuestProcess, resume: Resume) -> None:
    paused = guest.run("interrupting:schema")
    assert paused.last["actions"][0]["schema"]["required"] == ["width"]
    assert resume("interrupting:schema", paused, {"output": {"width": 3}}).text == "Size 3x1"
    last = resume("interrupting:schema", paused, {"output": {"width": "wide"}}).last
    assert last["public"]
    assert last["message"].startswith(
        "the answer does not fit what the graph asked for: width: Input should be a valid"
    )


def test_a_tool_that_asks_is_started_once(guest: GuestProcess, resume: Resume) -> None:
    paused = guest.run("interrupting:in_tool")
    outcome = resume("interrupting:in_tool", paused, {"output": "left"})
    assert outcome.text == "they said left"
    assert [call["status"] for call in paused.of("tool_call") + outcome.of("tool_call")] == ["started", "completed"]


def test_a_tool_that_a_person_answers_is_a_question(guest: GuestProcess, resume: Resume) -> None:
    paused = guest.run("interrupting:respond_only")
    assert actions(paused) == [("input", "ask_person", "Which way?")]
    assert resume("interrupting:respond_only", paused, {"output": "right"}).text == "they said right"


def test_a_breakpoint_is_an_approval(guest: GuestProcess, resume: Resume) -> None:
    paused = guest.run("interrupting:breakpoint_before")
    assert paused.text == "a draft, "
    assert actions(paused) == [("approval", "send", "The graph continues with: send")]
    assert resume("interrupting:breakpoint_before", paused, {"approved": True}).text == "sent"
    last = resume("interrupting:breakpoint_before", paused, {"approved": False}).last
    assert last["message"] == "the graph was not allowed to continue"


def test_what_tasks_returned_is_not_computed_again(guest: GuestProcess, resume: Resume) -> None:
    paused = guest.run("interrupting:functional", "so")
    assert actions(paused) == [("input", "", "so: 2?")]
    assert resume("interrupting:functional", paused, {"output": "yes"}, input="so").text == "yes after 0"


def test_what_a_state_may_hold_comes_back_as_it_was(guest: GuestProcess, resume: Resume) -> None:
    paused = guest.run("interrupting:keeping")
    assert resume("interrupting:keeping", paused, {"output": ""}).text == "20 kept, wrong: []"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("refused", "things.deep[0].socket is of the type interrupting.Socket. A state may hold JSON"),
        ("refused_function", "things.call is of the type builtins.builtin_function_or_method. A state may hold JSON"),
        (
            "refused_local",
            "things.hidden is of the type interrupting._local.<locals>.Hidden, a class that cannot",
        ),
    ],
)
def test_what_cannot_be_kept_fails_the_pause_with_its_place_and_type(
    guest: GuestProcess, target: str, message: str
) -> None:
    last = guest.run(f"interrupting:{target}").last
    assert (last["kind"], last["public"]) == ("failed", True)
    assert last["message"].startswith(f"the run cannot be paused: {message}")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("interrupting:Point", "interrupting:Gone", "things.point is of the type interrupting.Gone, which does not"),
        ("interrupting:Point", "subprocess:Popen", "things.point is of the type subprocess.Popen, which is no longer"),
        ("interrupting:Point", "not_imported:Point", "things.point is of the type not_imported.Point, which does not"),
        ('"x": 1', '"z": 1', "things.point is of the type interrupting.Point, which now needs x"),
        ('"y": []', '"z": []', "things.point is of the type interrupting.Point, which no longer has z"),
        ('"checkpoints"', '"other"', "its form is not known"),
    ],
)
def test_a_state_that_does_not_load_any_more_fails_the_run_with_the_reason(
    guest: GuestProcess, resume: Resume, old: str, new: str, reason: str
) -> None:
    paused = guest.run("interrupting:keeping_point")
    text = json.dumps(paused.last["state"])
    assert old in text
    paused.last["state"] = json.loads(text.replace(old, new))
    last = resume("interrupting:keeping_point", paused, {"output": ""}).last
    version = paused.last["framework_version"]
    start = f"the state that was saved by langgraph {version} cannot be loaded by {version}: "
    assert (last["kind"], last["public"]) == ("failed", True)
    assert last["message"].startswith(start + reason)


def test_a_question_of_a_node_that_is_gone_fails_the_run(guest: GuestProcess, resume: Resume) -> None:
    paused = guest.run("agents:question")
    last = resume("interrupting:parallel", paused, {"output": ""}).last
    assert last["message"].endswith("it asks 1 questions of nodes that the graph no longer has")


def test_a_default_that_was_added_since_is_taken(guest: GuestProcess, resume: Resume) -> None:
    paused = guest.run("interrupting:keeping_point")
    text = json.dumps(paused.last["state"])
    assert '"x": 1, "y": []' in text
    paused.last["state"] = json.loads(text.replace('"x": 1, "y": []', '"x": 1'))
    assert resume("interrupting:keeping_point", paused, {"output": ""}).text == "1 kept, wrong: []"


@pytest.mark.parametrize("target", ["differences", "snapshots"])
def test_a_channel_that_keeps_differences_comes_back(guest: GuestProcess, resume: Resume, target: str) -> None:
    first = guest.run(f"interrupting:{target}")
    second = resume(f"interrupting:{target}", first, {"output": ""})
    assert resume(f"interrupting:{target}", second, {"output": ""}).text == "[0, 1, 100]"


def test_many_pauses_do_not_let_the_state_grow(guest: GuestProcess, resume: Resume) -> None:
    paused = guest.run("interrupting:asking_on")
    sizes = [len(json.dumps(paused.last["state"]))]
    for _ in range(5):
        paused = resume("interrupting:asking_on", paused, {"output": "x"})
        sizes.append(len(json.dumps(paused.last["state"])))
    assert sizes[5] < sizes[2] + 50
