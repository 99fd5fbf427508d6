"""Attachments of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

MediaType = Literal["image", "audio", "video", "file"]
MEDIA_TYPES: tuple[MediaType, ...] = get_args(MediaType)


@dataclass(frozen=True, slots=True)
class Media:
    """One attachment: at a ``url`` (http or https), or as base64 ``data`` with its ``content_type``.

    Clients give exactly one of the two. Both together mean that it was named by its ``url`` and brought in from there.
    """

    type: MediaType
    url: str | None = None
    data: str | None = field(default=None, repr=False)
    content_type: str | None = None
    name: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """Return what answers, events and history show: everything but the bytes, of which they show the size."""
        shown: dict[str, Any] = {"type": self.type}
        if self.url is not None:
            shown["url"] = self.url
        if self.content_type is not None:
            shown["content_type"] = self.content_type
        if self.data is not None:
            shown["size"] = len(self.data) * 3 // 4 - self.data[-2:].count("=")
        if self.name is not None:
            shown["name"] = self.name
        if self.metadata:
            shown["metadata"] = dict(self.metadata)
        return shown
