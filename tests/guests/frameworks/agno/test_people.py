"""What waits for a person: what is asked, what is kept, and how the answer continues the run."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import agents
import pytest
from agentos_guest import Answer, Failed, Media, Message
from agno.approval import approval
from agno.db.sqlite import SqliteDb
from agno.models.response import ModelResponse
from agno.team import Team
from agno.tools import tool
from agno.tools.user_feedback import UserFeedbackTools
from driving import agent, resume, run
from scripted import Scripted, calls, results, text


@pytest.fixture(autouse=True)
def transfers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    file = tmp_path / "transfers"
    file.touch()
    monkeypatch.setenv("TRANSFERS", str(file))
    return file


def test_an_approval_names_the_call_and_nothing_runs_before(transfers: Path) -> None:
    paused = run(agents.approval)
    (action,) = paused.pause.actions
    assert (action.kind, action.tool_name, action.arguments) == ("approval", "transfer", {"amount": 500, "to": "Ada"})
    assert paused.text == ""
    assert transfers.read_text() == ""


def test_an_approved_call_runs_once(transfers: Path) -> None:
    said = resume(agents.approval, run(agents.approval), {"approved": True})
    assert said.text == "done: sent 500 to Ada"
    assert said.calls == [("transfer", "started", None), ("transfer", "completed", "sent 500 to Ada")]
    assert transfers.read_text() == "500 Ada\n"


def test_an_approved_call_runs_with_edited_arguments(transfers: Path) -> None:
    answer = {"approved": True, "arguments": {"amount": 5, "to": "Bob"}}
    assert resume(agents.approval, run(agents.approval), answer).text == "done: sent 5 to Bob"
    assert transfers.read_text() == "5 Bob\n"


def test_a_rejected_call_does_not_run_and_the_model_reads_why(transfers: Path) -> None:
    said = resume(agents.approval, run(agents.approval), {"message": "too much"})
    assert said.text == "not done: too much"
    assert said.calls == [("transfer", "started", None), ("transfer", "failed", "too much")]
    assert transfers.read_text() == ""


def test_the_history_is_there_after_a_pause() -> None:
    async def counts(messages: list[Any]) -> AsyncIterator[ModelResponse]:
        yield text(str(len(messages))) if results(messages) else calls(("transfer", {"amount": 1, "to": "A"}))

    target = agent(counts, tools=[agents.transfer])
    history = [Message("user", "first"), Message("assistant", "second")]
    assert resume(target, run(target, history=history), {"approved": True}).text == "5"


async def _two(messages: list[Any]) -> AsyncIterator[ModelResponse]:
    found = results(messages)
    if not found:
        yield text("I add. ")
        yield calls(
            ("add", {"a": 1, "b": 1}), ("transfer", {"amount": 1, "to": "A"}), ("transfer", {"amount": 2, "to": "B"})
        )
    elif len(found) == 3:
        yield calls(("transfer", {"amount": 3, "to": "C"}))
    else:
        yield text(" | ".join(found))


def test_several_questions_at_once_and_one_after_another(transfers: Path) -> None:
    target = agent(_two, tools=[agents.add, agents.transfer])
    first = run(target)
    assert [call[:2] for call in first.calls] == [("add", "started"), ("add", "completed")]
    answers = ({"approved": True}, {"message": "no"})
    second = resume(target, first, *answers)
    # The answers to the first pause come again with those to the second.
    earlier = [Answer(one.key, one.kind, **given) for one, given in zip(first.pause.actions, answers, strict=True)]
    (last,) = second.pause.actions
    given = [*earlier, Answer(last.key, last.kind, approved=True)]
    said = run(target, saved=json.loads(json.dumps(second.pause.state)), answers=given)
    assert said.text == "2 | sent 1 to A | no | sent 3 to C"
    assert transfers.read_text() == "1 A\n3 C\n"


def test_a_question_of_the_model_is_answered_by_its_value() -> None:
    paused = run(agents.question)
    (action,) = paused.pause.actions
    assert (action.kind, action.message) == ("input", "Which city?")
    assert action.schema == {"type": "string", "description": "Which city?"}
    said = resume(agents.question, paused, {"output": "Paris"})
    assert said.text == "Paris"
    assert said.calls == [("get_user_input", "started", None), ("get_user_input", "completed", "Paris")]


@tool(requires_user_input=True, user_input_fields=["city", "nights"])
def book(city: str, nights: int, hotel: str) -> str:
    """Book a hotel."""
    return f"{nights} nights in {city}, {hotel}"


async def _book(messages: list[Any]) -> AsyncIterator[ModelResponse]:
    yield text(results(messages)[-1]) if results(messages) else calls(("book", {"hotel": "Ritz"}))


def test_fields_of_a_tool_are_a_form() -> None:
    target = agent(_book, tools=[book])
    paused = run(target)
    (action,) = paused.pause.actions
    assert action.schema == {
        "type": "object",
        "properties": {"city": {"type": "string"}, "nights": {"type": "integer"}},
        "required": ["city", "nights"],
        "additionalProperties": False,
    }
    assert resume(target, paused, {"output": {"city": "Rome", "nights": 2}}).text == "2 nights in Rome, Ritz"
    with pytest.raises(Failed, match="the answer for book has no value for 'nights'"):
        resume(target, paused, {"output": {"city": "Rome"}})


async def _choose(messages: list[Any]) -> AsyncIterator[ModelResponse]:
    if results(messages):
        yield text(results(messages)[-1])
    else:
        options = [{"label": "red", "description": "x"}, {"label": "blue", "description": "y"}]
        question = {"question": "Which color?", "header": "Color", "options": options, "multi_select": False}
        yield calls(("ask_user", {"questions": [question]}))


def test_a_choice_is_one_of_its_options() -> None:
    target = agent(_choose, tools=[UserFeedbackTools()])
    paused = run(target)
    (action,) = paused.pause.actions
    assert (action.message, action.schema) == ("Which color?", {"type": "string", "enum": ["red", "blue"]})
    assert '"selected": ["blue"]' in resume(target, paused, {"output": "blue"}).text


def test_a_tool_of_the_client_is_answered_by_its_result() -> None:
    paused = run(agents.external)
    (action,) = paused.pause.actions
    assert (action.kind, action.message, action.arguments) == ("input", "The result of measure", {"room": "hall"})
    said = resume(agents.external, paused, {"output": {"celsius": 21}})
    assert said.text == 'it is {"celsius": 21}'


@approval
@tool(requires_confirmation=True)
def pay(amount: int) -> str:
    """Pay."""
    return f"paid {amount}"


async def _pay(messages: list[Any]) -> AsyncIterator[ModelResponse]:
    yield text(results(messages)[-1]) if results(messages) else calls(("pay", {"amount": 1}))


def test_an_approval_in_agnos_database_does_not_count(tmp_path: Path) -> None:
    db = SqliteDb(db_file=str(tmp_path / "agno.db"))
    for target in (
        agent(_pay, id="payer", tools=[pay], db=db),
        Team(id="payers", model=Scripted(script=_pay), tools=[pay], db=db, members=[agents.tools]),
    ):
        first = f"{target.id}-1"
        assert resume(target, run(target, id=first), {"approved": True}, id=first).text == "paid 1"
        paused = run(target, id=f"{target.id}-2")
        (record,) = [one for one in db.get_approvals()[0] if one["run_id"] == f"{target.id}-2"]
        db.update_approval(record["id"], status="approved", resolved_by="x", resolved_at=1)
        assert resume(target, paused, {"message": "no"}, id=f"{target.id}-2").text == "no"


def test_attachments_are_not_kept_and_are_there_again(tmp_path: Path) -> None:
    async def sizes(messages: list[Any]) -> AsyncIterator[ModelResponse]:
        asked = next(one for one in messages if one.role == "user")
        found = [len(one.content) for one in (*asked.images, *asked.files, *asked.audio)]
        yield text(f"{found} {asked.audio[0].format}; ")
        if not results(messages):
            yield calls(("transfer", {"amount": 1, "to": "A"}))

    file = tmp_path / "large"
    file.write_bytes(b"x" * 100_000)
    media = [
        Media("image", path=str(file), content_type="image/png"),
        Media("file", path=str(file), content_type="text/plain", name="a.txt"),
        Media("audio", path=str(file), content_type="audio/mp3"),
    ]
    target = agent(sizes, tools=[agents.transfer])
    paused = run(target, media=media)
    assert len(json.dumps(paused.pause.state)) < 10_000
    said = resume(target, paused, {"approved": True}, media=media)
    assert said.text == paused.text == "[100000, 100000, 100000] mp3; "


def test_a_state_of_another_version_is_an_error_of_loading() -> None:
    paused = run(agents.approval)
    paused.pause.state["run"]["messages"] = [{"role": 5}]
    with pytest.raises(ValueError, match="validation error for Message"):
        resume(agents.approval, paused, {"approved": True})


@pytest.mark.parametrize("tools", [[], [agents.add]])
def test_a_tool_that_is_gone_is_said(tools: list[Any]) -> None:
    paused = run(agents.approval)
    with pytest.raises(Failed, match="does not have the tool any more"):
        resume(agent(agents._approval, tools=tools), paused, {"approved": True})
