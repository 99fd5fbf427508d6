"""An agent of LangChain, with tools, a form and a memory."""

import pytest
from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Trip(BaseModel):
    """A trip."""

    city: str
    days: int


def asked(text: str) -> dict:
    return {"messages": [{"role": "user", "content": text}]}


def test_an_agent_calls_its_tools(model: ChatAnthropic) -> None:
    agent = create_agent(model, [add], system_prompt="You are Rosa.")
    said = agent.invoke(asked('add({"a": 1, "b": 2}) add({"a": 3, "b": 4}) then add({"a": 5, "b": 6})'))["messages"]
    assert said[-1].text == "Rosa: Results: 3 / 7 / 11"
    assert [one.type for one in said] == ["human", "ai", "tool", "tool", "ai", "tool", "ai"]


@pytest.mark.anyio
async def test_an_agent_streams_its_messages(model: ChatAnthropic) -> None:
    agent = create_agent(model, [add], system_prompt="You are Rosa.")
    pieces = [
        piece.text
        async for piece, _ in agent.astream(asked('add({"a": 1, "b": 2})'), stream_mode="messages")
        if piece.type == "AIMessageChunk"
    ]
    assert "".join(pieces) == "Rosa: Results: 3"
    assert len([piece for piece in pieces if piece]) > 1


def test_an_agent_remembers_by_its_checkpoints(model: ChatAnthropic) -> None:
    agent = create_agent(model, [add], system_prompt="You are Rosa.", checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "ada"}}
    agent.invoke(asked('add({"a": 1, "b": 2})'), thread)
    said = agent.invoke(asked("What did I say first?"), thread)["messages"]
    assert said[-1].text == 'Rosa: add({"a": 1, "b": 2})'


def test_an_agent_answers_in_a_form(model: ChatAnthropic) -> None:
    agent = create_agent(model, [add], response_format=Trip)
    assert agent.invoke(asked("Plan a trip."))["structured_response"] == Trip(city="text", days=7)
