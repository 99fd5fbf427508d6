"""Media types: what they look like, which of them an attachment may have, and what bytes say of themselves."""

from __future__ import annotations

import re

from agentos.domain.media import MediaType

_CONTENT_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}", re.IGNORECASE)
_SAYS_NOTHING = frozenset({"application/octet-stream", "binary/octet-stream", "application/unknown"})
_SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"RIFF....WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb"ID3|\xff[\xfb\xf3\xf2]"), "audio/mpeg"),
    (re.compile(rb"%PDF-"), "application/pdf"),
)


def is_content_type(text: str) -> bool:
    """Whether a text is a media type without parameters (RFC 6838, section 4.2)."""
    return _CONTENT_TYPE.fullmatch(text) is not None


def fits(kind: MediaType, content_type: str) -> bool:
    """Whether bytes of a media type can be an attachment of this type. A file can be anything."""
    return kind == "file" or content_type.partition("/")[0].lower() == kind


def content_type_of(header: str, body: bytes, *, declared: str | None) -> str:
    """Return the media type of what a server sent.

    Many a file store knows none: then it is what the client declared, else what the bytes begin with.
    """
    said = header.partition(";")[0].strip().lower()
    if is_content_type(said) and said not in _SAYS_NOTHING:
        return said
    found = (name for signature, name in _SIGNATURES if signature.match(body))
    return declared or next(found, "application/octet-stream")
