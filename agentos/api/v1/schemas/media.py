"""Attachments as clients send them and as answers show them."""

from __future__ import annotations

from typing import Any, ClassVar

from marshmallow import ValidationError

from agentos.api.kit.schemas.fields import (
    Choice,
    Object,
    RequestSchema,
    StrictInteger,
    StrictString,
    metadata_field,
    shown,
)
from agentos.api.kit.schemas.loading import describe
from agentos.api.kit.schemas.structure import Raw, ResponseSchema
from agentos.domain.media import MEDIA_TYPES, Media
from agentos.errors import InvalidMedia
from agentos.media.policy import MAX_URL

MAX_ATTACHMENTS = 1000
"""The most that the setting of the same name can be; how many are accepted is decided by it."""


class MediaSchema(RequestSchema):
    """An attachment: at a `url`, or as base64 `data` with its `content_type`."""

    extra: ClassVar[dict[str, Any]] = {"oneOf": [{"required": ["url"]}, {"required": ["data", "content_type"]}]}

    type = Choice("What it is.", MEDIA_TYPES, required=True)
    url = StrictString(
        "Where it is: an absolute http or https address without user name or password.",
        most=MAX_URL,
        format="uri",
        example="https://example.com/photo.png",
    )
    data = StrictString("Its bytes in base64 (RFC 4648, standard alphabet, with padding).", least=1, format="byte")
    content_type = StrictString("The media type of `data`.", most=255, example="image/png")
    name = StrictString("Its name, for people and models.", most=255)
    metadata = metadata_field("The client's own values, kept with it.")


class MediaDescriptionSchema(ResponseSchema):
    """An attachment as it is shown: everything but its bytes."""

    type = Choice("What it is.", MEDIA_TYPES)
    url = StrictString("Where it is.", optional=True)
    content_type = StrictString("Its media type.", optional=True)
    size = StrictInteger("Its size in bytes, where it came as `data` or was fetched.", optional=True)
    name = StrictString("Its name.", optional=True)
    metadata = Object("The client's own values, kept with it.", optional=True)


def attachments_field() -> Raw:
    """Return the field of one attachment or a list of them; :func:`read_media` checks what it holds."""
    one = {"$ref": "#/components/schemas/Media"}
    several = {"type": "array", "items": one, "maxItems": MAX_ATTACHMENTS}
    return Raw(
        "One attachment, or a list of them (at most `AGENTOS_MAX_ATTACHMENTS`); `[]` is none. A type that the agent's"
        " model does not take is refused.",
        {"oneOf": [one, several]},
        nullable=True,  # refused in read_media, as INVALID_MEDIA
    )


_SCHEMA = MediaSchema()


def read_media(value: Any) -> tuple[Media, ...]:
    """Return the attachments of a request; raise :class:`~agentos.errors.InvalidMedia` naming the field."""
    items = [value] if isinstance(value, dict) else value
    if not isinstance(items, list):
        raise InvalidMedia(f"field 'media' is {shown(value)}; accepted is an attachment or a list of them")
    if len(items) > MAX_ATTACHMENTS:
        raise InvalidMedia(f"{len(items)} attachments are too many; at most {MAX_ATTACHMENTS} are accepted")
    return tuple(_read_one(item, f"media[{number}]") for number, item in enumerate(items))


def _read_one(item: Any, path: str) -> Media:
    if not isinstance(item, dict):
        raise InvalidMedia(f"field {path!r} is {shown(item)}; accepted is an attachment, an object")
    try:
        return Media(**_SCHEMA.load(item))
    except ValidationError as error:
        wrong = describe(_SCHEMA, error)
        field, words = next(iter(wrong.items()))
        raise InvalidMedia(f"field '{path}.{field}' {words}") from error
