"""Agents of LangGraph and LangChain for the tests of guests. Runs in the guest's environment alone."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain.agents.structured_output import ToolStrategy
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel

NOT_OFFERED: dict[str, str] = {}

Script = Callable[[list[BaseMessage]], Iterator[AIMessageChunk]]


class Scripted(BaseChatModel):
    """A chat model that a function plays; LangChain's own fakes call no tools."""

    script: Any
    pause: float = 0.0

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> "Scripted":
        return self

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        whole: Any = None
        for chunk in self.script(messages):
            whole = chunk if whole is None else whole + chunk
        message = AIMessage(content=whole.content, tool_calls=whole.tool_calls, usage_metadata=whole.usage_metadata)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _astream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self.script(messages):
            if self.pause:
                await asyncio.sleep(self.pause)
            piece = ChatGenerationChunk(message=chunk)
            if run_manager:
                await run_manager.on_llm_new_token(str(chunk.content), chunk=piece)
            yield piece


def says(text: str, **more: Any) -> AIMessageChunk:
    return AIMessageChunk(content=text, **more)


def calls(*made: tuple[str, str, str]) -> AIMessageChunk:
    chunks = [
        {"name": name, "args": arguments, "id": call_id, "index": number, "type": "tool_call_chunk"}
        for number, (call_id, name, arguments) in enumerate(made)
    ]
    return AIMessageChunk(content="", tool_call_chunks=chunks)


def results(messages: list[BaseMessage]) -> list[ToolMessage]:
    """Return the results of the tools since the last message of the user."""
    last = max(number for number, message in enumerate(messages) if isinstance(message, HumanMessage))
    return [message for message in messages[last:] if isinstance(message, ToolMessage)]


def speak(messages: list[BaseMessage]) -> Iterator[AIMessageChunk]:
    _, count, tag = str(messages[-1].text).split()
    for number in range(int(count)):
        yield says(f"{tag}-{number} ")


words = create_agent(Scripted(script=speak, pause=0.005), tools=[], name="words")


@tool
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def adds(messages: list[BaseMessage]) -> Iterator[AIMessageChunk]:
    if found := results(messages):
        yield says(" ".join(str(message.content) for message in found))
    else:
        yield calls(("call-1", "add", '{"a": 2, "b": 3}'), ("call-2", "add", '{"a": 4, "b": 5}'))


tools = create_agent(Scripted(script=adds), tools=[add], name="tools")


@tool
def broken() -> str:
    """Fail."""
    raise ValueError("out of order")


broken.handle_tool_error = True


def breaks(messages: list[BaseMessage]) -> Iterator[AIMessageChunk]:
    found = results(messages)
    if not found:
        yield calls(("call-1", "broken", "{}"))
    elif found[0].status == "error":
        yield says("the tool failed")
    else:
        yield says("the tool worked")


def _failing() -> Any:
    from langgraph.prebuilt import ToolNode

    model = Scripted(script=breaks)

    async def call_model(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    def next_node(state: MessagesState) -> str:
        return "tools" if getattr(state["messages"][-1], "tool_calls", None) else END

    graph = StateGraph(MessagesState)
    graph.add_node("model", call_model)
    graph.add_node("tools", ToolNode([broken], handle_tool_errors="the tool is out of order"))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", next_node, ["tools", END])
    graph.add_edge("tools", "model")
    return graph  # Not compiled: the adapter does that.


failing_tool = _failing()


def recalls(messages: list[BaseMessage]) -> Iterator[AIMessageChunk]:
    earlier = [message for message in messages[:-1] if message.type != "system"]
    said = [message for message in earlier if isinstance(message, HumanMessage)]
    yield says(f"{len(earlier)}:{said[-1].text if said else ''}")


history = create_agent(Scripted(script=recalls), tools=[], name="history")


def looks(messages: list[BaseMessage]) -> Iterator[AIMessageChunk]:
    import base64

    block = next(block for block in messages[-1].content_blocks if block["type"] != "text")
    if "base64" in block:
        yield says(f"{block['mime_type']} {len(base64.b64decode(block['base64']))}")
    else:
        yield says(block["url"])


attachments = create_agent(Scripted(script=looks), tools=[], name="attachments")

slow = create_agent(
    ChatOpenAI(
        model="slow",
        base_url=os.environ.get("FAKE_MODEL_URL", "http://127.0.0.1:9/v1"),
        api_key="none",
        max_retries=0,
        stream_usage=False,
    ),
    tools=[],
    name="slow",
)


def of_node(node: Any) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    graph.add_edge("node", END)
    return graph.compile()


async def compute(state: MessagesState) -> dict[str, Any]:
    end = time.monotonic() + 2
    while time.monotonic() < end:
        pass
    return {"messages": [AIMessage("done")]}


busy = of_node(compute)


async def sleep(state: MessagesState) -> dict[str, Any]:
    await asyncio.sleep(20)
    return {"messages": [AIMessage("done")]}


silent = of_node(sleep)


async def shout(state: MessagesState) -> dict[str, Any]:
    for _ in range(5000):
        print("x" * 999)
    for number in range(10_000):
        logging.getLogger("flood").warning("line %d", number)
    return {"messages": [AIMessage("done")]}


flood = of_node(shout)


async def leak(state: MessagesState) -> dict[str, Any]:
    raise RuntimeError("sk-secret-123")


secret = of_node(leak)


def thinks(messages: list[BaseMessage]) -> Iterator[AIMessageChunk]:
    yield says([{"type": "reasoning", "reasoning": "hm", "index": 0}])
    yield says([{"type": "text", "text": "done", "index": 1}])
    yield says("", usage_metadata={"input_tokens": 7, "output_tokens": 5, "total_tokens": 12})


reasons = create_agent(Scripted(script=thinks), tools=[], name="reasons")


class City(BaseModel):
    """A city."""

    city: str
    people: int


def answers(messages: list[BaseMessage]) -> Iterator[AIMessageChunk]:
    yield calls(("call-1", "City", '{"city": "Paris", "people": 2}'))


structured = create_agent(Scripted(script=answers), tools=[], response_format=ToolStrategy(City), name="structured")


@tool
def transfer(amount: int, to: str) -> str:
    """Send money."""
    with open(os.environ["TRANSFERS"], "a") as file:
        file.write(f"{amount} {to}\n")
    return f"sent {amount} to {to}"


def transfers(messages: list[BaseMessage]) -> Iterator[AIMessageChunk]:
    found = results(messages)
    if not found:
        yield calls(("call-1", "transfer", '{"amount": 500, "to": "Ada"}'))
    elif found[0].status == "error":
        yield says(f"not done: {str(found[0].content).rpartition('reason: ')[2]}")
    else:
        yield says(f"done: {str(found[0].content).rpartition(chr(10))[2]}")


approval = create_agent(
    Scripted(script=transfers),
    tools=[transfer],
    middleware=[HumanInTheLoopMiddleware({"transfer": True})],
    name="approval",
)

approval_per_call = create_agent(
    Scripted(script=transfers),
    tools=[transfer],
    middleware=[HumanInTheLoopMiddleware({"transfer": True}, interrupt_mode="per_call")],
)


async def ask(state: MessagesState) -> dict[str, Any]:
    return {"messages": [AIMessage(str(interrupt("Which city?")))]}


question = of_node(ask)
