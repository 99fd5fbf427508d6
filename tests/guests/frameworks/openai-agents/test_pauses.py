"""Runs that wait for people, and continue from what is kept of them as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import hosted
import pytest
from agentos_guest import Answer, Call, Media, Message
from driving import resume, run

APPROVED = {"approved": True}


@pytest.fixture(autouse=True)
def transfers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "transfers"
    file.touch()
    monkeypatch.setenv("TRANSFERS", str(file))
    return file


def test_a_tool_that_needs_an_approval_waits_for_it(transfers: Path) -> None:
    paused = run(hosted.approval)
    assert paused.pause is not None
    (action,) = paused.pause.actions
    assert (action.kind, action.tool_name, action.arguments) == ("approval", "transfer", {"amount": 500, "to": "Ada"})
    assert (paused.text, paused.calls) == ("Let me see. ", [])
    assert [call.id for call in paused.model_calls[0].calls] == ["transfer"]
    assert transfers.read_text() == ""


def test_approved(transfers: Path) -> None:
    done = resume(hosted.approval, run(hosted.approval), APPROVED)
    assert done.text == "done: sent 500 to Ada"
    assert done.calls == [("transfer", "started", None), ("transfer", "completed", "sent 500 to Ada")]
    assert done.tokens == (7, 5)
    assert transfers.read_text() == "500 Ada\n"


def test_approved_with_other_arguments(transfers: Path) -> None:
    done = resume(hosted.approval, run(hosted.approval), {**APPROVED, "arguments": {"amount": 5, "to": "Bob"}})
    assert done.text == "done: sent 5 to Bob"
    assert {json.dumps(call.arguments) for call in done.tool_calls} == {'{"amount": 5, "to": "Bob"}'}
    assert transfers.read_text() == "5 Bob\n"


def test_other_arguments_leave_an_earlier_call_with_the_same_id_as_it_was(transfers: Path) -> None:
    earlier = [
        Message("user", "first"),
        Message("assistant", tool_calls=[Call("transfer", "transfer", '{"amount": 1, "to": "Eve"}')]),
        Message("tool", "sent 1 to Eve", tool_call_id="transfer"),
        Message("assistant", "done"),
    ]
    paused = run(hosted.approval, history=earlier)
    done = resume(hosted.approval, paused, {**APPROVED, "arguments": {"amount": 5, "to": "Bob"}}, history=earlier)
    assert done.text == "done: sent 5 to Bob"
    assert transfers.read_text() == "5 Bob\n"


@pytest.mark.parametrize(("message", "said"), [("too much", "too much"), ("", "Tool execution was not approved.")])
def test_rejected(transfers: Path, message: str, said: str) -> None:
    done = resume(hosted.approval, run(hosted.approval), {"approved": False, "message": message})
    assert done.text == f"not done: {said}"
    assert done.calls == [("transfer", "started", None), ("transfer", "failed", said)]
    assert transfers.read_text() == ""


def test_calls_that_need_nobody_are_made_once_and_the_others_are_decided_one_by_one(transfers: Path) -> None:
    paused = run(hosted.both)
    assert paused.calls == [("sum", "started", None), ("sum", "completed", "2")]
    done = resume(hosted.both, paused, APPROVED, {"approved": False, "message": "no"})
    assert done.text == "2 no sent 1 to Ada"
    assert "sum" not in {call.id for call in done.tool_calls}
    assert transfers.read_text() == "1 Ada\n"


def test_a_run_may_wait_twice(transfers: Path) -> None:
    first = run(hosted.twice)
    second = resume(hosted.twice, first, {**APPROVED, "arguments": {"amount": 7, "to": "Eve"}})
    assert second.pause is not None
    # As the server does: with all answers of the run, those of the first pause too.
    answers = [
        Answer("transfer-0", "approval", approved=True, arguments={"amount": 7, "to": "Eve"}),
        Answer("transfer-1", "approval", approved=True),
    ]
    done = run(hosted.twice, saved=json.loads(json.dumps(second.pause.state)), answers=answers)
    assert done.text == "sent 7 to Eve then sent 2 to Ada"
    assert transfers.read_text() == "7 Eve\n2 Ada\n"


def test_an_agent_that_is_a_tool_may_wait_too(transfers: Path) -> None:
    paused = run(hosted.boss)
    assert paused.pause is not None
    assert [action.tool_name for action in paused.pause.actions] == ["transfer"]
    done = resume(hosted.boss, paused, {**APPROVED, "arguments": {"amount": 5, "to": "Bob"}})
    assert done.text == "the clerk says done: sent 5 to Bob"
    assert done.calls == [("clerk", "started", None), ("clerk", "completed", "done: sent 5 to Bob")]
    assert transfers.read_text() == "5 Bob\n"


def test_the_state_has_neither_the_attachments_nor_the_context(tmp_path: Path) -> None:
    file = tmp_path / "image"
    file.write_bytes(b"x" * 2_000_000)
    media = [Media("image", path=str(file), content_type="image/png")]
    paused = run(hosted.approval, media=media, metadata={"token": "sk-secret-123"})
    assert paused.pause is not None
    saved = json.dumps(paused.pause.state)
    assert len(saved) < 20_000
    assert "secret" not in saved
    assert resume(hosted.approval, paused, APPROVED, media=media).text == "done: sent 500 to Ada"


def test_a_context_that_is_a_mapping_is_not_saved(transfers: Path) -> None:
    paused = run(hosted.with_mapping)
    assert paused.pause is not None
    assert "secret" not in json.dumps(paused.pause.state)
    assert resume(hosted.with_mapping, paused, APPROVED).text == "the clerk says done: sent 500 to Ada"


def test_arguments_of_a_call_that_cannot_have_others_are_refused() -> None:
    paused = run(hosted.approval)
    assert paused.pause is not None
    for item in paused.pause.state["state"]["current_step"]["data"]["interruptions"]:
        item["raw_item"]["type"] = "mcp_approval_request"
    failed = resume(hosted.approval, paused, {**APPROVED, "arguments": {"amount": 5, "to": "Bob"}}).failed
    assert failed is not None
    assert "cannot be changed" in failed.message


def test_a_state_of_another_version_fails_with_both_versions() -> None:
    paused = run(hosted.approval)
    assert paused.pause is not None
    paused.pause.state["version"] = "0.99.0"
    paused.pause.state["state"]["$schemaVersion"] = "99.0"
    failed = resume(hosted.approval, paused, APPROVED).failed
    assert failed is not None
    assert failed.message.startswith("the state that was saved by openai-agents 0.99.0 cannot be loaded by 0.24.")


def test_a_state_of_an_agent_that_lost_its_tool_fails(transfers: Path) -> None:
    failed = resume(hosted.words, run(hosted.approval), APPROVED).failed
    assert failed is not None
    assert "with the agent as it is now" in failed.message
    assert transfers.read_text() == ""
