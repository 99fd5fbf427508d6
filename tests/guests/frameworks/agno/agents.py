"""The agents of the shared suite, made with Agno; and a team."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from agno.agent import Agent
from agno.models.message import Message
from agno.models.openai import OpenAIChat
from agno.models.response import ModelResponse
from agno.run import RunContext
from agno.team import Team
from agno.tools import tool
from agno.tools.user_control_flow import UserControlFlowTools
from pydantic import BaseModel
from scripted import Scripted, calls, results, text, usage

NOT_OFFERED: dict[str, str] = {}


def agent(script: Any, **given: Any) -> Agent:
    """Make an agent with a script."""
    return Agent(model=Scripted(script=script), **given)


def asked(messages: list[Message]) -> str:
    """Return the last question."""
    return next(str(one.content) for one in reversed(messages) if one.role == "user")


async def _words(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    _, count, tag = asked(messages).split()
    for number in range(int(count)):
        await asyncio.sleep(0.005)
        yield text(f"{tag}-{number} ")


words = agent(_words)


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def _tools(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    found = results(messages)
    yield text(" ".join(found)) if found else calls(("add", {"a": 2, "b": 3}), ("add", {"a": 4, "b": 5}))


tools = agent(_tools, tools=[add])


def fail() -> str:
    """Fail."""
    raise ValueError("the tool is broken")


async def _failing_tool(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    yield text("the tool failed") if results(messages) else calls(("fail", {}))


failing_tool = agent(_failing_tool, tools=[fail])


async def _history(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    before = [one for one in messages if one.role in ("user", "assistant")][:-1]
    questions = [str(one.content) for one in before if one.role == "user"]
    yield text(f"{len(before)}:{questions[-1] if questions else ''}")


history = agent(_history)


async def _attachments(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    image = (messages[-1].images or [None])[0]
    if image is None:
        yield text("no image")
    elif image.content is None:
        yield text(str(image.url))
    else:
        yield text(f"{image.mime_type} {len(image.content)}")


attachments = agent(_attachments)

slow = Agent(
    model=OpenAIChat(id="slow", base_url=os.environ.get("FAKE_MODEL_URL", "http://127.0.0.1:1/v1"), api_key="test")
)


async def _busy(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    end = time.monotonic() + 2
    while time.monotonic() < end:
        pass
    yield text("done")


busy = agent(_busy)


async def _silent(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    await asyncio.sleep(20)
    yield text("done")


silent = agent(_silent)


async def _flood(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    for _ in range(5_000):
        print("x" * 1_000)
    for number in range(10_000):
        logging.getLogger("flood").warning("line %d", number)
    yield text("done")


flood = agent(_flood)


async def _secret(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    raise RuntimeError("sk-secret-123")
    yield text("")


secret = agent(_secret)


async def _reasons(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    yield ModelResponse(reasoning_content="hm")
    yield text("done")
    yield usage(7, 5)


reasons = agent(_reasons)


class Place(BaseModel):
    """A place and its people."""

    city: str
    people: int


async def _structured(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    yield text('{"city": "Paris", "people": 2}')


structured = agent(_structured, output_schema=Place)


@tool(requires_confirmation=True)
def transfer(amount: int, to: str) -> str:
    """Transfer money."""
    with Path(os.environ["TRANSFERS"]).open("a", encoding="utf-8") as file:
        file.write(f"{amount} {to}\n")
    return f"sent {amount} to {to}"


async def _approval(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    found = [one for one in messages if one.role == "tool"]
    if not found:
        yield calls(("transfer", {"amount": 500, "to": "Ada"}))
    elif found[-1].tool_call_error:
        yield text(f"not done: {found[-1].content}")
    else:
        yield text(f"done: {found[-1].content}")


approval = agent(_approval, tools=[transfer])


async def _question(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    found = results(messages)
    if found:
        yield text(found[-1].rpartition('"value": "')[2].partition('"')[0])
    else:
        field = {"field_name": "city", "field_type": "str", "field_description": "Which city?"}
        yield calls(("get_user_input", {"user_input_fields": [field]}))


question = agent(_question, tools=[UserControlFlowTools()])


@tool(requires_user_input=True, user_input_fields=["city"])
def book(nights: int, city: str) -> str:
    """Book a hotel."""
    return f"{nights} nights in {city}"


async def _form(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    found = results(messages)
    yield text(found[-1]) if found else calls(("book", {"nights": 2}))


form = agent(_form, tools=[book])


@tool(external_execution=True)
def measure(room: str) -> str:
    """Measure the temperature, which only the client can."""


async def _external(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    found = results(messages)
    yield text(f"it is {found[-1]}") if found else calls(("measure", {"room": "hall"}))


external = agent(_external, tools=[measure])


def put(run_context: RunContext, item: str) -> str:
    """Put an item on the list."""
    run_context.session_state.setdefault("items", []).append(item)
    return ", ".join(run_context.session_state["items"])


async def _state(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    found = results(messages)
    yield text(found[-1]) if found else calls(("put", {"item": asked(messages)}))


state = agent(_state, tools=[put])


async def _leader(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    found = results(messages)
    if found:
        yield text(f"They say: {found[-1]}")
        yield usage(20, 4)
    else:
        yield calls(("delegate_task_to_member", {"member_id": "adder", "task": "add"}))
        yield usage(10, 2)


async def _adder(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    found = results(messages)
    yield text(f"the sum is {found[-1]}") if found else calls(("add", {"a": 2, "b": 3}))
    yield usage(1, 1)


team = Team(id="office", model=Scripted(script=_leader), members=[agent(_adder, id="adder", name="Adder", tools=[add])])


async def _cashier(messages: list[Message]) -> AsyncIterator[ModelResponse]:
    async for piece in _approval(messages):
        yield piece


bank = Team(
    id="bank",
    model=Scripted(script=_leader),
    members=[agent(_cashier, id="adder", name="Cashier", tools=[transfer])],
)
