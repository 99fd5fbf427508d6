"""A run's conversation as messages of the framework."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from agentos_guest import Failed, Media, Message, Run
from pydantic_ai.messages import (
    AudioUrl,
    BinaryContent,
    DocumentUrl,
    ImageUrl,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
    VideoUrl,
)

_URLS = {"image": ImageUrl, "audio": AudioUrl, "video": VideoUrl, "file": DocumentUrl}
_LEFT_OUT = b"attachment of the run: "
"""Stands for the bytes of an attachment in what a pause saves; the run keeps the attachment itself."""


class Conversation:
    """What was said before this run, and what this run was asked.

    System messages are those that a client sent with its own conversation. They are instructions of this run, beside
    the agent's own: as messages of the history they would take the place of the agent's system prompt.
    """

    def __init__(self, run: Run) -> None:
        self.history = list(_history(run.history))
        self.instructions = [m.content for m in run.history if m.role == "system" and m.content] or None
        self._attachments = [_content(media) for media in run.media]
        self.prompt = _with_text(run.input, self._attachments)

    def without_attachments(self, messages: Sequence[ModelMessage]) -> list[ModelMessage]:
        """Return messages without the bytes of this run's attachments."""
        numbers = {id(item): number for number, item in enumerate(self._attachments)}

        def left_out(item: UserContent) -> UserContent:
            number = numbers.get(id(item))
            if number is None or not isinstance(item, BinaryContent):
                return item
            return replace(item, data=_LEFT_OUT + f"{number} of {len(self._attachments)}".encode())

        return _mapped(messages, left_out)

    def with_attachments(self, messages: Sequence[ModelMessage]) -> list[ModelMessage]:
        """Put the bytes back. Raises :class:`Failed` where the run has lost an attachment since."""

        def put_back(item: UserContent) -> UserContent:
            if not isinstance(item, BinaryContent) or not item.data.startswith(_LEFT_OUT):
                return item
            number, _, count = item.data[len(_LEFT_OUT) :].decode().partition(" of ")
            if count != str(len(self._attachments)):
                raise Failed(f"the run had {count} attachments when it paused, and has {len(self._attachments)} now")
            return self._attachments[int(number)]

        return _mapped(messages, put_back)


def _mapped(messages: Sequence[ModelMessage], change: Any) -> list[ModelMessage]:
    changed: list[ModelMessage] = []
    for message in messages:
        if isinstance(message, ModelRequest):
            parts = [
                replace(part, content=[change(item) for item in part.content])
                if isinstance(part, UserPromptPart) and not isinstance(part.content, str)
                else part
                for part in message.parts
            ]
            message = replace(message, parts=parts)
        changed.append(message)
    return changed


def _history(messages: Sequence[Message]) -> Iterator[ModelMessage]:
    names: dict[str, str] = {}
    for message in messages:
        if message.role == "assistant":
            names.update({call.id: call.name for call in message.tool_calls})
            calls = [ToolCallPart(call.name, call.arguments, tool_call_id=call.id) for call in message.tool_calls]
            text = [TextPart(message.content)] if message.content else []
            if text or calls:
                yield ModelResponse([*text, *calls])
        elif message.role == "tool":
            id_ = message.tool_call_id or ""
            yield ModelRequest([ToolReturnPart(names.get(id_, "tool"), message.content, tool_call_id=id_)])
        elif message.role == "user":
            content = _with_text(message.content, [_content(media) for media in message.media])
            yield ModelRequest([UserPromptPart(content)])


def _with_text(text: str, attachments: Sequence[UserContent]) -> str | list[UserContent]:
    if not attachments:
        return text
    return [text, *attachments] if text else list(attachments)


def _content(media: Media) -> UserContent:
    if media.path is None:
        return _URLS[media.type](url=media.url or "", media_type=media.content_type)
    content_type = media.content_type or "application/octet-stream"
    return BinaryContent.narrow_type(BinaryContent(media.read(), media_type=content_type))


def arguments_of(call: ToolCallPart) -> Any:
    """Return a call's arguments as an object, or the model's text where that is no JSON."""
    if not isinstance(call.args, str):
        return call.args or {}
    try:
        return json.loads(call.args) if call.args.strip() else {}
    except ValueError:
        return call.args
