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


class RunAttachments:
    """Reads attachments when a run begins. A run without any, and with none in its history, costs no query."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def bring(self, live: LiveRun, history: Sequence[Message], *, most: int) -> Sequence[Message]:
        """Return the history as the agent is given it, of at most so many bytes; complete the run's own attachments.

        These have their data unless another worker admitted the run. Raises ``StorageError`` when it is gone.
        """
        owner = live.run.owner
        if any(media.data is None and media.reference is not None for media in live.run.media):
            own = tuple(self._own(media, live) for media in live.run.media)
            live.run = dataclasses.replace(live.run, media=own)
        return fit(history, most=most, read=lambda media: self._storage.attachments.with_data(media, owner=owner))

    def _own(self, media: Media, live: LiveRun) -> Media:
        found = self._storage.attachments.with_data(media, owner=live.run.owner)
        if found is None:
            raise StorageError("an attachment of the run is no longer stored; send it again")
        return found
