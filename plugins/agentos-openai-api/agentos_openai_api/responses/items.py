"""Items of the dialect, and the messages that they are here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentos import Media, Message, ToolCall
from agentos.web import refuse, shown, trailing_results
from agentos_openai_api.content import AUDIO_FORMATS, read_content

INPUT = "input"

_KINDS = ("message", "function_call", "function_call_output", "reasoning", "item_reference")


@dataclass(slots=True)
class Input:
    """What a request says: messages, oldest first, and texts of the system with the fields that they stood in."""

    messages: list[Message] = field(default_factory=list)
    instructions: list[str] = field(default_factory=list)
    instruction_fields: list[str] = field(default_factory=list)

    @property
    def results(self) -> Sequence[Message]:
        """The results of tools behind the user's last words, oldest first."""
        return trailing_results(self.messages)


Resolve = Callable[[str, str], Mapping[str, Any]]
"""Returns the item of an id, or raises naming the field that it stands in."""


def read_input(value: Any, resolve: Resolve) -> Input:
    """Return what the field ``input`` says. Raises ``InvalidRequest`` or ``InvalidMedia`` naming what is wrong."""
    said = Input()
    if isinstance(value, str):
        said.messages.append(Message("user", value))
        return said
    if not isinstance(value, list):
        refuse(INPUT, f"is {shown(value)}; accepted is a text or a list of items")
    for number, item in enumerate(value):
        where = f"{INPUT}[{number}]"
        if isinstance(item, dict) and item.get("type") == "item_reference":
            item = resolve(_text(item, "id", where), where)
        read_item(item, where, said)
    said.messages = _with_their_calls(said.messages)
    return said


def read_item(item: Any, where: str, said: Input) -> None:
    """Add what an item says. Raises ``InvalidRequest`` or ``InvalidMedia`` naming what is wrong."""
    if not isinstance(item, dict):
        refuse(where, f"is {shown(item)}; accepted is an item, an object")
    match item.get("type", "message"):
        case "message":
            _read_message(item, where, said)
        case "function_call":
            _read_call(item, where, said)
        case "function_call_output":
            output = item.get("output")
            text = output if isinstance(output, str) else read_content(output, f"{where}.output", media=False).text
            said.messages.append(Message("tool", text, tool_call_id=_text(item, "call_id", where)))
        case "reasoning":
            pass  # a model reads its own thoughts again only from its own server
        case other:
            refuse(f"{where}.type", f"is {shown(other)}; accepted are {', '.join(_KINDS)}")


def _read_message(item: Mapping[str, Any], where: str, said: Input) -> None:
    match item.get("role"):
        case "user":
            content = read_content(item.get("content"), f"{where}.content")
            said.messages.append(Message("user", content.text, media=content.media))
        case "assistant":
            text = read_content(item.get("content"), f"{where}.content", media=False).text
            said.messages.append(Message("assistant", text))
        case "system" | "developer":
            said.instructions.append(read_content(item.get("content"), f"{where}.content", media=False).text)
            said.instruction_fields.append(where)
        case other:
            refuse(f"{where}.role", f"is {shown(other)}; accepted are 'user', 'assistant', 'system' and 'developer'")


def _read_call(item: Mapping[str, Any], where: str, said: Input) -> None:
    call = ToolCall(_text(item, "call_id", where), _text(item, "name", where), _text(item, "arguments", where))
    said.messages.append(Message("assistant", "", tool_calls=(call,)))


def _with_their_calls(messages: Sequence[Message]) -> list[Message]:
    """Return messages in which each call is part of the answer before it: that of a call, or of a text."""
    joined: list[Message] = []
    calls: list[ToolCall] = []
    for message in [*messages, None]:
        if message is not None and message.tool_calls and joined and joined[-1].role == "assistant":
            calls += message.tool_calls
            continue
        if calls:
            joined[-1] = Message("assistant", joined[-1].content, tool_calls=(*joined[-1].tool_calls, *calls))
            calls = []
        if message is not None:
            joined.append(message)
    return joined


def _text(item: Mapping[str, Any], name: str, where: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or (not value and name != "arguments"):
        refuse(f"{where}.{name}", f"is {shown(value)}; needed is a text")
    return value


def items_of(message: Message, id: str) -> list[dict[str, Any]]:
    """Return a message as items; ``id`` is the part of their ids behind the prefix."""
    if message.role == "tool":
        output = {"id": f"fco_{id}", "type": "function_call_output", "status": "completed"}
        return [{**output, "call_id": message.tool_call_id, "output": message.content}]
    items: list[dict[str, Any]] = []
    if message.content or message.media or not message.tool_calls:
        head = {"id": f"msg_{id}", "type": "message", "status": "completed", "role": message.role}
        items.append({**head, "content": _content(message)})
    for number, call in enumerate(message.tool_calls):
        head = {"id": f"fc_{id}_{number}", "type": "function_call", "status": "completed"}
        items.append({**head, "call_id": call.id, "name": call.name, "arguments": call.arguments})
    return items


def _content(message: Message) -> list[dict[str, Any]]:
    if message.role == "assistant":
        return [{"type": "output_text", "text": message.content, "annotations": [], "logprobs": []}]
    text = [{"type": "input_text", "text": message.content}] if message.content else []
    return [*text, *map(_attachment, message.media)]


def _attachment(media: Media) -> dict[str, Any]:
    """Return an attachment by its address, or with its bytes if the message was given with them."""
    data = None if media.data is None else f"data:{media.content_type};base64,{media.data}"
    if media.type == "image":
        return {"type": "input_image", "detail": "auto", "image_url": media.url or data, "file_id": None}
    if media.type == "audio" and media.url is None and media.content_type in AUDIO_FORMATS and media.data is not None:
        return {"type": "input_audio", "input_audio": {"data": media.data, "format": AUDIO_FORMATS[media.content_type]}}
    file = {"type": "input_file", "filename": media.name, "file_url": media.url, "file_id": None}
    return file if media.url is not None or data is None else {**file, "file_data": data}


def input_items(run_id: str, messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return what a run was asked as items, oldest first."""
    run = run_id.replace("-", "")
    return [item for number, message in enumerate(messages) for item in items_of(message, f"{run}_i{number}")]
