"""Memory: the framework's own, and that of the server by its conversations and by chains of responses."""

from pathlib import Path

import pytest
from agents import Agent, OpenAIConversationsSession, Runner, SQLiteSession, function_tool
from openai import AsyncOpenAI

from conftest import Model

pytestmark = pytest.mark.anyio

FIRST = "What did I say first?"


@function_tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


ROSA = Agent(name="Rosa", instructions="You are Rosa.", model="helper", tools=[add])
ADD = 'add({"a": 1, "b": 2})'


async def test_a_session_in_a_file_of_the_client(model: Model, tmp_path: Path) -> None:
    agent = ROSA.clone(model=model)
    session = SQLiteSession("ada", tmp_path / "sessions.db")
    try:
        assert (await Runner.run(agent, ADD, session=session)).final_output == "Rosa: Results: 3"
        assert (await Runner.run(agent, FIRST, session=session)).final_output == f"Rosa: {ADD}"
        assert len(await session.get_items()) == 6
        await session.pop_item()
        await session.clear_session()
        assert (await Runner.run(agent, FIRST, session=session)).final_output == f"Rosa: {FIRST}"
    finally:
        session.close()


async def test_a_chain_of_responses_is_the_memory() -> None:
    first = await Runner.run(ROSA, "My name is Ada.")
    second = await Runner.run(ROSA, FIRST, previous_response_id=first.last_response_id)
    assert second.final_output == "Rosa: My name is Ada."
    tools = await Runner.run(ROSA, ADD, previous_response_id=second.last_response_id)
    assert tools.final_output == "Rosa: Results: 3"
    last = await Runner.run(ROSA, FIRST, previous_response_id=tools.last_response_id)
    assert last.final_output == "Rosa: My name is Ada."


async def test_a_chain_within_a_run_sends_each_item_once() -> None:
    result = await Runner.run(ROSA, f"{ADD} then {ADD}", auto_previous_response_id=True)
    assert result.final_output == "Rosa: Results: 3 / 3"
    again = await Runner.run(ROSA, FIRST, previous_response_id=result.last_response_id)
    assert again.final_output == f"Rosa: {ADD} then {ADD}"


async def test_a_chain_is_streamed() -> None:
    first = Runner.run_streamed(ROSA, ADD, auto_previous_response_id=True)
    async for _ in first.stream_events():
        pass
    second = Runner.run_streamed(ROSA, FIRST, previous_response_id=first.last_response_id)
    async for _ in second.stream_events():
        pass
    assert (first.final_output, second.final_output) == ("Rosa: Results: 3", f"Rosa: {ADD}")


async def test_a_chain_goes_on_with_the_agent_that_takes_over() -> None:
    lucia = Agent(name="Lucia", instructions="You are Lucia.", model="helper", tools=[add])
    rosa = ROSA.clone(handoffs=[lucia])
    result = await Runner.run(rosa, f"transfer_to_lucia({{}}) then {ADD}", auto_previous_response_id=True)
    assert result.last_agent is lucia
    assert result.final_output.startswith("Lucia: Results: ")
    assert result.final_output.endswith(" / 3")
    again = await Runner.run(lucia, FIRST, previous_response_id=result.last_response_id)
    assert again.final_output == f"Lucia: transfer_to_lucia({{}}) then {ADD}"


async def test_a_conversation_of_the_server_is_the_memory(client: AsyncOpenAI) -> None:
    conversation = await client.conversations.create()
    first = await Runner.run(ROSA, ADD, conversation_id=conversation.id)
    second = await Runner.run(ROSA, FIRST, conversation_id=conversation.id)
    assert (first.final_output, second.final_output) == ("Rosa: Results: 3", f"Rosa: {ADD}")
    items = [item.type async for item in client.conversations.items.list(conversation.id, order="asc")]
    assert items == ["message", "function_call", "function_call_output", "message", "message", "message"]


async def test_a_session_of_the_server_is_the_memory(client: AsyncOpenAI) -> None:
    # Of the model of responses alone: the framework's other one refuses the items of such a session by itself, since
    # the framework takes their ids away.
    session = OpenAIConversationsSession(openai_client=client)
    assert (await Runner.run(ROSA, ADD, session=session)).final_output == "Rosa: Results: 3"
    assert (await Runner.run(ROSA, FIRST, session=session)).final_output == f"Rosa: {ADD}"
    items = await session.get_items()
    types = [item.get("type") for item in items]
    assert types == ["message", "function_call", "function_call_output", "message", "message", "message"]
    assert [item["id"] for item in await session.get_items(limit=2)] == [item["id"] for item in items[-2:]]


async def test_a_session_of_the_server_is_streamed(client: AsyncOpenAI) -> None:
    session = OpenAIConversationsSession(openai_client=client)
    for asked, answer in ((ADD, "Rosa: Results: 3"), (FIRST, f"Rosa: {ADD}")):
        result = Runner.run_streamed(ROSA, asked, session=session)
        async for _ in result.stream_events():
            pass
        assert result.final_output == answer


async def test_items_are_added_taken_back_and_cleared(client: AsyncOpenAI) -> None:
    session = OpenAIConversationsSession(openai_client=client)
    await session.add_items([{"role": "user", "content": f"number {number}"} for number in range(45)])
    assert len(await session.get_items()) == 45
    popped = await session.pop_item()
    assert popped is not None
    assert popped["content"][0]["text"] == "number 44"
    assert len(await session.get_items()) == 44
    assert (await Runner.run(ROSA, FIRST, session=session)).final_output == "Rosa: number 0"
    cleared = session.session_id
    await session.clear_session()
    assert await session.get_items() == []
    assert session.session_id != cleared


async def test_another_tenants_conversation_is_not_found(base_url: str, other_key: str, client: AsyncOpenAI) -> None:
    conversation = await client.conversations.create()
    async with AsyncOpenAI(base_url=base_url, api_key=other_key, max_retries=0) as other:
        session = OpenAIConversationsSession(conversation_id=conversation.id, openai_client=other)
        with pytest.raises(Exception, match="not found"):
            await session.get_items()
