"""What is stored of a run's request, as JSON texts and back: the request, and the messages that its client sent.

Messages may have megabytes. A backend should not keep them where each heartbeat writes them again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from agentos.domain.media import Media
from agentos.domain.message import Message, ToolCall
from agentos.domain.run import BusyPolicy
from agentos.domain.stored_request import ModelOverrides, RunMode, StoredRequest
from agentos.domain.tool_spec import ToolSpec
from agentos.storage.json_text import dumps, loads

_MEDIA = ("type", "url", "content_type", "name", "metadata", "size", "reference")
_CALL = tuple(field.name for field in fields(ToolCall))


def request_text(request: StoredRequest | None) -> str | None:
    """Return a request as it is stored, without its messages; what has its default is left out."""
    if request is None:
        return None
    document: dict[str, Any] = {"mode": request.mode.value}
    if request.concurrency is not None:
        document["concurrency"] = str(request.concurrency)
    overrides = {
        "parameters": dict(request.overrides.parameters),
        "output_schema": request.overrides.output_schema,
        "client_tools": [_given(tool, tool.__slots__) for tool in request.overrides.client_tools],
        "instructions": request.overrides.instructions,
    }
    if given := {name: value for name, value in overrides.items() if value not in (None, {}, [])}:
        document["overrides"] = given
    if request.overrides.output_schema is not None:
        document["overrides"]["output_schema"] = request.overrides.output_schema  # the empty schema too
    return dumps(document)


def messages_text(request: StoredRequest | None) -> str | None:
    """Return the messages of a request as they are stored, attachments by their references; ``None`` without any."""
    if request is None or not request.messages:
        return None
    return dumps([_message_document(message) for message in request.messages])


def request_of(text: str | None, messages: str | None = None) -> StoredRequest | None:
    """Return the request of its stored texts; what a newer version has added to it is named in ``unknown``."""
    if text is None:
        return None
    read: dict[str, Any] = {}
    unknown: list[str] = []
    document = loads(text)
    if messages is not None:
        document["messages"] = loads(messages)
    for name, value in document.items():
        try:
            read[name] = _READ[name](value)
        except (KeyError, TypeError, ValueError):
            unknown.append(name)
    return StoredRequest(**read, unknown=tuple(unknown))


def _message_document(message: Message) -> dict[str, Any]:
    document = _given(message, message.__slots__)
    if message.tool_calls:
        document["tool_calls"] = [_given(call, _CALL) for call in message.tool_calls]
    if message.media:
        document["media"] = [_given(one.without_data(), _MEDIA) for one in message.media]
    return document


def _message_of(document: Mapping[str, Any]) -> Message:
    calls = tuple(ToolCall(**call) for call in document.get("tool_calls", ()))
    media = tuple(Media(**one) for one in document.get("media", ()))
    return Message(**{**document, "tool_calls": calls, "media": media})


def _overrides_of(document: Mapping[str, Any]) -> ModelOverrides:
    tools = tuple(ToolSpec(**{"description": "", **tool}) for tool in document.get("client_tools", ()))
    return ModelOverrides(**{**document, "client_tools": tools})


def _given(value: object, names: tuple[str, ...]) -> dict[str, Any]:
    found = {name: getattr(value, name) for name in names}
    return {name: one for name, one in found.items() if one not in (None, (), "", {})}


_READ: Mapping[str, Callable[[Any], Any]] = {
    "mode": RunMode,
    "concurrency": BusyPolicy,
    "messages": lambda messages: tuple(map(_message_of, messages)),
    "overrides": _overrides_of,
}
