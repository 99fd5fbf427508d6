"""Tools with ``async def`` in runs: approvals, questions, events, and the session's state."""

import sys
from pathlib import Path
from typing import Any

import pytest

from agentos import Agent, Answer
from agentos.testing import FinishedRun, call, run_agent

MODULE = '''
import asyncio
from dataclasses import dataclass
from datetime import date
from agentos import ToolContext, tool

@dataclass
class Room:
    name: str
    since: date

@tool
async def books(room: Room, nights: int = 1) -> str:
    """Book a room."""
    await asyncio.sleep(0)
    return f"{room.name} since {room.since.year} for {nights}"

@tool(approval=True)
async def pays(amount: int) -> str:
    """Pay."""
    return f"paid {amount}"

@tool
async def asks(context: ToolContext) -> str:
    """Ask."""
    city = context.ask("Which city?")
    async with asyncio.TaskGroup() as group:
        street = group.create_task(street_of(context))
    return f"{city}, {street.result()}"

async def street_of(context):
    return context.ask("Which street?", {"type": "string"})

@tool
async def counts(context: ToolContext) -> str:
    """Count."""
    context.emit("progress", {"done": 1})
    before = context.state.get("count", 0)
    context.set_state([{"op": "add", "path": "/count", "value": before + 1}])
    return f"{before} {context.state['count']} {context.owner}"
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "own_tools.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("own_tools", None)
    import own_tools

    return own_tools


def run(tool: Any, arguments: str, **given: Any) -> FinishedRun:
    agent = Agent(id="clerk", model="test:model", tools=[tool])
    return run_agent(agent, "Go", turns=[[call(tool.__name__, arguments)], "Done."], **given)


def result(run: FinishedRun) -> str | None:
    assert run.content == "Done.", run
    return run.tool_calls[-1].result


def test_arguments_are_the_values_of_the_annotations(own: Any) -> None:
    booked = run(own.books, '{"room": {"name": "Blue", "since": "2027-01-31"}, "nights": 2}')
    assert result(booked) == "Blue since 2027 for 2"


def test_one_that_a_person_approves_is_called_after_that(own: Any) -> None:
    assert run(own.pays, '{"amount": 5}').status == "paused"
    approved = run(own.pays, '{"amount": 5}', answers={"pays": Answer(decision="approve", arguments={"amount": 3})})
    assert result(approved) == "paid 3"
    rejected = run(own.pays, '{"amount": 5}', answers={"pays": Answer(decision="reject", message="No.")})
    assert "No." in str(rejected.tool_calls[-1].error)


def test_its_questions_pause_the_run_one_after_the_other(own: Any) -> None:
    said = {"Which city?": "Paris", "Which street?": "Rue Cler"}
    answered = run(own.asks, "{}", answers=lambda action: Answer(output=said[action.message or ""]))
    assert result(answered) == "Paris, Rue Cler"
    assert [event.type for event in answered.events].count("paused") == 2


def test_it_writes_into_its_run(own: Any) -> None:
    first = run(own.counts, "{}")
    assert result(first) == "0 1 anonymous"
    assert [event.data["data"] for event in first.events if event.type == "custom"] == [{"done": 1}]
    assert result(run(own.counts, "{}", after=first)) == "1 2 anonymous"
