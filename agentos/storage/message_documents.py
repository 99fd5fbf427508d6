"""Messages as JSON documents and back: those that a client sent, and those of checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentos.domain.media import Media
from agentos.domain.message import Message, ToolCall

_MEDIA = ("type", "url", "content_type", "name", "metadata", "size", "reference")


def message_document(message: Message) -> dict[str, Any]:
    """Return a message as it is stored; attachments by their references, or with their bytes where they have none."""
    document = given(message, message.__slots__)
    if message.tool_calls:
        document["tool_calls"] = [call_document(call) for call in message.tool_calls]
    if message.media:
        document["media"] = [_media_document(one) for one in message.media]
    return document


def message_of(document: Mapping[str, Any]) -> Message:
    """Return the message of a document. Raises ``TypeError`` for what a newer version has added to one."""
    calls = tuple(map(call_of, document.get("tool_calls", ())))
    media = tuple(Media(**one) for one in document.get("media", ()))
    return Message(**{**document, "tool_calls": calls, "media": media})


def call_document(call: ToolCall) -> dict[str, Any]:
    """Return a model's tool call as it is stored."""
    document: dict[str, Any] = {"id": call.id, "name": call.name, "arguments": call.arguments}
    return {**document, **given(call, ("provider_details",))}


def call_of(document: Mapping[str, Any]) -> ToolCall:
    """Return the tool call of a document. Models leave arguments empty, which earlier versions left out."""
    return ToolCall(**{"arguments": "", **document})


def given(value: object, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the fields of a value that are not empty."""
    found = {name: getattr(value, name) for name in names}
    return {name: one for name, one in found.items() if one not in (None, (), "", {})}


def _media_document(media: Media) -> dict[str, Any]:
    if media.reference is None:
        return given(media, ("data", *_MEDIA))
    return given(media.without_data(), _MEDIA)
