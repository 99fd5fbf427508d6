"""Agents of the OpenAI Agents SDK for the tests that all frameworks share.

Not ``agents.py``: the SDK's own module has that name.
"""

import asyncio
import base64
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from agents import (
    Agent,
    GuardrailFunctionOutput,
    InputGuardrail,
    OpenAIChatCompletionsModel,
    RunContextWrapper,
    function_tool,
    handoff,
)
from agents.mcp import MCPServerStdio
from fake_model import Call, FakeModel, Said, Thought
from openai import AsyncOpenAI
from pydantic import BaseModel

NOT_OFFERED = {"question": "the SDK only asks for approvals; a tool that needs an answer has nothing to wait with"}

Items = list[dict[str, Any]]


def text_of(item: dict[str, Any]) -> str:
    """Return the text of a message, attachments left out."""
    content = item["content"]
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def results_of(items: Items) -> list[str]:
    """Return what tools returned in this run: after the last message of the user."""
    users = [number for number, item in enumerate(items) if item.get("role") == "user"]
    return [str(item["output"]) for item in items[users[-1] :] if item.get("type") == "function_call_output"]


def agent(says: Callable[[Items], AsyncIterator[Said]], **options: Any) -> Agent[Any]:
    """Return an agent with a model that says what a function says."""
    return Agent(name=says.__name__, model=FakeModel(says), **options)


@function_tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@function_tool
def broken() -> str:
    """Fail."""
    raise RuntimeError("sk-secret-123")


@function_tool(needs_approval=True)
def transfer(amount: int, to: str) -> str:
    """Send money."""
    with open(os.environ["TRANSFERS"], "a") as file:
        file.write(f"{amount} {to}\n")
    return f"sent {amount} to {to}"


@function_tool
def remember(context: RunContextWrapper[Any], what: str) -> str:
    """Keep something in the session's state."""
    context.context.set_state([{"op": "add", "path": "/what", "value": what}])
    return f"{context.context.owner} {context.context.metadata.get('color')}"


async def say_words(items: Items) -> AsyncIterator[Said]:
    _, count, tag = text_of(items[-1]).split()
    for number in range(int(count)):
        yield f"{tag}-{number} "
        await asyncio.sleep(0.005)


async def call_tools(items: Items) -> AsyncIterator[Said]:
    if results := results_of(items):
        yield " ".join(results)
        return
    number = len(items)  # A session has several runs, and the SDK wants new ids.
    yield Call(f"first-{number}", "add", '{"a": 2, "b": 3}')
    yield Call(f"second-{number}", "add", '{"a": 4, "b": 5}')


async def call_broken(items: Items) -> AsyncIterator[Said]:
    if results_of(items):
        yield "the tool failed"
    else:
        yield Call("call", "broken", "{}")


async def say_history(items: Items) -> AsyncIterator[Said]:
    users = [text_of(item) for item in items if item.get("role") == "user"]
    yield f"{len(items) - 1}:{users[-2] if len(users) > 1 else ''}"


async def say_attachments(items: Items) -> AsyncIterator[Said]:
    (image,) = [part["image_url"] for part in items[-1]["content"] if part["type"] == "input_image"]
    if not image.startswith("data:"):
        yield image
        return
    head, data = image.split(",")
    yield f"{head.removeprefix('data:').removesuffix(';base64')} {len(base64.b64decode(data))}"


async def say_done_busily(items: Items) -> AsyncIterator[Said]:
    end = time.monotonic() + 2
    while time.monotonic() < end:
        pass
    yield "done"


async def say_done_late(items: Items) -> AsyncIterator[Said]:
    await asyncio.sleep(20)
    yield "done"


async def say_done_loudly(items: Items) -> AsyncIterator[Said]:
    for _ in range(5 * 1024):
        print("x" * 1023)
    for number in range(10_000):
        logging.getLogger("flood").warning("line %s", number)
    yield "done"


async def tell_secret(items: Items) -> AsyncIterator[Said]:
    raise RuntimeError("sk-secret-123")
    yield ""


async def think(items: Items) -> AsyncIterator[Said]:
    yield Thought("hm")
    yield "done"


async def say_json(items: Items) -> AsyncIterator[Said]:
    for piece in ('{"city": ', '"Paris", ', '"people": 2}'):
        yield piece


async def ask_transfer(items: Items) -> AsyncIterator[Said]:
    results = results_of(items)
    if not results:
        yield "Let me see. "
        yield Call("transfer", "transfer", '{"amount": 500, "to": "Ada"}')
    elif results[0].startswith("sent"):
        yield f"done: {results[0]}"
    else:
        yield f"not done: {results[0]}"


async def ask_both(items: Items) -> AsyncIterator[Said]:
    results = results_of(items)
    if results:
        yield " ".join(sorted(results))
    else:
        yield Call("sum", "add", '{"a": 1, "b": 1}')
        yield Call("one", "transfer", '{"amount": 1, "to": "Ada"}')
        yield Call("two", "transfer", '{"amount": 2, "to": "Bob"}')


async def ask_twice(items: Items) -> AsyncIterator[Said]:
    results = results_of(items)
    if len(results) == 2:
        yield " then ".join(results)
    else:
        yield Call(f"transfer-{len(results)}", "transfer", f'{{"amount": {len(results) + 1}, "to": "Ada"}}')


async def ask_context(items: Items) -> AsyncIterator[Said]:
    if results := results_of(items):
        yield results[0]
    else:
        yield Call("remember", "remember", '{"what": "tea"}')


async def hand_over(items: Items) -> AsyncIterator[Said]:
    yield "I ask the specialist. "
    yield Call("handover", "transfer_to_specialist", "{}")


async def hand_over_to_clock(items: Items) -> AsyncIterator[Said]:
    yield Call("handover", "transfer_to_ask_clock", "{}")


async def ask_clock(items: Items) -> AsyncIterator[Said]:
    results = [str(item["output"]) for item in items if item.get("call_id") == "time" and "output" in item]
    if results:
        yield results[0]
    else:
        yield Call("time", "now", "{}")


async def say_specialist(items: Items) -> AsyncIterator[Said]:
    yield "It is 42."


async def call_on_and_on(items: Items) -> AsyncIterator[Said]:
    yield Call(f"add-{len(items)}", "add", '{"a": 1, "b": 1}')


async def call_add(items: Items) -> AsyncIterator[Said]:
    yield Call("add", "add", '{"a": 20, "b": 22}')


async def say_nothing_else(items: Items) -> AsyncIterator[Said]:
    yield "never"


def forbid(context: RunContextWrapper[Any], agent: Agent[Any], given: Any) -> GuardrailFunctionOutput:
    """Trip always."""
    return GuardrailFunctionOutput(output_info="sk-secret-123", tripwire_triggered=True)


async def ask_failing(items: Items) -> AsyncIterator[Said]:
    if results := results_of(items):
        yield results[0]
    else:
        yield Call("failing", "failing", '{"input": "fail"}')


async def ask_clerk(items: Items) -> AsyncIterator[Said]:
    if results := results_of(items):
        yield f"the clerk says {results[0]}"
    else:
        yield Call("clerk", "clerk", '{"input": "pay"}')


class City(BaseModel):
    city: str
    people: int


class WithOptions:
    """An agent with what ``Runner.run_streamed`` takes beside it."""

    agent = agent(call_on_and_on, tools=[add])
    max_turns = 2


class WithContext:
    agent = agent(ask_context, tools=[remember])

    def context(self, run: Any) -> Any:
        run.emit("context", {"owner": run.owner})
        return run


class WithMapping:
    agent = agent(ask_clerk, tools=[agent(ask_transfer, tools=[transfer]).as_tool("clerk", "Ask the clerk.")])

    def context(self, run: Any) -> Any:
        return {"token": "sk-secret-123"}


with_mapping = WithMapping()
words = agent(say_words)
tools = agent(call_tools, tools=[add])
failing_tool = agent(call_broken, tools=[broken])
history = agent(say_history)
attachments = agent(say_attachments)
busy = agent(say_done_busily)
silent = agent(say_done_late)
flood = agent(say_done_loudly)
secret = agent(tell_secret)
reasons = agent(think)
structured = agent(say_json, output_type=City)
approval = agent(ask_transfer, tools=[transfer])
both = agent(ask_both, tools=[add, transfer])
twice = agent(ask_twice, tools=[transfer])
context = agent(ask_context, tools=[remember])
own_context = WithContext()
endless = agent(call_on_and_on, tools=[add])
two_turns = WithOptions()
final_tool = agent(call_add, tools=[add], tool_use_behavior="stop_on_first_tool")
clock = MCPServerStdio({"command": sys.executable, "args": [str(Path(__file__).with_name("clock.py"))]})
with_clock = agent(ask_clock, mcp_servers=[clock])
over_to_clock = agent(hand_over_to_clock, handoffs=[handoff(with_clock)])
no_clock = agent(ask_clock, mcp_servers=[MCPServerStdio({"command": "/not/there"})])
specialist = Agent(name="specialist", model=FakeModel(say_specialist))
handing_over = agent(hand_over, handoffs=[handoff(specialist)])
guarded = agent(say_nothing_else, input_guardrails=[InputGuardrail(forbid, name="no questions")])  # type: ignore[arg-type]
failing_agent = agent(ask_failing, tools=[secret.as_tool("failing", "Fail.")])
clerk = agent(ask_transfer, tools=[transfer])
boss = agent(ask_clerk, tools=[clerk.as_tool("clerk", "Ask the clerk.")])


def __getattr__(name: str) -> Any:
    """Make the agents that need a model over HTTP, where there is one."""
    if name in ("slow", "over_http"):
        client = AsyncOpenAI(base_url=os.environ["FAKE_MODEL_URL"], api_key="none", max_retries=0)
        made = Agent(name=name, model=OpenAIChatCompletionsModel("slow", client), tools=[add] if name != "slow" else [])
        globals()[name] = made
        return made
    raise AttributeError(name)
