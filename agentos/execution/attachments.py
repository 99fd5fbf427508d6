"""The bytes that a run needs: of its own attachments, and of those in its history."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.errors import StorageError
from agentos.execution.live import LiveRun
from agentos.runtime.window import fit
from agentos.storage.interface import Storage


def bring_attachments(storage: Storage, live: LiveRun, history: Sequence[Message], *, most: int) -> Sequence[Message]:
    """Return the history as the agent is given it, of at most so many bytes; complete the run's own attachments.

    These have their data unless another worker admitted the run. Without any attachment, this costs no query. Raises
    ``StorageError`` when one of the run is gone.
    """

    def read(media: Media) -> Media | None:
        return storage.attachments.with_data(media, owner=live.run.owner)

    if live.run.media:
        own = [read(media) for media in live.run.media]
        if None in own:
            raise StorageError("an attachment of the run is no longer stored; send it again")
        live.run = dataclasses.replace(live.run, media=tuple(filter(None, own)))
    return fit(history, most=most, read=read)
