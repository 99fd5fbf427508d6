"""Attachments as rows describe them, without their bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agentos.domain.media import Media
from agentos.storage.json_text import dumps, loads
from agentos.storage.sqlalchemy.columns import Values

_OLD_MEDIA = ("type", "url", "data", "content_type", "name", "metadata")
_ATTACHMENTS = ("type", "url", "content_type", "name", "metadata", "size", "reference")


def attachments_text(media: Iterable[Media]) -> str:
    """Return attachments as they are stored: all but their bytes."""
    return _media_text((one.without_data() for one in media), _ATTACHMENTS)


def attachments_of(text: str | None) -> tuple[Media, ...]:
    """Return the attachments of :func:`attachments_text`, or those of a row of an earlier version with their bytes."""
    return () if text is None else tuple(Media(**one) for one in loads(text))


def media_values(run_id: str, media: Sequence[Media]) -> Values:
    """Return the row of a run's attachments."""
    described = [one.without_data() for one in media]
    return {"run_id": run_id, "media": _media_text(described, _OLD_MEDIA), "attachments": attachments_text(described)}


def address_media_text(media: Sequence[Media]) -> str | None:
    """Return what an earlier version of the server can show a model again: attachments that have no bytes of ours."""
    addressed = [one for one in media if one.byte_count is None]
    return _media_text(addressed, _OLD_MEDIA) if addressed else None


def _media_text(media: Iterable[Media], names: Sequence[str]) -> str:
    return dumps([{name: value for name in names if (value := getattr(one, name)) is not None} for one in media])
