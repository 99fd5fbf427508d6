"""What the code of an agent or tool writes into a run under way besides its answer, from any of its threads."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentos.domain.event import CustomEvent, StateEvent, Step
from agentos.domain.json_patch import Patch, apply_patch
from agentos.domain.run import Run
from agentos.domain.session import Session
from agentos.domain.session_state import StateChange
from agentos.errors import AgentFailed, InvalidRequest
from agentos.storage.sessions import SessionStore
from agentos.tools.run_writer import RunWriter, custom_event, state_event, without_session

UNSEEN = -1
"""A version that no session has."""

Publish = Callable[[CustomEvent | StateEvent | Step], bool]
"""Takes an event into the run; False when the run has ended, so that it says nothing any more."""


class LiveWriter(RunWriter):
    """Writes into one run. The session is read when its state is asked for the first time, and not before.

    ``tell`` lets observers see what was published. It is called outside of locks. ``saved`` are the patches of the
    run's checkpoints, from before a pause or a crash.
    """

    def __init__(
        self,
        run: Run,
        publish: Publish,
        tell: Callable[[], None],
        sessions: SessionStore,
        *,
        max_state: int,
        saved: Sequence[Patch] = (),
    ) -> None:
        self._run = run
        self._publish = publish
        self._tell = tell
        self._sessions = sessions
        self._max_state = max_state
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._state: Mapping[str, Any] = {}
        self._patches: list[Patch] = list(saved)
        self._taken = len(self._patches)

    def emit(self, name: str, data: Any) -> None:
        """Send a custom event."""
        self._publish(custom_event(name, data))
        self._tell()

    def step(self, step: Step) -> None:
        """Take in that a call to a model started, or failed."""
        self._publish(step)
        self._tell()

    def set_state(self, patch: object) -> None:
        """Change the session's state for this run, and say so."""
        event = state_event(patch)
        if self._read() is None:
            raise without_session()
        with self._lock:  # so that events come in the order in which they were applied
            state = apply_patch(self._state, event.delta, most=self._max_state)
            if self._publish(event):
                self._state = state
                self._patches.append(event.delta)
        self._tell()

    def state(self) -> Mapping[str, Any]:
        """Return a copy of the session's state as this run has it."""
        self._read()
        return copy.deepcopy(dict(self._state))

    def take_patches(self) -> Sequence[Patch]:
        """Return the patches since this was called before."""
        with self._lock:
            patches = self._patches[self._taken :]
            self._taken = len(self._patches)
            return patches

    def change(self) -> StateChange | None:
        """Return what the run did to its session's state; ``None`` if it did nothing."""
        with self._lock:
            if not self._patches:
                return None
            return StateChange(
                # Without a look at the session since a pause, it is at another version than any that was seen.
                version=UNSEEN if self._session is None else self._session.version,
                state=self._state,
                patches=tuple(self._patches),
                most=self._max_state,
            )

    def close(self) -> None:
        """Let go of the run, which has ended: it refers to this, and its memory shall not wait for a collection."""
        self._publish, self._tell = _refuse, _nothing

    def _read(self) -> Session | None:
        if self._run.session_id is None:
            return None
        # Outside of the lock, which the end of the run takes: that must not wait for a slow database.
        found = self._session or self._sessions.get(self._run.session_id, owner=self._run.owner)
        with self._lock:
            if self._session is None and found is not None:
                self._session, self._state = found, self._patched(found.state)
            return self._session

    def _patched(self, state: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the session's state with what this run did to it before its pause."""
        try:
            for patch in self._patches:
                state = apply_patch(state, patch, most=self._max_state)
        except InvalidRequest as error:
            raise AgentFailed(
                "the state of the session was changed while the run was paused, and what the run did to it before does"
                f" not fit any more: {error.message}"
            ) from error
        return state


def _refuse(_: object) -> bool:
    return False


def _nothing() -> None: ...
