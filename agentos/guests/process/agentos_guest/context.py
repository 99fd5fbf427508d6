"""A run as the agents and tools of plain Python see it: with the names that they have in a worker."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from agentos_guest.errors import Pause
from agentos_guest.json_patch import apply_patch
from agentos_guest.run import Action, Media, Message, Overrides, Run


class Cancelled(Exception):
    """The run has to stop."""


class Cancellation:
    """Tells threads of a run that it has to stop, and cuts the calls that they wait in. Tasks are cancelled anyway."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._cuts: list[Callable[[], None]] = []

    @property
    def cause(self) -> Exception | None:
        """Why the run has to stop; ``None`` while it may continue."""
        return Cancelled("the run was cancelled") if self._event.is_set() else None

    def cancel(self) -> None:
        """Stop the run: run every registered cut. Never raises."""
        with self._lock:
            self._event.set()
            cuts, self._cuts = self._cuts, []
        for cut in cuts:
            with suppress(Exception):  # the agent's own code; what it could not cut ends by itself
                cut()

    def check(self) -> None:
        """Raise :class:`Cancelled` if the run has to stop."""
        if self._event.is_set():
            raise Cancelled("the run was cancelled")

    def wait(self, seconds: float) -> bool:
        """Sleep in a thread, but no longer than until the run has to stop; return whether it has to."""
        return self._event.wait(seconds)

    @contextmanager
    def cutting(self, cut: Callable[[], None]) -> Iterator[None]:
        """While the block runs, call ``cut`` (from another thread) the moment the run has to stop."""
        with self._lock:
            self.check()
            self._cuts.append(cut)
        try:
            yield
        except Exception:
            self.check()
            raise
        finally:
            with self._lock:
                if cut in self._cuts:
                    self._cuts.remove(cut)


class Context:
    """What ``stream(context)`` and a tool's context parameter are given.

    ``deadline`` is a ``time.monotonic()`` value of this process.
    """

    def __init__(self, run: Run, *, request_id: str | None = None) -> None:
        self._run = run
        self._state = copy.deepcopy(dict(run.state))
        self._questions = 0
        self.request_id = request_id
        self.deadline = time.monotonic() + run.seconds
        self.cancellation = Cancellation()

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._run.id

    @property
    def agent_id(self) -> str:
        """The agent's id."""
        return self._run.agent_id

    @property
    def input(self) -> str:
        """What the user said."""
        return self._run.input

    @property
    def owner(self) -> str:
        """The user or tenant of the run."""
        return self._run.owner

    @property
    def session_id(self) -> str | None:
        """The session's id."""
        return self._run.session_id

    @property
    def user_id(self) -> str | None:
        """What the client said who its user is."""
        return self._run.user_id

    @property
    def media(self) -> Sequence[Media]:
        """The attachments of the input."""
        return self._run.media

    @property
    def history(self) -> Sequence[Message]:
        """The session's last turns, oldest first."""
        return self._run.history

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the client gave with the run."""
        return self._run.metadata

    @property
    def overrides(self) -> Overrides:
        """What this run does differently."""
        return self._run.overrides

    @property
    def state(self) -> Mapping[str, Any]:
        """A copy of the session's state as this run sees it, with its own changes; empty without a session."""
        return copy.deepcopy(self._state)

    @property
    def resumed(self) -> bool:
        """Whether the run was paused and has its answers."""
        return self._run.resumed

    def question(self) -> Message:
        """Return what the user said, as a message."""
        return Message("user", self.input, media=tuple(self.media))

    def emit(self, name: str, data: Any = None) -> None:
        """Send a ``custom`` event to those who follow the run, in its place among the others."""
        self.cancellation.check()
        self._run.emit(name, data)

    def set_state(self, patch: Sequence[Mapping[str, Any]]) -> None:
        """Change the state of the run's session by a JSON Patch. Raises ``ValueError`` if it does not apply."""
        self.cancellation.check()
        changed = apply_patch(self._state, patch)
        self._run.set_state(patch)
        self._state = changed

    def ask(self, message: str, schema: Mapping[str, Any] | None = None) -> Any:
        """Ask a person and return the answer; the first time, the run pauses.

        After the answer the agent or tool is called again from its beginning, so ask before anything that must not
        happen twice. The n-th question gets the n-th answer.
        """
        self.cancellation.check()
        if not isinstance(message, str) or not message.strip():
            raise ValueError(f"the question of context.ask is {message!r:.100}; accepted is a text that is not empty")
        self._questions += 1
        key = f"question-{self._questions}"
        for answer in reversed(self._run.answers):
            if answer.key == key:
                return answer.output
        raise Pause([Action(key, "input", message=message, schema=schema)])
