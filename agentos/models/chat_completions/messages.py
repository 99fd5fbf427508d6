"""Messages and their attachments as Chat Completions has them."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from agentos.domain.media import Media, MediaType
from agentos.domain.message import Message, ToolCall
from agentos.errors import InvalidMedia
from agentos.models.servers.chat import Dialect
from agentos.models.wire.arguments import sendable

DEFAULT = Dialect()
MESSAGE_FIELDS = frozenset({"role", "content", "tool_calls", "tool_call_id", "function_call", "name"})
CALL_FIELDS = frozenset({"id", "type", "function", "index"})
ONLY_WITH_CALLS = frozenset({"reasoning_content"})
"""Older DeepSeek models refuse it in any other message."""
_ALPHANUMERIC = string.digits + string.ascii_letters
_NINE = re.compile(r"[A-Za-z0-9]{9}")

MEDIA_TYPES: frozenset[MediaType] = frozenset({"image", "audio", "file"})

AUDIO_FORMATS = {
    **dict.fromkeys(("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"), "wav"),
    **dict.fromkeys(("audio/mpeg", "audio/mp3"), "mp3"),
}


def encode_message(message: Message, dialect: Dialect = DEFAULT) -> dict[str, Any]:
    """Return one message.

    Fields that the server wants to see again stand beside the usual ones and never replace them.
    """
    if message.role == "tool":
        id = _id(message.tool_call_id, dialect)
        return {"role": "tool", "tool_call_id": id, "content": message.content}
    if message.tool_calls:
        calls = {"role": message.role, "tool_calls": [_tool_call(call, dialect) for call in message.tool_calls]}
        return _details(message.provider_details, MESSAGE_FIELDS) | _content_beside(message, dialect) | calls
    if message.media:
        parts = [{"type": "text", "text": message.content}] if message.content else []
        return {"role": message.role, "content": parts + [encode_media(media) for media in message.media]}
    if message.role == "assistant":
        details = _details(message.provider_details, MESSAGE_FIELDS, ONLY_WITH_CALLS)
        return details | {"role": "assistant", "content": message.content}
    role = dialect.instructions_role if message.role == "system" else message.role
    return {"role": role, "content": message.content}


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


def _content_beside(message: Message, dialect: Dialect) -> dict[str, Any]:
    if message.content.strip():
        return {"content": message.content}
    if dialect.content_beside_tool_calls == "absent":
        return {}
    return {"content": "" if dialect.content_beside_tool_calls == "empty" else None}


def _tool_call(call: ToolCall, dialect: Dialect) -> dict[str, Any]:
    function = {"name": call.name, "arguments": sendable(call.arguments)}
    known = {"id": _id(call.id, dialect), "type": "function", "function": function}
    return _details(call.provider_details, CALL_FIELDS) | known


def _details(details: Mapping[str, Any] | None, *without: frozenset[str]) -> dict[str, Any]:
    if not details:
        return {}
    return {name: value for name, value in details.items() if not any(name in names for names in without)}


def _id(id: str | None, dialect: Dialect) -> str | None:
    if id is None or dialect.tool_call_ids == "any" or _NINE.fullmatch(id):
        return id
    number = int.from_bytes(sha256(id.encode("utf-8", "surrogatepass")).digest(), "big")
    letters: list[str] = []
    for _ in range(9):
        number, place = divmod(number, len(_ALPHANUMERIC))
        letters.append(_ALPHANUMERIC[place])
    return "".join(letters)
