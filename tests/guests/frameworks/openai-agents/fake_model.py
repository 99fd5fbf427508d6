"""A model without a network: it says what a function says for the items of the conversation."""

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from agents import Model, ModelResponse, Usage
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseReasoningItem,
    ResponseReasoningTextDeltaEvent,
    ResponseTextDeltaEvent,
    ResponseUsage,
)
from openai.types.responses.response_reasoning_item import Content
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails


@dataclass(frozen=True)
class Thought:
    """A piece of the model's reasoning."""

    text: str


@dataclass(frozen=True)
class Call:
    """A call of a tool. ``arguments`` is JSON text."""

    id: str
    name: str
    arguments: str


Said = str | Thought | Call
Says = Callable[[list[dict[str, Any]]], AsyncIterator[Said]]


class FakeModel(Model):
    """Streams what ``says(items)`` yields, as events of the Responses API. Each call uses 7 and 5 tokens."""

    def __init__(self, says: Says) -> None:
        self._says = says
        self.settings: Any = None
        """What the last call was given."""

    async def get_response(self, *args: Any, **kwargs: Any) -> ModelResponse:
        """Answer in one piece, as an agent that is a tool of another is asked."""
        *_, completed = [event async for event in self.stream_response(*args, **kwargs)]
        usage = Usage(requests=1, input_tokens=7, output_tokens=5, total_tokens=12)
        return ModelResponse(completed.response.output, usage, completed.response.id)

    async def stream_response(
        self, system_instructions: str | None, input: str | list[Any], model_settings: Any, *args: Any, **kwargs: Any
    ) -> AsyncIterator[Any]:
        self.settings = model_settings
        items = [{"role": "user", "content": input}] if isinstance(input, str) else input
        output: list[Any] = []
        text, thoughts = "", ""
        async for said in self._says([dict(item) for item in items]):
            if isinstance(said, str):
                text += said
                yield ResponseTextDeltaEvent(
                    type="response.output_text.delta",
                    delta=said,
                    item_id="message",
                    output_index=0,
                    content_index=0,
                    sequence_number=0,
                    logprobs=[],
                )
            elif isinstance(said, Thought):
                thoughts += said.text
                yield ResponseReasoningTextDeltaEvent(
                    type="response.reasoning_text.delta",
                    delta=said.text,
                    item_id="reasoning",
                    output_index=0,
                    content_index=0,
                    sequence_number=0,
                )
            else:
                call = ResponseFunctionToolCall(
                    type="function_call",
                    call_id=said.id,
                    name=said.name,
                    arguments=said.arguments,
                    id=f"item-{said.id}",
                )
                output.append(call)
                yield ResponseOutputItemDoneEvent(
                    type="response.output_item.done", item=call, output_index=len(output), sequence_number=0
                )
        if text:
            part = ResponseOutputText(type="output_text", text=text, annotations=[], logprobs=[])
            message = ResponseOutputMessage(
                id="message", type="message", role="assistant", status="completed", content=[part]
            )
            output.insert(0, message)
        if thoughts:
            content = [Content(type="reasoning_text", text=thoughts)]
            output.insert(0, ResponseReasoningItem(id="reasoning", type="reasoning", summary=[], content=content))
        response = Response(
            id="response",
            created_at=time.time(),
            model="fake",
            object="response",
            output=output,
            parallel_tool_calls=True,
            tool_choice="auto",
            tools=[],
            usage=ResponseUsage(
                input_tokens=7,
                output_tokens=5,
                total_tokens=12,
                input_tokens_details=InputTokensDetails(cached_tokens=0, cache_write_tokens=0),
                output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
            ),
        )
        yield ResponseCompletedEvent(type="response.completed", response=response, sequence_number=0)
