"""LiteLLM as a library: plain, streamed, with thoughts, tools and forms."""

from typing import Any

import litellm
import pytest
from pydantic import BaseModel

HELLO = [{"role": "system", "content": "You are Rosa."}, {"role": "user", "content": "Hello"}]

ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}


class Trip(BaseModel):
    city: str
    days: int


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def test_a_completion_has_text_and_usage(given: dict[str, Any]) -> None:
    answer = litellm.completion(messages=HELLO, **given)
    assert answer.choices[0].message.content == "Rosa: Hello"
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (20, 5)
    assert answer.usage.prompt_tokens_details.cached_tokens == 3


def test_a_stream_has_the_same_text_in_pieces_and_the_usage(given: dict[str, Any]) -> None:
    options = {"include_usage": True}
    chunks = list(litellm.completion(messages=[user("one two three")], stream=True, stream_options=options, **given))
    pieces = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(pieces) == "one two three"
    assert len([piece for piece in pieces if piece]) > 1
    whole = litellm.stream_chunk_builder(chunks)
    assert (whole.choices[0].message.content, whole.usage.total_tokens) == ("one two three", 15)


@pytest.mark.anyio
async def test_coroutines_answer_and_stream(given: dict[str, Any]) -> None:
    answer = await litellm.acompletion(messages=HELLO, **given)
    assert answer.choices[0].message.content == "Rosa: Hello"
    stream = await litellm.acompletion(messages=[user("one two")], stream=True, **given)
    assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "one two"


def test_thoughts_are_shown_and_can_be_sent_back(given: dict[str, Any]) -> None:
    # LiteLLM sends that only for models that it knows, or where it is told to.
    given |= {"thinking": {"type": "enabled", "budget_tokens": 1024}, "allowed_openai_params": ["thinking"]}
    message = litellm.completion(messages=[user("think")], **given).choices[0].message
    assert (message.reasoning_content, message.content) == ("Let me see.", "think")
    messages: list[Any] = [user("think"), message, user("What did I say first?")]
    answer = litellm.completion(messages=messages, **given)
    assert answer.choices[0].message.content == "think"


@pytest.mark.parametrize("streamed", [False, True])
def test_tools_are_called_at_once_and_one_after_another(given: dict[str, Any], *, streamed: bool) -> None:
    messages: list[Any] = [user('add({"a": 1, "b": 2}) add({"a": 3, "b": 4}) then add({"a": 5, "b": 6})')]
    counts = []
    while True:
        answer = litellm.completion(messages=messages, tools=[ADD], stream=streamed, **given)
        if streamed:
            answer = litellm.stream_chunk_builder(list(answer))
        message = answer.choices[0].message
        messages.append(message)
        if not message.tool_calls:
            break
        assert answer.choices[0].finish_reason == "tool_calls"
        counts.append(len(message.tool_calls))
        for number, call in enumerate(message.tool_calls):
            messages.append({"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name} {number}"})
    assert message.content == "Results: add 0 / add 1 / add 0"
    assert counts == [2, 1]


def test_a_tool_can_be_forced(given: dict[str, Any]) -> None:
    choice = {"type": "function", "function": {"name": "add"}}
    message = litellm.completion(messages=HELLO, tools=[ADD], tool_choice=choice, **given).choices[0].message
    assert message.tool_calls[0].function.arguments.replace(" ", "") == '{"a":7,"b":7}'


def test_an_answer_has_the_form_of_a_class(given: dict[str, Any]) -> None:
    answer = litellm.completion(messages=[user("Plan a trip.")], response_format=Trip, **given)
    assert Trip.model_validate_json(answer.choices[0].message.content) == Trip(city="text", days=7)


def test_an_image_reaches_the_model(given: dict[str, Any]) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    content = [{"type": "text", "text": "What is it?"}, image]
    answer = litellm.completion(messages=[{"role": "user", "content": content}], **given)
    assert answer.choices[0].message.content == "What is it? [image image/png]"
