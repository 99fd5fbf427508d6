"""Attachments as all backends keep them: their bytes once per owner and content, apart from runs and messages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from agentos.domain.media import Media
from agentos.domain.media_data import decoded, encoded
from agentos.domain.message import Message
from agentos.domain.run import Run

_CONTENT = "sha256:"


@dataclass(frozen=True, slots=True)
class Attachment:
    """The bytes of one attachment, in pieces, under the SHA-256 of the whole in hexadecimal digits."""

    digest: str
    size: int
    pieces: Sequence[bytes]


def read_in_run(run: Run) -> tuple[Run, dict[str, Attachment]]:
    """Return a new run with references to its attachments, and by digest the bytes of those that have data.

    Its attachments are its own and those of the messages that its client sent. Takes its time over each, and so belongs
    before the transaction. Raises ``ValueError``, a caller's bug, for data that is not base64.
    """
    new: dict[str, Attachment] = {}
    media = tuple(one if one.data is None else _read_one(one, one.data, new) for one in run.media)
    request = run.request
    if request is not None and request.messages:
        messages, more = read_in_messages(request.messages)
        new |= more
        request = replace(request, messages=messages)
    return replace(run, media=media, request=request) if new else run, new


def media_of(run: Run) -> Sequence[Media]:
    """Return the attachments of a run: its own, and those of the messages that its client sent."""
    if run.request is None or not run.request.messages:
        return run.media
    return [*run.media, *(media for message in run.request.messages for media in message.media)]


def read_in_messages(messages: Sequence[Message]) -> tuple[Sequence[Message], dict[str, Attachment]]:
    """Do the same for the messages of a turn; attachments that have a reference are stored already."""
    new: dict[str, Attachment] = {}
    referring: list[Message] = []
    for message in messages:
        if message.media:
            media = (
                one if one.data is None or one.reference is not None else _read_one(one, one.data, new)
                for one in message.media
            )
            message = replace(message, media=tuple(media))
        referring.append(message)
    return referring, new


def _read_one(media: Media, data: str, new: dict[str, Attachment]) -> Media:
    pieces = list(decoded(data))
    content = sha256()
    for piece in pieces:
        content.update(piece)
    digest = content.hexdigest()
    new[digest] = Attachment(digest, sum(map(len, pieces)), pieces)
    return replace(media, reference=_CONTENT + digest)


def digest_of(reference: str | None) -> str | None:
    """Return the digest that a reference names; ``None`` for one of another kind."""
    if reference is None or not reference.startswith(_CONTENT):
        return None
    return reference.removeprefix(_CONTENT)


def digests_of(media: Iterable[Media]) -> set[str]:
    """Return the digests that attachments refer to."""
    return {digest for one in media if (digest := digest_of(one.reference)) is not None}


class AttachmentStore(ABC):
    """The bytes of attachments by reference. ``runs.admit``, ``runs.finish`` and ``sessions.append`` keep them."""

    @abstractmethod
    def read(self, reference: str, *, owner: str | None) -> bytes | None:
        """Return the bytes of the attachment with a ``reference``; ``None`` if there are none.

        An attachment of another owner behaves like one that does not exist. The bytes are deleted with the last run or
        added message of their owner that has them.
        """

    def with_data(self, media: Media, *, owner: str) -> Media | None:
        """Return an owner's attachment with its data, read where it has none; ``None`` when its bytes are gone."""
        if media.data is not None or media.reference is None:
            return media
        content = self.read(media.reference, owner=owner)
        return None if content is None else replace(media, data=encoded(content))
