"""The one end of each run: saved first, told afterwards."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from agentos.domain.event import Frame
from agentos.domain.run import Run, RunStatus
from agentos.errors import AgentFailed, AgentOSError, PreconditionFailed, RunCancelled, StorageError
from agentos.events.encoder import FrameEncoder
from agentos.events.log import EventLog
from agentos.execution.live import LiveRun
from agentos.execution.outcome import leaves_messages, terminal_event
from agentos.storage.admission import Ended
from agentos.storage.interface import Storage

SAVE_PAUSES = (0.2, 0.8)
"""Seconds to wait after each failed attempt to save the end of a run, before one last attempt."""

UNSAVED = "the run ended, but its result could not be saved"

T = TypeVar("T")

logger = logging.getLogger(__name__)


class RunFinalizer:
    """Ends runs, each exactly once."""

    def __init__(self, storage: Storage, log: EventLog) -> None:
        self._storage = storage
        self._log = log

    def end(self, live: LiveRun, failure: AgentOSError | None) -> Ended | None:
        """End a run: save its state, messages and last events together, then tell its followers.

        Returns ``None`` if another caller ends or pauses it.
        """
        if not live.begin_end():
            return None
        self._log.release(live.run.id)
        return self.end_begun(live, failure)

    def end_begun(self, live: LiveRun, failure: AgentOSError | None) -> Ended:
        """End a run whose end the caller has begun, and whose events the log has released.

        What could not be saved is reported as an error, never as done. If not even that can be saved, its row stays
        unfinished until a sweep finds it.
        """
        try:
            run, frame, ended = self._end_as(live, failure)
        except StorageError:
            logger.error("the end of a run could not be saved", extra=live.log_fields())
            run, frame, ended = self._end_bare(live)
        # A bug, or a storage backend that breaks its contract: no other caller can end the run any more, and its client
        # must hear an end all the same.
        except Exception:
            logger.exception("saving the end of a run met a bug", extra=live.log_fields())
            run, frame, ended = self._end_bare(live)
        if ended is None:
            self.leave(live)
            return Ended()
        live.run = run
        live.stream.append(frame)
        return ended

    def _end_bare(self, live: LiveRun) -> tuple[Run, Frame, Ended | None]:
        """End a run as failed, without its messages and calls: they may be why its end cannot be saved.

        During an outage this saves nothing either.
        """
        run, frame = live.ended(StorageError(UNSAVED))
        bare = dataclasses.replace(run, steps=(), model=None, finish_reason=None)
        try:
            return bare, frame, self._storage.runs.finish(bare, frames=[*live.stream.unlogged(), frame])
        except Exception as error:
            logger.debug(
                "the end without messages and calls could not be saved either", exc_info=error, extra=live.log_fields()
            )
            return run, frame, Ended()

    def _end_as(self, live: LiveRun, failure: AgentOSError | None) -> tuple[Run, Frame, Ended | None]:
        run, frame = live.ended(failure)
        try:
            return run, frame, self._save(live, run, [*live.stream.unlogged(), frame])
        except PreconditionFailed as error:  # it completed, but its session's state is not what it was
            return self._end_as(live, AgentFailed(error.message))

    def leave(self, live: LiveRun) -> None:
        """Tell those who follow a run that is not ours any more what they would hear elsewhere."""
        try:
            now = self._storage.runs.get(live.run.id, owner=live.run.owner)
        except StorageError:
            live.stream.redirect_to_log()
            return
        if now is None:
            live.run, frame = live.ended(RunCancelled("the run was deleted, or its session was; nothing was saved"))
            live.stream.append(frame)
            return
        live.run = now
        if live.stream.durable or not now.status.finished:
            live.stream.redirect_to_log()
            return
        # They may have been shown more than the log has, so that its last number would be one that they have seen.
        event = terminal_event(now, live.transcript.tokens)
        live.stream.append(FrameEncoder(now).encode(event, live.stream.next_number))

    def _save(self, live: LiveRun, run: Run, frames: Sequence[Frame]) -> Ended | None:
        messages = live.turn_messages() if leaves_messages(run) else ()
        save = partial(self._storage.runs.finish, run, messages=messages, frames=frames)
        if run.status is RunStatus.COMPLETED and (change := live.writer.change()) is not None:
            save = partial(save, state=change)
        return persistently(save)


def persistently(work: Callable[[], T]) -> T:
    """Save or read something, again after a moment if the database fails. Raises its last error."""
    for pause in SAVE_PAUSES:
        try:
            return work()
        except StorageError:
            time.sleep(pause)
    return work()
