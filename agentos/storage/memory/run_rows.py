"""A run as the memory storage holds it: the run, its worker and all that belongs to it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from agentos.domain.checkpoint import Checkpoint
from agentos.domain.event import Frame
from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.domain.pending import Answer, PendingAction
from agentos.domain.run import Run, RunStatus
from agentos.domain.stored_request import StoredRequest
from agentos.storage.admission import Lease
from agentos.storage.json_text import copied
from agentos.storage.pause_documents import action_of, action_text, answer_text, checkpoint_of, checkpoint_text


@dataclass(slots=True)
class RunRow:
    """A run, its lease, its checkpoints and actions, the turn it left and its event log.

    ``lease_until`` is by the monotonic clock: until then its worker has it. Of a run that no worker has, it is the time
    until which one should have claimed it; a paused run has none.
    """

    run: Run
    request: StoredRequest | None = None
    worker_id: str | None = None
    lease_until: float | None = None
    turn: int | None = None
    cancel_requested: bool = False
    forget_requested: bool = False
    frames: list[Frame] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    actions: list[PendingAction] = field(default_factory=list)
    answered_pauses: int = 0
    """How many of the actions belong to pauses before the last one."""
    digests: set[str] = field(default_factory=set)
    """Of the attachments that the run and its messages have."""

    @property
    def unfinished(self) -> bool:
        """True while the run has not ended."""
        return not self.run.status.finished

    @property
    def under_way(self) -> bool:
        """True while the run is queued or running."""
        return self.run.status in (RunStatus.QUEUED, RunStatus.RUNNING)

    @property
    def queued(self) -> bool:
        """True while the run waits for its turn or for a worker."""
        return self.run.status is RunStatus.QUEUED

    @property
    def paused(self) -> bool:
        """True while the run waits for answers."""
        return self.run.status is RunStatus.PAUSED

    @property
    def in_the_way(self) -> bool:
        """True while the run is paused and keeps the later ones of its session waiting for a person.

        One that was asked to stop is about to be ended.
        """
        return self.paused and not self.cancel_requested

    @property
    def unclaimed(self) -> bool:
        """True while the run is queued and no worker has it."""
        return self.queued and self.worker_id is None

    @property
    def must_not_begin(self) -> bool:
        """True while the run is queued and was asked to stop."""
        return self.queued and self.cancel_requested

    @property
    def expired(self) -> bool:
        """True once the time is over that its worker's lease has, or in which one should have claimed it."""
        return self.lease_until is not None and self.lease_until < time.monotonic()

    @property
    def position(self) -> int:
        """The run's position in its session; 0 without one."""
        return self.run.position or 0

    @property
    def pending(self) -> tuple[PendingAction, ...]:
        """The actions that wait for an answer, while the run is paused."""
        return tuple(action_copy(one) for one in self.actions if one.answer is None) if self.paused else ()

    def lease(self, lease: Lease) -> None:
        """Give the run to a worker from now on."""
        self.worker_id = lease.worker_id
        self.lease_until = time.monotonic() + lease.seconds

    def offer(self, seconds: float) -> None:
        """Let any worker claim the run; one should have done so in this time."""
        self.worker_id = None
        self.lease_until = time.monotonic() + seconds

    def ask_to_stop(self, *, forget: bool) -> None:
        """Mark the run, which is unfinished. That it is to be forgotten is never taken back."""
        self.cancel_requested = True
        self.forget_requested = self.forget_requested or forget

    def append(self, frames: Sequence[Frame], checkpoints: Sequence[Checkpoint] = ()) -> None:
        """Append what the log and the checkpoints do not hold yet; a batch may come a second time."""
        last = self.frames[-1].number if self.frames else 0
        self.frames.extend(frame for frame in frames if frame.number > last)
        number = self.checkpoints[-1].number if self.checkpoints else 0
        self.checkpoints.extend(checkpoint_copy(one) for one in checkpoints if one.number > number)

    def pause(self, actions: Sequence[PendingAction]) -> None:
        """Let the run wait for these actions, without a worker."""
        self.run = replace(self.run, status=RunStatus.PAUSED)
        self.worker_id = self.lease_until = None
        self.answered_pauses = len(self.actions)
        self.actions.extend(action_copy(replace(one, answer=None)) for one in actions)

    def answer(self, answers: Mapping[str, Answer]) -> None:
        """Keep answers by the ids of the run's actions."""
        self.actions = [
            action_copy(replace(one, answer=answers[one.id])) if one.id in answers else one for one in self.actions
        ]

    def end(self) -> None:
        """Take the run from its worker, and leave out what only an unfinished run needs."""
        self.worker_id = self.lease_until = None
        self.checkpoints.clear()
        self.actions = [one for one in self.actions if one.answer is not None]

    def shown(self) -> Run:
        """Return the run with its worker and what waits for an answer."""
        return replace(run_copy(self.run), worker_id=self.worker_id, pending=self.pending)


def run_copy(run: Run) -> Run:
    """Return a run of its own, as it is read: without the rest of its request."""
    return replace(
        run,
        request=None,
        media=media_copy(run.media),
        error=None if run.error is None else replace(run.error, details=copied(run.error.details)),
        metadata=copied(run.metadata),
        context=copied(run.context),
    )


def listed_copy(run: Run) -> Run:
    """Return a run of its own as lists and histories have it."""
    return replace(run_copy(run), steps=())


def message_copy(message: Message) -> Message:
    """Return a message of its own."""
    return replace(message, media=media_copy(message.media)) if message.media else message


def media_copy(media: tuple[Media, ...]) -> tuple[Media, ...]:
    """Return attachments of their own, without their bytes."""
    return tuple(replace(one.without_data(), metadata=copied(one.metadata)) for one in media)


def action_copy(action: PendingAction) -> PendingAction:
    """Return an action of its own."""
    return action_of(action_text(action), None if action.answer is None else answer_text(action.answer))


def checkpoint_copy(checkpoint: Checkpoint) -> Checkpoint:
    """Return a checkpoint of its own."""
    return checkpoint_of(checkpoint_text(checkpoint))
