"""The messages that an agent is given: of its session or of the client's own conversation, with their attachments."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.errors import StorageError
from agentos.execution.live import LiveRun
from agentos.runtime.pairing import pair_calls
from agentos.runtime.window import fit
from agentos.storage.interface import Storage


def prepare_messages(storage: Storage, live: LiveRun, history: Sequence[Message], *, most: int) -> Sequence[Message]:
    """Return the earlier messages as the agent is given them, at most ``most`` bytes; complete its own attachments.

    A conversation that the client sent takes the place of the session's history. The run's own attachments have their
    data unless another worker admitted the run. Without any attachment, this costs no query. Raises
    :class:`~agentos.errors.StorageError` when an attachment of the run is gone.
    """

    def read(media: Media) -> Media | None:
        return storage.attachments.with_data(media, owner=live.run.owner)

    if live.run.media:
        own = [read(media) for media in live.run.media]
        if None in own:
            raise StorageError("an attachment of the run is no longer stored; send it again")
        live.run = dataclasses.replace(live.run, media=tuple(filter(None, own)))
    if live.run.request is not None and live.run.request.messages:
        history = live.run.request.messages
    else:
        history = pair_calls(history)
    return fit(history, most=most, read=read)
