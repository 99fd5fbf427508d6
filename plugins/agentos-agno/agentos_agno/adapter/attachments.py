"""Our attachments as Agno's images, audio, videos and files."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any

from agentos_guest import Media
from agno.media import Audio, File, Image, Video

_NAMES = {"image": "images", "audio": "audio", "video": "videos", "file": "files"}
_CLASSES: dict[str, Any] = {"image": Image, "audio": Audio, "video": Video}
_ID = "agentos-attachment-"
"""What the ids of a run's own attachments start with: their bytes are not kept with a pause, the server has them."""


def attachments(media: Sequence[Media], *, own: bool = True) -> dict[str, list[Any]]:
    """Return them by the names that a run and a message of Agno have for them. ``own``: they are of this run."""
    found: dict[str, list[Any]] = {}
    for number, one in enumerate(media):
        found.setdefault(_NAMES[one.type], []).append(_attachment(one, f"{_ID}{number}" if own else None))
    return found


def without_bytes(saved: Any) -> Any:
    """Return a run's dictionary less the bytes of its own attachments."""
    if isinstance(saved, dict):
        own = str(saved.get("id", "")).startswith(_ID)
        return {name: without_bytes(value) for name, value in saved.items() if not (own and name == "content")}
    return [without_bytes(value) for value in saved] if isinstance(saved, list) else saved


def with_bytes(saved: Any, media: Sequence[Media]) -> Any:
    """Return the dictionary as :func:`without_bytes` had it."""
    if isinstance(saved, list):
        return [with_bytes(value, media) for value in saved]
    if not isinstance(saved, dict):
        return saved
    whole = {name: with_bytes(value, media) for name, value in saved.items()}
    identity = str(saved.get("id", ""))
    if identity.startswith(_ID):
        one = media[int(identity.removeprefix(_ID))]
        if one.path is not None:
            whole["content"] = base64.b64encode(one.read()).decode("ascii")
    return whole


def set_formats(messages: Iterable[Any], media: Sequence[Media]) -> None:
    """Set the format of audio again, which Agno loses when it reads a run: it would send all as ``wav``."""
    for message in messages:
        for audio in message.audio or ():
            if str(audio.id or "").startswith(_ID):
                audio.format = _format(media[int(audio.id.removeprefix(_ID))])


def _attachment(one: Media, identity: str | None) -> Any:
    source: dict[str, Any] = {"url": one.url} if one.path is None else {"content": one.read()}
    kind = one.content_type
    if one.type == "file":
        # Agno refuses a file whose type is not on its list; without a type it takes it, and the model's class decides.
        known = kind if kind in File.valid_mime_types() else None
        return File(**source, id=identity, mime_type=known, filename=one.name)
    return _CLASSES[one.type](**source, id=identity, mime_type=kind, format=_format(one))


def _format(one: Media) -> str | None:
    return one.content_type.partition("/")[2].partition(";")[0] if one.content_type else None
