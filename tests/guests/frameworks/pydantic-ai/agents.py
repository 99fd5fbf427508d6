"""Agents of Pydantic AI for the shared tests of guests, with the framework's own fake model."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_ai import Agent, CallDeferred, DeferredToolRequests, ToolFailed
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import StreamedResponse
from pydantic_ai.models.function import (
    AgentInfo,
    DeltaThinkingCalls,
    DeltaThinkingPart,
    DeltaToolCall,
    FunctionModel,
    FunctionStreamedResponse,
)
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.usage import RequestUsage

NOT_OFFERED: dict[str, str] = {}

Piece = str | dict[int, DeltaToolCall] | DeltaThinkingCalls
Says = Callable[[list[ModelMessage], AgentInfo], AsyncIterator[Piece]]


def model(says: Says) -> FunctionModel:
    return FunctionModel(stream_function=says, model_name="fake")


def question_of(messages: list[ModelMessage]) -> str:
    """The text of the last user message."""
    content = prompts(messages)[-1].content
    return content if isinstance(content, str) else "".join(item for item in content if isinstance(item, str))


def prompts(messages: list[ModelMessage]) -> list[UserPromptPart]:
    requests = [message for message in messages if isinstance(message, ModelRequest)]
    return [part for request in requests for part in request.parts if isinstance(part, UserPromptPart)]


def results(messages: list[ModelMessage]) -> list[ToolReturnPart]:
    """The results of the tools that were called last."""
    return [part for part in messages[-1].parts if isinstance(part, ToolReturnPart)]


def call(name: str, arguments: str, id_: str) -> DeltaToolCall:
    return DeltaToolCall(name=name, json_args=arguments, tool_call_id=id_)


async def _words(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Piece]:
    _, count, tag = question_of(messages).split()
    for number in range(int(count)):
        await asyncio.sleep(0.005)
        yield f"{tag}-{number} "


words = Agent(model(_words), name="words", description="Says words.")


async def _tools(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Piece]:
    if said := results(messages):
        yield " ".join(str(part.content) for part in said)
    else:
        yield {0: call("add", '{"a": 2, "b": 3}', "call_1"), 1: call("add", '{"a": 4, "b": 5}', "call_2")}


tools = Agent(model(_tools))


@tools.tool_plain
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def _failing_tool(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Piece]:
    if results(messages):
        yield "the tool failed"
    else:
        yield {0: call("fail", "{}", "call_1")}


failing_tool = Agent(model(_failing_tool))


@failing_tool.tool_plain
async def fail() -> str:
    """Fail, in the way that lets the model go on."""
    raise ToolFailed("no luck")


async def _history(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Piece]:
    earlier = 0
    for message in messages:
        earlier += 1 if isinstance(message, ModelResponse) else len(message.parts)
    before = prompts(messages)[:-1]
    yield f"{earlier - 1}:{before[-1].content if before else ''}"


history = Agent(model(_history))


async def _attachments(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Piece]:
    for item in prompts(messages)[-1].content:
        if isinstance(item, BinaryContent):
            yield f"{item.media_type} {len(item.data)}"
        elif not isinstance(item, str):
            yield str(getattr(item, "url", ""))


attachments = Agent(model(_attachments))

slow = Agent(
    OpenAIChatModel(
        "slow",
        provider=OpenAIProvider(base_url=os.environ.get("FAKE_MODEL_URL", "http://127.0.0.1:9/v1"), api_key="fake"),
    )
)


async def _busy(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Piece]:
    until = time.monotonic() + 2
    while time.monotonic() < until:
        pass
    yield "done"


busy = Agent(model(_busy))


async def _silent(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Piece]:
    await asyncio.sleep(20)
    yield "done"


silent = Agent(model(_silent))


async def _flood(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Piece]:
    for _ in range(5_000):
        print("x" * 999)
    for number in range(10_000):
        logging.getLogger("flood").warning("line %d", number)
    yield "done"


flood = Agent(model(_flood))


async def _secret(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Piece]:
    yield ""
    raise RuntimeError("sk-secret-123")


secret = Agent(model(_secret))


class ExactResponse(FunctionStreamedResponse):
    usage = RequestUsage(input_tokens=7, output_tokens=5)  # type: ignore[assignment]  # a property there


class ExactModel(FunctionModel):
    """The framework's fake model only estimates its usage."""

    @asynccontextmanager
    async def request_stream(self, *arguments: Any, **named: Any) -> AsyncIterator[StreamedResponse]:
        async with super().request_stream(*arguments, **named) as stream:
            assert isinstance(stream, FunctionStreamedResponse)
            yield ExactResponse(stream.model_request_parameters, _model_name="fake", _iter=stream._iter)


async def _reasons(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Piece]:
    yield {0: DeltaThinkingPart(content="hm")}
    yield "done"


reasons = Agent(ExactModel(stream_function=_reasons, model_name="fake"))


class Trip(BaseModel):
    city: str
    people: int


async def _structured(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Piece]:
    yield {0: call(info.output_tools[0].name, '{"city": "Paris", "people": 2}', "call_1")}


structured = Agent(model(_structured), output_type=Trip)


async def _approval(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Piece]:
    said = results(messages)
    if not said:
        yield {0: call("transfer", '{"amount": 500, "to": "Ada"}', "call_1")}
    elif said[0].outcome == "denied":
        yield f"not done: {said[0].content}"
    else:
        yield f"done: {said[0].content}"


approval = Agent(model(_approval), output_type=[str, DeferredToolRequests])


@approval.tool_plain(requires_approval=True)
async def transfer(amount: int, to: str) -> str:
    """Send money."""
    with Path(os.environ["TRANSFERS"]).open("a") as file:
        file.write(f"{amount} {to}\n")
    return f"sent {amount} to {to}"


async def _question(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Piece]:
    if said := results(messages):
        yield str(said[0].content)
    else:
        yield {0: call("ask", '{"question": "Which city?"}', "call_1")}


question = Agent(model(_question), output_type=[str, DeferredToolRequests])


@question.tool_plain
async def ask(question: str) -> str:
    """Ask the user."""
    raise CallDeferred(kind="question")
