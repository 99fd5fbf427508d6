"""Attachments of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from agentos.domain.media_data import decoded_size

MediaType = Literal["image", "audio", "video", "file"]
MEDIA_TYPES: tuple[MediaType, ...] = get_args(MediaType)


@dataclass(frozen=True, slots=True)
class Media:
    """One attachment: at a ``url`` (http or https), or as base64 ``data`` with its ``content_type``.

    Clients give exactly one of the two. Both together mean that it was named by its ``url`` and brought in from there.
    One that the storage gives in a list or a history has no ``data``: it has the ``size`` of its bytes and, as
    ``reference``, the place where the storage keeps them.
    """

    type: MediaType
    url: str | None = None
    data: str | None = field(default=None, repr=False)
    content_type: str | None = None
    name: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    size: int | None = None
    reference: str | None = field(default=None, compare=False)

    @property
    def byte_count(self) -> int | None:
        """How many bytes it has; ``None`` for one that has only an address."""
        return self.size if self.data is None else decoded_size(self.data)

    def without_data(self) -> Media:
        """Return the attachment without its bytes, but with their size."""
        return self if self.data is None else replace(self, data=None, size=decoded_size(self.data))

    def describe(self) -> dict[str, Any]:
        """Return what answers, events and history show: everything but the bytes, of which they show the size."""
        shown = {
            "type": self.type,
            "url": self.url,
            "content_type": self.content_type,
            "size": self.byte_count,
            "name": self.name,
            "metadata": dict(self.metadata) or None,
        }
        return {name: value for name, value in shown.items() if value is not None}
