"""What a chat model of LangChain does: answers, streams, tools, thoughts, forms, attachments."""

import operator
from functools import reduce

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from conftest import MakeModel


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"rain in {city}"


TOOLS = {"add": add, "weather": weather}
SYSTEM = SystemMessage("You are Rosa.")
THINKING = {"type": "enabled", "budget_tokens": 1024}


class Trip(BaseModel):
    """A trip."""

    city: str
    days: int


def called(model: ChatAnthropic, messages: list, *, streamed: bool = False) -> list:
    """Return the conversation after the tools of an answer were called, until an answer calls none."""
    while True:
        answer = reduce(operator.add, model.stream(messages)) if streamed else model.invoke(messages)
        messages = [*messages, answer]
        if not answer.tool_calls:
            return messages
        messages += [TOOLS[call["name"]].invoke(call) for call in answer.tool_calls]


def test_an_answer_has_text_usage_and_the_reason_of_its_end(model: ChatAnthropic) -> None:
    answer = model.invoke([SYSTEM, HumanMessage("Hello")])
    assert answer.text == "Rosa: Hello"
    assert answer.usage_metadata is not None
    assert (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]) == (20, 5)
    assert answer.usage_metadata["input_token_details"]["cache_read"] == 3
    assert answer.response_metadata["stop_reason"] == "end_turn"


def test_a_stream_has_the_same_text_and_usage_in_pieces(model: ChatAnthropic) -> None:
    chunks = list(model.stream([SYSTEM, HumanMessage("one two three")]))
    whole = reduce(operator.add, chunks)
    assert whole.text == "Rosa: one two three"
    assert len([chunk for chunk in chunks if chunk.text]) > 1
    assert whole.usage_metadata["total_tokens"] == 25


@pytest.mark.anyio
async def test_coroutines_answer_and_stream(model: ChatAnthropic) -> None:
    assert (await model.ainvoke("Hello")).text == "Hello"
    assert "".join([chunk.text async for chunk in model.astream("one two")]) == "one two"


def test_a_batch_keeps_its_order(model: ChatAnthropic) -> None:
    asked = [f"number {number}" for number in range(8)]
    assert [answer.text for answer in model.batch(asked, {"max_concurrency": 4})] == asked


def test_earlier_messages_reach_the_model(model: ChatAnthropic) -> None:
    before = [HumanMessage("My name is Ada."), AIMessage("Hello, Ada.")]
    assert model.invoke([*before, HumanMessage("What did I say first?")]).text == "My name is Ada."


@pytest.mark.parametrize("streamed", [False, True])
def test_tools_are_called_at_once_and_one_after_another(model: ChatAnthropic, *, streamed: bool) -> None:
    asked = 'add({"a": 1, "b": 2}) weather({"city": "Oslo"}) then add({"a": 3, "b": 4})'
    said = called(model.bind_tools(list(TOOLS.values())), [SYSTEM, HumanMessage(asked)], streamed=streamed)
    assert said[-1].text == "Rosa: Results: 3 / rain in Oslo / 7"
    assert [len(one.tool_calls) for one in said if isinstance(one, AIMessage)] == [2, 1, 0]


def test_a_conversation_with_tools_continues(model: ChatAnthropic) -> None:
    bound = model.bind_tools([add])
    said = called(bound, [SYSTEM, HumanMessage('add({"a": 1, "b": 2})')])
    said = called(bound, [*said, HumanMessage('add({"a": 5, "b": 6})')])
    assert said[-1].text == "Rosa: Results: 11"


@pytest.mark.parametrize("choice", ["weather", "any"])
def test_a_tool_can_be_forced(model: ChatAnthropic, choice: str) -> None:
    answer = model.bind_tools([weather], tool_choice=choice).invoke("Umbrella?")
    assert [(call["name"], call["args"]) for call in answer.tool_calls] == [("weather", {"city": "text"})]


def test_a_tool_can_be_forbidden(model: ChatAnthropic) -> None:
    asked = 'weather({"city": "Oslo"})'
    assert model.bind_tools([weather], tool_choice={"type": "none"}).invoke(asked).text == asked


@pytest.mark.parametrize("streamed", [False, True])
def test_thoughts_are_blocks_and_stay_in_the_conversation(make_model: MakeModel, *, streamed: bool) -> None:
    model = make_model(thinking=THINKING)
    said = HumanMessage("think")
    answer = reduce(operator.add, model.stream([said])) if streamed else model.invoke([said])
    assert [block["type"] for block in answer.content] == ["thinking", "text"]
    assert [block["reasoning"] for block in answer.content_blocks if block["type"] == "reasoning"] == ["Let me see."]
    assert answer.text == "think"
    assert model.invoke([said, answer, HumanMessage("What did I say first?")]).text == "think"


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_an_answer_has_the_form_of_a_class(model: ChatAnthropic, method: str) -> None:
    assert model.with_structured_output(Trip, method=method).invoke("Plan a trip.") == Trip(city="text", days=7)


def test_attachments_reach_the_model(model: ChatAnthropic) -> None:
    parts = [
        {"type": "text", "text": "What are they?"},
        {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"},
        {"type": "file", "base64": "JVBERi0xLjQ=", "mime_type": "application/pdf"},
    ]
    assert model.invoke([HumanMessage(parts)]).text == "What are they? [image image/png] [file application/pdf]"


def test_the_tools_of_the_server_are_not_shown_as_calls(make_model: MakeModel) -> None:
    answer = make_model("clerk").invoke("clock({})")
    assert (answer.text, answer.tool_calls) == ("Results: noon", [])


def test_tokens_are_counted_by_the_server(model: ChatAnthropic) -> None:
    few, many = (model.get_num_tokens_from_messages([HumanMessage("Hi " * times)]) for times in (1, 100))
    assert 0 < few < many
