"""Teams: the leader's text is the answer, what members do is beside it, and their pauses are the run's."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import agents
import pytest
from agentos_guest import Message
from agno.agent import Agent
from agno.models.openai import OpenAIChat
from agno.models.response import ModelResponse
from agno.team import Team
from driving import ADAPTER, agent, drive, model_server, resume, run
from scripted import Scripted, calls, results, text


@pytest.fixture(autouse=True)
def transfers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "transfers"
    file.touch()
    monkeypatch.setenv("TRANSFERS", str(file))
    return file


def test_the_leader_answers_and_its_members_are_custom_events() -> None:
    said = run(agents.team)
    assert said.text == "They say: the sum is 5"
    assert [call[:2] for call in said.calls] == [
        ("delegate_task_to_member", "started"),
        ("delegate_task_to_member", "completed"),
    ]
    assert [one["content"] for one in said.members("text")] == ["the sum is 5"]
    assert [(one["member"], one["name"], one["status"]) for one in said.members("tool_call")] == [
        ("adder", "add", "started"),
        ("adder", "add", "completed"),
    ]


def test_the_tokens_of_members_count() -> None:
    said = run(agents.team)
    assert (sum(one.prompt for one in said.usage), sum(one.completion for one in said.usage)) == (32, 8)


def test_the_answer_of_a_member_may_be_the_teams() -> None:
    team = Team(model=Scripted(script=agents._leader), members=agents.team.members, respond_directly=True)
    assert run(team).text == "the sum is 5"


def test_a_team_has_the_history() -> None:
    async def says(messages: list[Any]) -> AsyncIterator[ModelResponse]:
        yield text(" ".join(f"{one.role}:{one.content}" for one in messages if one.role != "system"))

    team = Team(model=Scripted(script=says), members=agents.team.members)
    history = [Message("user", "first"), Message("assistant", "second")]
    assert run(team, "third", history=history).text == "user:first assistant:second user:third"


@pytest.mark.parametrize(
    ("answer", "expected", "sent"),
    [
        ({"approved": True}, "done: sent 500 to Ada", "500 Ada\n"),
        ({"approved": True, "arguments": {"amount": 5, "to": "Bob"}}, "done: sent 5 to Bob", "5 Bob\n"),
        ({"message": "no"}, "not done: no", ""),
    ],
)
def test_a_member_waits_for_its_approval(transfers: Path, answer: dict[str, Any], expected: str, sent: str) -> None:
    paused = run(agents.bank)
    assert transfers.read_text() == ""
    assert paused.text == ""
    said = resume(agents.bank, paused, answer)
    assert said.text.endswith(f"[Cashier]: {expected}")
    assert [one["status"] for one in said.members("tool_call")] == ["started", "completed" if sent else "failed"]
    assert transfers.read_text() == sent


def test_calls_of_leader_and_member_may_have_the_same_id(transfers: Path) -> None:
    def numbered(script: Any) -> Any:
        async def says(messages: list[Any]) -> AsyncIterator[ModelResponse]:
            async for piece in script(messages):
                yield replace(piece, tool_calls=[{**call, "id": "call_0"} for call in piece.tool_calls])

        return says

    member = agent(numbered(agents._approval), id="adder", name="Cashier", tools=[agents.transfer])
    team = Team(model=Scripted(script=numbered(agents._leader)), members=[member])
    assert resume(team, run(team), {"approved": True}).text.endswith("[Cashier]: done: sent 500 to Ada")
    assert transfers.read_text() == "500 Ada\n"


def test_a_member_of_a_team_in_a_team_waits_too(transfers: Path) -> None:
    async def top(messages: list[Any]) -> AsyncIterator[ModelResponse]:
        found = results(messages)
        yield text(found[-1]) if found else calls(("delegate_task_to_member", {"member_id": "bank", "task": "pay"}))

    team = Team(id="top", model=Scripted(script=top), members=[agents.bank])
    said = resume(team, run(team), {"approved": True})
    assert "done: sent 500 to Ada" in said.text
    assert transfers.read_text() == "500 Ada\n"


def test_a_tool_of_the_leader_waits(transfers: Path) -> None:
    team = Team(model=Scripted(script=agents._approval), members=agents.team.members, tools=[agents.transfer])
    assert resume(team, run(team), {"approved": True}).text == "done: sent 500 to Ada"
    assert transfers.read_text() == "500 Ada\n"


@pytest.mark.parametrize("nested", [False, True])
def test_a_cancelled_team_closes_its_members_connections(nested: bool) -> None:
    open_connections: set[Any] = set()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_connections.add(writer)
        await reader.read()
        open_connections.discard(writer)

    async def cancel() -> float:
        async with model_server(silent) as url:
            member = Agent(id="adder", model=OpenAIChat(id="x", base_url=url, api_key="k"))
            team = Team(id="inner", model=Scripted(script=agents._leader), members=[member])
            if nested:

                async def top(messages: list[Any]) -> AsyncIterator[ModelResponse]:
                    yield calls(("delegate_task_to_member", {"member_id": "inner", "task": "x"}))

                team = Team(id="top", model=Scripted(script=top), members=[team])
            task = asyncio.create_task(drive(team))
            while not open_connections:
                await asyncio.sleep(0.01)
            started = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            while open_connections:
                await asyncio.sleep(0.005)
                assert time.monotonic() - started < 1
            return time.monotonic() - started

    assert asyncio.run(cancel()) < 1


def test_what_is_kept_of_a_team_is_json() -> None:
    json.dumps(run(agents.bank).pause.state)
    assert ADAPTER.describe(agents.bank)["model"] == "test:scripted"


def test_members_run_at_once() -> None:
    async def all_of_them(messages: list[Any]) -> AsyncIterator[ModelResponse]:
        yield (
            text(str(len(results(messages))))
            if results(messages)
            else calls(("delegate_task_to_members", {"task": "x"}))
        )

    async def slow(messages: list[Any]) -> AsyncIterator[ModelResponse]:
        await asyncio.sleep(0.2)
        yield text("x")

    members = [agent(slow, id=f"member-{number}") for number in range(5)]
    team = Team(model=Scripted(script=all_of_them), members=members, delegate_to_all_members=True)
    started = time.monotonic()
    assert len(run(team).members("text")) == 5
    assert time.monotonic() - started < 0.8
