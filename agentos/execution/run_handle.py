"""One run as a caller follows, awaits and cancels it, at any worker: in memory where it executes, else in the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace

from agentos.domain.event import Frame
from agentos.domain.message import Message
from agentos.domain.pending import PendingAction
from agentos.domain.run import Run, RunStatus
from agentos.domain.stored_request import ModelOverrides
from agentos.errors import AgentOSError, EventsExpired, RunCancelled, RunFinished, RunNotFound, StorageError
from agentos.events.stream import Sink
from agentos.execution.live import LiveRun
from agentos.execution.log_follower import POLL, LogFollower
from agentos.execution.runs_here import RunsHere
from agentos.execution.signals import Signals, run_topic, worker_topic
from agentos.execution.step_recorder import StepRecorder
from agentos.storage.interface import Storage
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter

MOST_CHILDREN = 100
"""Runs that a run made, of which its record tells."""

EndRun = Callable[[Run, AgentOSError], Run | None]
"""Ends a run that no worker has, for a cause, and returns it; ``None`` if one has claimed it meanwhile."""


class RunHandle:
    """One run for one caller.

    A run that is not ``owner``'s behaves like a missing one; with ``None``, all runs are visible. ``live`` is the run
    if the caller has just started it. ``replayed``: an earlier request with the same idempotency key started it.
    ``poll`` is how many seconds a caller at another worker waits for a signal before it looks by itself.
    """

    def __init__(
        self,
        storage: Storage,
        here: RunsHere,
        signals: Signals,
        run_id: str,
        *,
        owner: str | None,
        end: EndRun,
        live: LiveRun | None = None,
        replayed: bool = False,
        poll: float = POLL,
    ) -> None:
        self.run_id = run_id
        self.replayed = replayed
        self._storage = storage
        self._here = here
        self._signals = signals
        self._owner = owner
        self._end = end
        self._found = live
        self._poll = poll

    def get(self) -> Run:
        """Return the run as it is saved. Raises :class:`~agentos.errors.RunNotFound`."""
        run = self._storage.runs.get(self.run_id, owner=self._owner)
        if run is None:
            raise RunNotFound(self.run_id)
        return run

    def actions(self) -> Sequence[PendingAction]:
        """Return all that the run has waited for, in the order of its making, with the answers. Raises as :meth:`get`.

        ``get().pending`` has those of the present pause alone.
        """
        return self._storage.runs.actions(self.get().id)

    def with_actions(self) -> tuple[Run, Sequence[PendingAction]]:
        """Return the run as :meth:`get` does, and what it has waited for as :meth:`actions` does.

        One that is paused, or was and waits for a worker, has the steps so far, as its checkpoints keep them.
        """
        run = self.get()
        if run.status is RunStatus.PAUSED or (run.status is RunStatus.QUEUED and run.started_at is not None):
            saved = self._storage.runs.checkpoints(run.id)
            steps = StepRecorder([step for checkpoint in saved for step in checkpoint.steps]).ended(None)
            run = replace(run, steps=steps)
        return run, self._storage.runs.actions(run.id)

    def children(self) -> Sequence[Run]:
        """Return the runs that this run made, oldest first, the newest hundred at most. Raises as :meth:`get`."""
        run = self.get()
        found = self._storage.runs.list(RunFilter(parent_run_id=run.id), Paging(limit=MOST_CHILDREN)).items
        return [child for child in reversed(found) if child.owner == run.owner]

    def follow(self, after: int = 0, *, heartbeat: float, sink: Sink | None = None) -> Iterator[Sequence[Frame]]:
        """Return the frames after number ``after``, those that are there together, until the run ends or pauses.

        A pause is the last frame if the run is still paused when it is sent. If nothing after ``after`` is there of a
        paused run, its next frames are waited for.

        After ``heartbeat`` seconds without a frame an empty batch comes. In this run's worker, ``sink`` may take frames
        in place of a batch (see :meth:`agentos.events.stream.EventStream.follow`). Raises, before it returns,
        :class:`~agentos.errors.RunNotFound`, or :class:`~agentos.errors.EventsExpired` for a run that ended so long ago
        that its events are gone.
        """
        live = self._live()
        if live is not None:
            return self._follow(live.run, live, after, heartbeat, sink)
        run = self.get()
        if run.status.finished and not self._storage.events.read(run.id, limit=1):
            raise EventsExpired(f"the events of run {run.id!r} are not kept any more; GET the run for how it ended")
        return self._follow(run, None, after, heartbeat, sink)

    def wait(self, timeout: float) -> Run | None:
        """Wait until the run ends or pauses, and return it as it is saved, or as its client must see it.

        ``None``: not in time. Raises :class:`~agentos.errors.RunNotFound`, also for one that is deleted meanwhile.
        """
        deadline = time.monotonic() + timeout
        live = self._live()
        if live is None:
            return self._wait_elsewhere(deadline)
        if live.stream.wait(timeout) is not None:
            return live.run
        return self._wait_elsewhere(deadline) if live.stream.redirected_to_log else None

    def cancel(self) -> Run:
        """Stop the run, wherever it executes; return it as it is now. Raises ``RunNotFound``, or ``RunFinished``."""
        run = self._storage.runs.request_cancel(self.run_id, owner=self._owner)
        if run is None:
            raise RunNotFound(self.run_id)
        if run.status.finished:
            raise RunFinished(f"run {run.id!r} has ended as {run.status.value}; there is nothing left to cancel")
        cause = RunCancelled("the run was cancelled")
        if run.worker_id is None and (ended := self._end(run, cause)) is not None:
            return ended
        if self._here.get(run.id) is not None:
            self._here.cancel(run.id, cause)
        elif run.worker_id is not None:
            self._signals.notify(worker_topic(run.worker_id))
        return run

    def messages(self) -> Sequence[Message]:
        """Return what the run was asked: the conversation that its client sent with it, and its input, oldest first.

        Not what its session or the agent said. Attachments have their bytes, where these are still stored. Raises
        :class:`~agentos.errors.RunNotFound`.
        """
        run = self.get()
        request = self._storage.runs.request(run.id, owner=self._owner)
        sent = [] if request is None else list(request.messages)
        if run.input or run.media:
            sent.append(Message("user", run.input, media=run.media))
        return [self._with_data(message, run.owner) if message.media else message for message in sent]

    def overrides(self) -> ModelOverrides:
        """Return what the run does differently from its agent. Raises :class:`~agentos.errors.RunNotFound`."""
        request = self._storage.runs.request(self.run_id, owner=self._owner)
        if request is None:
            raise RunNotFound(self.run_id)
        return request.overrides

    def _with_data(self, message: Message, owner: str) -> Message:
        read = self._storage.attachments.with_data
        return replace(message, media=tuple(read(media, owner=owner) or media for media in message.media))

    def ended(self) -> Run | None:
        """Return the run as it ended; ``None`` if it has not, or cannot be read now."""
        live = self._live()
        try:
            run = self.get() if live is None else live.run
        except (RunNotFound, StorageError):
            return None
        return run if run.status.finished else None

    def _live(self) -> LiveRun | None:
        """Return the run if it is under way in this worker, or ended here; not one that paused, or was taken over."""
        if self._found is None or self._found.stream.continues_elsewhere:
            live = self._here.get(self.run_id)
            visible = live is not None and self._owner in (None, live.run.owner)
            self._found = live if visible and live is not None and not live.stream.continues_elsewhere else None
        return self._found

    def _follow(
        self, run: Run, live: LiveRun | None, after: int, heartbeat: float, sink: Sink | None
    ) -> Generator[Sequence[Frame], None, None]:
        with self._here.followers:
            log = LogFollower(self._storage, self._signals, run, poll=self._poll)
            place: int | None = after
            while place is not None:
                if live is None:
                    place = yield from log.follow(place, heartbeat, lambda _: self._live() is not None)
                    live = self._live()
                elif not live.stream.retains(place):  # a slow reader, or a late one
                    place = yield from log.follow(place, heartbeat, live.stream.retains)
                else:
                    before = place
                    place = yield from live.stream.follow(place, heartbeat=heartbeat, sink=sink)
                    if not live.stream.retains(place):
                        continue
                    if not live.stream.continues_elsewhere or (live.stream.last is not None and place > before):
                        return
                    live = None  # it was taken over, or this reader had seen the pause

    def _wait_elsewhere(self, deadline: float) -> Run | None:
        with self._signals.listen(run_topic(self.run_id)) as wakeup:
            while True:
                if self._live() is not None:
                    return self.wait(deadline - time.monotonic())
                run = self.get()
                if run.status.finished or run.status is RunStatus.PAUSED:
                    return run
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                wakeup.wait(min(self._poll, left))
