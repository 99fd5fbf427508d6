"""Which attachments are accepted at all. Whether a model takes them is asked later, when the model is known."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from agentos.domain.media import MEDIA_TYPES, Media
from agentos.errors import InvalidMedia

MAX_ATTACHMENTS = 32
MAX_URL = 2048
_CONTENT_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}", re.IGNORECASE)


def check_media(media: Sequence[Media]) -> None:
    """Raise :class:`~agentos.errors.InvalidMedia` naming the first attachment that is refused and why."""
    if len(media) > MAX_ATTACHMENTS:
        raise InvalidMedia(f"{len(media)} attachments are too many; at most {MAX_ATTACHMENTS} are accepted")
    for number, one in enumerate(media):
        where = f"media[{number}]"
        if one.type not in MEDIA_TYPES:
            raise InvalidMedia(f"{where}.type is {one.type!r:.60}; accepted are {', '.join(MEDIA_TYPES)}")
        if (one.url is None) == (one.data is None):
            raise InvalidMedia(f"{where} needs exactly one of 'url' and 'data'")
        if one.url is not None:
            _check_url(one.url, where)
        if one.data is not None:
            _check_data(one, where)


def _check_url(url: str, where: str) -> None:
    try:
        parts = urlsplit(url)
        sane = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sane = False
    if not sane or len(url) > MAX_URL or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise InvalidMedia(
            f"{where}.url is {url!r:.200}; accepted is an absolute http or https address of at most"
            f" {MAX_URL} characters"
        )
    if "@" in parts.netloc:
        raise InvalidMedia(f"{where}.url holds a user name or password; leave it out")


def _check_data(one: Media, where: str) -> None:
    if not one.content_type or not _CONTENT_TYPE.fullmatch(one.content_type):
        raise InvalidMedia(
            f"{where}.content_type is {one.content_type!r:.100}; 'data' needs a media type such as image/png"
        )
    family = one.content_type.partition("/")[0].lower()
    if one.type != "file" and family != one.type:
        raise InvalidMedia(f"{where} is of type {one.type!r}, but its content_type is {one.content_type!r}")
    try:
        if not base64.b64decode(one.data or "", validate=True):
            raise InvalidMedia(f"{where}.data is empty")
    except binascii.Error as error:
        raise InvalidMedia(f"{where}.data is not base64 (RFC 4648, standard alphabet, with padding)") from error
