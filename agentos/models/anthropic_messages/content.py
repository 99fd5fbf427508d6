"""Attachments as content blocks."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from agentos.domain.media import Media, MediaType
from agentos.errors import InvalidMedia

MEDIA_TYPES: frozenset[MediaType] = frozenset({"image", "file"})
IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
PDF = "application/pdf"


def check_media(media: Media) -> None:
    """Raise :class:`~agentos.errors.InvalidMedia` for an attachment that :func:`encode_media` has no place for."""
    encode_media(media)


def encode_media(media: Media) -> dict[str, Any]:
    """Return an attachment as a block of a user's message: an image, or a document.

    Raises :class:`~agentos.errors.InvalidMedia` for what the Messages API has no place for: audio, video, images other
    than JPEG, PNG, GIF and WebP, and files that are neither PDF nor text.
    """
    if media.type not in MEDIA_TYPES:
        raise InvalidMedia(f"media of type {media.type!r} does not reach this model; accepted: file, image")
    content_type = (media.content_type or "").partition(";")[0].strip().lower().replace("image/jpg", "image/jpeg")
    if media.type == "image":
        return {"type": "image", "source": _image(media, content_type)}
    block: dict[str, Any] = {"type": "document", "source": _document(media, content_type)}
    return block | ({"title": media.name[:500]} if media.name else {})


def _image(media: Media, content_type: str) -> dict[str, Any]:
    if media.data is None:
        return {"type": "url", "url": media.url}
    if content_type not in IMAGES:
        raise InvalidMedia(f"an image of type {media.content_type!r} is not accepted; accepted: {', '.join(IMAGES)}")
    return {"type": "base64", "media_type": content_type, "data": media.data}


def _document(media: Media, content_type: str) -> dict[str, Any]:
    if media.data is None:
        if content_type not in ("", PDF):
            raise InvalidMedia(f"a file of type {media.content_type!r} reaches this model only as base64 'data'")
        return {"type": "url", "url": media.url}
    if content_type == PDF:
        return {"type": "base64", "media_type": PDF, "data": media.data}
    if content_type.startswith("text/") or content_type in ("application/json", "application/xml"):
        try:
            text = base64.b64decode(media.data).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise InvalidMedia("a file of text is not accepted: its 'data' is no UTF-8 in base64") from None
        return {"type": "text", "media_type": "text/plain", "data": text}
    raise InvalidMedia(f"a file of type {media.content_type!r} is not accepted; accepted: {PDF} and text/*")
