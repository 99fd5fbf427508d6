"""Our attachments as Agno's images, audio, videos and files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentos_guest import Media
from agno.media import Audio, File, Image, Video

_NAMES = {"image": "images", "audio": "audio", "video": "videos", "file": "files"}
_CLASSES: dict[str, Any] = {"image": Image, "audio": Audio, "video": Video}
_ID = "agentos-attachment-"
"""What the ids of a run's own attachments start with: their bytes are not kept with a pause, the server has them."""
_NO_BYTES = "AA=="


def attachments(media: Sequence[Media], *, own: bool = True) -> dict[str, list[Any]]:
    """Return them by the names that a run and a message of Agno have for them. ``own``: they are of this run."""
    found: dict[str, list[Any]] = {}
    for number, one in enumerate(media):
        found.setdefault(_NAMES[one.type], []).append(_attachment(one, f"{_ID}{number}" if own else None))
    return found


def without_bytes(saved: Any) -> Any:
    """Return a run's dictionary less the bytes of its own attachments. One byte stays: Agno reads none without any."""
    if isinstance(saved, list):
        return [without_bytes(value) for value in saved]
    if not isinstance(saved, dict):
        return saved
    smaller = {name: without_bytes(value) for name, value in saved.items()}
    if _number(saved.get("id")) is not None and "content" in saved:
        smaller["content"] = _NO_BYTES
    return smaller


def restore(owner: Any, media: Sequence[Media]) -> None:
    """Put a run's own attachments where :func:`without_bytes` took them out, in a message or an input of Agno's."""
    for name in ("images", "audio", "audios", "videos", "files"):
        present = getattr(owner, name, None)
        if present:
            setattr(owner, name, [_restored(one, media) for one in present])


def _restored(present: Any, media: Sequence[Media]) -> Any:
    number = _number(present.id)
    return present if number is None else _attachment(media[number], present.id)


def _number(identity: object) -> int | None:
    text = str(identity)
    return int(text.removeprefix(_ID)) if text.startswith(_ID) else None


def _attachment(one: Media, identity: str | None) -> Any:
    source: dict[str, Any] = {"url": one.url} if one.path is None else {"content": one.read()}
    if one.type == "file":
        # Agno refuses a file of a type that its list lacks. It takes one without a type, and the model's class decides.
        known = one.content_type if one.content_type in File.valid_mime_types() else None
        return File(**source, id=identity, mime_type=known, filename=one.name)
    return _CLASSES[one.type](**source, id=identity, mime_type=one.content_type, format=_format(one))


def _format(one: Media) -> str | None:
    return one.content_type.partition("/")[2].partition(";")[0] if one.content_type else None
