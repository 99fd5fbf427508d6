"""Graphs that ask people, for the tests of the adapter. Runs in the guest's environment alone."""

import enum
import operator
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from agents import Scripted, calls, of_node, results, says
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel


class Answers(MessagesState):
    answers: Annotated[list[str], operator.add]


def _parallel() -> Any:
    async def left(state: Answers) -> dict[str, Any]:
        return {"answers": [f"left={interrupt({'question': 'Left?', 'choices': [1, 2]})}"]}

    def right(state: Answers) -> dict[str, Any]:  # In a thread.
        return {"answers": [f"right={interrupt('Right?')}"]}

    async def join(state: Answers) -> dict[str, Any]:
        return {"messages": [AIMessage(" ".join(sorted(state["answers"])))]}

    graph = StateGraph(Answers)
    graph.add_node("left", left)
    graph.add_node("right", right)
    graph.add_node("join", join)
    graph.add_edge(START, "left")
    graph.add_edge(START, "right")
    graph.add_edge(["left", "right"], "join")
    return graph.compile(checkpointer=InMemorySaver())  # Its own is not used.


parallel = _parallel()


async def twice(state: MessagesState) -> dict[str, Any]:
    first = interrupt("First?")
    second = interrupt(f"And after {first}?")
    return {"messages": [AIMessage(f"{first} {second}")]}


sequential = of_node(twice)


def _nested() -> Any:
    async def before(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage("before ")]}

    graph = StateGraph(MessagesState)
    graph.add_node("before", before)
    graph.add_node("inner", sequential)
    graph.add_edge(START, "before")
    graph.add_edge("before", "inner")
    return graph.compile()


nested = _nested()


class Size(BaseModel):
    width: int
    height: int = 1


async def measures(state: MessagesState) -> dict[str, Any]:
    size = interrupt("What size?", response_schema=Size)
    return {"messages": [AIMessage(f"{type(size).__name__} {size.width}x{size.height}")]}


schema = of_node(measures)


@tool
async def ask_person(question: str) -> str:
    """Ask a person."""
    return str(interrupt(question))


def _asks(messages: Any) -> Any:
    if found := results(messages):
        yield says(f"they said {found[0].text}")
    else:
        yield calls(("call-1", "ask_person", '{"question": "Which way?"}'))


in_tool = create_agent(Scripted(script=_asks), tools=[ask_person])

respond_only = create_agent(
    Scripted(script=_asks),
    tools=[ask_person],
    middleware=[HumanInTheLoopMiddleware({"ask_person": {"allowed_decisions": ["respond"]}})],
)


@tool
async def note(text: str) -> str:
    """Write a note."""
    return f"noted {text}"


@tool
async def erase(text: str) -> str:
    """Erase a note."""
    return f"erased {text}"


def _several(messages: Any) -> Any:
    if found := results(messages):
        yield says("; ".join(f"{message.status} {message.text}" for message in found))
    else:
        yield says("Let me see. ")
        yield calls(
            ("call-1", "note", '{"text": "a"}'),
            ("call-2", "erase", '{"text": "b"}'),
            ("call-3", "erase", '{"text": "b"}'),
        )


several = create_agent(
    Scripted(script=_several),
    tools=[note, erase],
    middleware=[HumanInTheLoopMiddleware({"erase": {"allowed_decisions": ["approve", "reject"]}})],
)


def _stops() -> Any:
    async def draft(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage("a draft, ")]}

    async def send(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage("sent")]}

    graph = StateGraph(MessagesState)
    graph.add_node("draft", draft)
    graph.add_node("send", send)
    graph.add_edge(START, "draft")
    graph.add_edge("draft", "send")
    return graph.compile(interrupt_before=["send"])


breakpoint_before = _stops()


@task
async def costly(number: int) -> int:
    COSTLY[number] += 1
    return number + 1


COSTLY: Counter[int] = Counter()


@entrypoint()
async def functional(words: str) -> str:
    number = await costly(1)
    answer = interrupt(f"{words}: {number}?")
    return f"{answer} after {COSTLY[1]}"


class Colour(enum.Enum):
    RED = "red"


class Pair(NamedTuple):
    left: int
    right: str = "r"


@dataclass(frozen=True)
class Point:
    x: int
    y: list[int] = field(default_factory=list)


class Kept(MessagesState):
    things: dict[str, Any]


THINGS: dict[str, Any] = {
    "json": {"a": [1, 2.5, None, True, "é"], "$": "dollar"},
    "tuple": (1, (2,)),
    "set": {1, 2},
    "frozenset": frozenset({"a"}),
    "keys": {1: "one", (2, 3): "two"},
    "bytes": b"\x00\xff",
    "datetime": datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
    "date": date(2026, 1, 2),
    "timedelta": timedelta(days=-1, microseconds=7),
    "decimal": Decimal("1.10"),
    "uuid": UUID(int=7),
    "path": Path("a/b"),
    "infinity": float("inf"),
    "model": Size(width=3),
    "models": [Size(width=1, height=2)],
    "dataclass": Point(1, [2]),
    "named tuple": Pair(1),
    "enumeration": Colour.RED,
    "message": AIMessage("hi", tool_calls=[{"name": "a", "args": {"b": 1}, "id": "c"}]),
    "text": str(AIMessage("the text").text),
}


def _keeping(things: Any) -> Any:
    async def make(state: Kept) -> dict[str, Any]:
        return {"things": things}

    async def check(state: Kept) -> dict[str, Any]:
        interrupt("Continue?")
        wrong = [
            key
            for key, value in state["things"].items()
            if value != things[key] or type(value) is not type(things[key])
        ]
        return {"messages": [AIMessage(f"{len(state['things'])} kept, wrong: {wrong}")]}

    graph = StateGraph(Kept)
    graph.add_node("make", make)
    graph.add_node("check", check)
    graph.add_edge(START, "make")
    graph.add_edge("make", "check")
    return graph.compile()


keeping = _keeping(THINGS)
keeping_point = _keeping({"point": Point(1)})


class Socket:
    """What no state can hold."""


refused = _keeping({"deep": [{"socket": Socket()}]})
refused_function = _keeping({"call": print})


def _local() -> Any:
    @dataclass
    class Hidden:
        x: int

    return _keeping({"hidden": Hidden(1)})


refused_local = _local()
