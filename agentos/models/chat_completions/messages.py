"""Messages and their attachments as Chat Completions has them."""

from __future__ import annotations

from typing import Any

import orjson

from agentos.domain.media import Media, MediaType
from agentos.domain.message import Message, ToolCall
from agentos.errors import InvalidMedia

MEDIA_TYPES: frozenset[MediaType] = frozenset({"image", "audio", "file"})

AUDIO_FORMATS = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/vnd.wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}


def encode_message(message: Message) -> dict[str, Any]:
    """Return one message."""
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
    if message.tool_calls:
        return {
            "role": message.role,
            "content": message.content or None,
            "tool_calls": [_tool_call(call) for call in message.tool_calls],
        }
    if message.media:
        parts = [{"type": "text", "text": message.content}] if message.content else []
        return {"role": message.role, "content": parts + [encode_media(media) for media in message.media]}
    return {"role": message.role, "content": message.content}


def check_media(media: Media) -> None:
    """Raise :class:`~agentos.errors.InvalidMedia` for an attachment that :func:`encode_media` has no place for."""
    encode_media(media)


def encode_media(media: Media) -> dict[str, Any]:
    """Return an attachment as a part of a user's message.

    Raises :class:`~agentos.errors.InvalidMedia` for what Chat Completions has no place for: video, audio other than
    WAV and MP3, and audio or files by address.
    """
    if media.type == "image":
        # What was brought in is sent as it was, for a server that cannot, or must not, fetch it.
        url = media.url if media.data is None else f"data:{media.content_type};base64,{media.data}"
        return {"type": "image_url", "image_url": {"url": url}}
    if media.type not in MEDIA_TYPES:
        raise InvalidMedia(f"media of type {media.type!r} does not reach this model; accepted: image, audio, file")
    if media.data is None:
        raise InvalidMedia(f"media of type {media.type!r} reaches this model only as base64 'data', not by 'url'")
    if media.type == "file":
        data = f"data:{media.content_type or 'application/octet-stream'};base64,{media.data}"
        return {"type": "file", "file": {"filename": media.name or "file", "file_data": data}}
    content_type = (media.content_type or "").partition(";")[0].strip().lower()
    if content_type not in AUDIO_FORMATS:
        raise InvalidMedia(f"audio of type {media.content_type!r} is not accepted; accepted: audio/wav, audio/mpeg")
    return {"type": "input_audio", "input_audio": {"data": media.data, "format": AUDIO_FORMATS[content_type]}}


def _tool_call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _arguments(call.arguments)}}


def _arguments(text: str) -> str:
    """Return arguments that parse: servers that render prompts from templates fail on a history where they do not."""
    try:
        if isinstance(orjson.loads(text), dict):
            return text
    except orjson.JSONDecodeError:
        pass
    return orjson.dumps({"invalid_arguments": text}).decode() if text.strip() else "{}"
