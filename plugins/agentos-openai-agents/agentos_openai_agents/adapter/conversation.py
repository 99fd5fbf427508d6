"""A run's history and input as items of the Responses API, in which the SDK wants them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from agentos_guest import Failed, Media, Message, Run

AUDIO_FORMATS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav"}


def items_of(run: Run) -> list[dict[str, Any]]:
    """Return the conversation, with this run's input at its end."""
    items = [item for message in run.history for item in _items(message)]
    return [*items, {"role": "user", "content": _content(run.input, run.media)}]


def _items(message: Message) -> Iterator[dict[str, Any]]:
    if message.role == "tool":
        yield {"type": "function_call_output", "call_id": message.tool_call_id, "output": message.content}
        return
    if message.content or message.media or not message.tool_calls:
        yield {"role": message.role, "content": _content(message.content, message.media)}
    for call in message.tool_calls:
        yield {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}


def _content(text: str, media: Sequence[Media]) -> str | list[dict[str, Any]]:
    if not media:
        return text
    parts = [{"type": "input_text", "text": text}] if text else []
    return [*parts, *(_part(one) for one in media)]


def _part(media: Media) -> dict[str, Any]:
    if media.type == "image":
        return {"type": "input_image", "image_url": media.url or _data_url(media), "detail": "auto"}
    if media.type == "audio":
        return {"type": "input_audio", "input_audio": {"format": _audio_format(media), "data": media.base64()}}
    if media.type == "file":
        if media.url is not None:
            return {"type": "input_file", "file_url": media.url}
        return {"type": "input_file", "file_data": _data_url(media), "filename": media.name or "attachment"}
    raise Failed(f"agents of the OpenAI Agents SDK take images, audio and files; a {media.type} was given")


def _audio_format(media: Media) -> str:
    if media.path is None:
        raise Failed("agents of the OpenAI Agents SDK take audio as data; an address was given")
    found = AUDIO_FORMATS.get(media.content_type or "")
    if found is None:
        raise Failed(f"agents of the OpenAI Agents SDK take audio as mp3 or wav; {media.content_type} was given")
    return found


def _data_url(media: Media) -> str:
    return f"data:{media.content_type or 'application/octet-stream'};base64,{media.base64()}"
