"""Our messages as LangChain's, and the text and reasoning of LangChain's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from agentos_guest import Call, Event, Media, Message, Reasoning, Run
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage


def conversation(run: Run) -> list[BaseMessage]:
    """Return the session's history and then this run's message.

    Each has an id: a graph adds and streams messages without one again.
    """
    earlier = [_earlier(message, f"{run.id}-{number}") for number, message in enumerate(run.history)]
    return [*earlier, HumanMessage(content=_content(run.input, run.media), id=f"{run.id}-input")]


def said(message: BaseMessage) -> Iterator[Event]:
    """Yield the text and the reasoning of a message, or of a piece of one."""
    if isinstance(message.content, str) and not message.additional_kwargs:  # The common case: it costs no parsing.
        if message.content:
            yield message.content
        return
    for block in message.content_blocks:
        if block["type"] == "text" and block.get("text"):
            yield str(block["text"])
        elif block["type"] == "reasoning" and block.get("reasoning"):
            yield Reasoning(str(block["reasoning"]))


def text(message: BaseMessage) -> str:
    """Return the text of a message alone."""
    return "".join(event for event in said(message) if isinstance(event, str))


def _earlier(message: Message, message_id: str) -> BaseMessage:
    content = _content(message.content, message.media)
    if message.role == "system":
        return SystemMessage(content=content, id=message_id)
    if message.role == "user":
        return HumanMessage(content=content, id=message_id)
    if message.role == "tool":
        return ToolMessage(content=message.content, tool_call_id=message.tool_call_id or "", id=message_id)
    calls = [{"name": call.name, "args": _arguments(call), "id": call.id} for call in message.tool_calls]
    return AIMessage(content=message.content, tool_calls=calls, id=message_id)


def _arguments(call: Call) -> dict[str, Any]:
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError:
        arguments = None
    # Providers refuse anything else in a history, also where the model itself wrote it.
    return arguments if isinstance(arguments, dict) else {"text": call.arguments}


def _content(words: str, media: Sequence[Media]) -> Any:
    if not media:
        return words
    blocks = [_block(item) for item in media]
    return [{"type": "text", "text": words}, *blocks] if words else blocks


def _block(media: Media) -> dict[str, Any]:
    """Return a standard content block of LangChain, which each provider's package turns into its own."""
    block: dict[str, Any] = {"type": media.type}
    if media.path is not None:
        block["base64"] = media.base64()
    else:
        block["url"] = media.url
    if media.content_type:
        block["mime_type"] = media.content_type
    if media.name and media.type == "file":
        block["filename"] = media.name  # OpenAI wants one with each file.
    return block
