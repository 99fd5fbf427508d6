"""A model of Agno that says what a function of its messages says. Agno ships none for tests."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from agno.metrics import MessageMetrics
from agno.models.base import Model
from agno.models.message import Message
from agno.models.response import ModelResponse

Script = Callable[[list[Message]], AsyncIterator[ModelResponse]]


def text(content: str) -> ModelResponse:
    """Return a piece of an answer."""
    return ModelResponse(content=content)


def calls(*made: tuple[str, dict[str, Any]]) -> ModelResponse:
    """Return calls of tools."""
    return ModelResponse(
        tool_calls=[
            {
                "id": f"call-{uuid4()}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for name, arguments in made
        ]
    )


def usage(prompt: int, completion: int) -> ModelResponse:
    """Return the tokens of a call."""
    return ModelResponse(
        response_usage=MessageMetrics(input_tokens=prompt, output_tokens=completion, total_tokens=prompt + completion)
    )


async def say(content: str) -> AsyncIterator[ModelResponse]:
    """Answer with one text."""
    yield text(content)


def results(messages: list[Message]) -> list[str]:
    """Return what the tools gave since the last question."""
    last = max(number for number, one in enumerate(messages) if one.role == "user")
    return [str(one.content) for one in messages[last:] if one.role == "tool"]


@dataclass
class Scripted(Model):
    """Runs its script at each call."""

    id: str = "scripted"
    name: str = "Scripted"
    provider: str = "Test"
    script: Script = field(default=lambda messages: say("done"))

    def invoke(self, *args: Any, **kwargs: Any) -> ModelResponse:
        raise NotImplementedError("these agents are asynchronous")

    def invoke_stream(self, *args: Any, **kwargs: Any) -> Iterator[ModelResponse]:
        raise NotImplementedError("these agents are asynchronous")

    async def ainvoke(self, messages: list[Message], **given: Any) -> ModelResponse:
        whole = ModelResponse(content="")
        async for piece in self.script(messages):
            whole.content += piece.content or ""
            whole.tool_calls.extend(piece.tool_calls)
            whole.response_usage = piece.response_usage or whole.response_usage
        return whole

    async def ainvoke_stream(self, messages: list[Message], **given: Any) -> AsyncIterator[ModelResponse]:
        async for piece in self.script(messages):
            yield piece

    def _parse_provider_response(self, response: Any, **kwargs: Any) -> ModelResponse:
        return response

    def _parse_provider_response_delta(self, response: Any) -> ModelResponse:
        return response
