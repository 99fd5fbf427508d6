"""One call to a model, and how it is cut off."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from agentos.domain.message import Message
from agentos.errors import AgentOSError, RunCancelled

logger = logging.getLogger(__name__)


class Cancellation:
    """Tells the work of one run, from any thread, that it has to stop, and cuts the calls it waits in.

    >>> cancellation = Cancellation()
    >>> with cancellation.cutting(response.close):  # doctest: +SKIP
    ...     response.read()
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cuts: list[Callable[[], None]] = []
        self._cause: AgentOSError | None = None
        self._event = threading.Event()

    @property
    def cause(self) -> AgentOSError | None:
        """Why the run has to stop; ``None`` as long as it may go on."""
        return self._cause

    def cancel(self, cause: AgentOSError | None = None) -> None:
        """Stop the run: remember the first cause, then run every registered cut. Never raises."""
        with self._lock:
            if self._cause is not None:
                return
            self._cause = cause or RunCancelled("the run was cancelled")
            cuts, self._cuts = self._cuts, []
        self._event.set()
        for cut in cuts:
            _run_cut(cut)

    def check(self) -> None:
        """Raise the cause if the run has to stop."""
        if self._cause is not None:
            raise self._cause

    def wait(self, seconds: float) -> bool:
        """Sleep, but no longer than until the run has to stop; return whether it has to."""
        return self._event.wait(seconds)

    @contextmanager
    def cutting(self, cut: Callable[[], None]) -> Iterator[None]:
        """While the block runs, call ``cut`` (from another thread) the moment the run has to stop.

        ``cut`` should make the block's blocking call return at once: shut a socket down, kill a process. What the block
        then raises is replaced by the cause.
        """
        with self._lock:
            stopped = self._cause is not None
            if not stopped:
                self._cuts.append(cut)
        if stopped:
            self.check()
        try:
            yield
        except Exception:
            self.check()
            raise
        finally:
            with self._lock:
                if cut in self._cuts:
                    self._cuts.remove(cut)


def _run_cut(cut: Callable[[], None]) -> None:
    try:
        cut()
    except Exception:  # other people's code; what it could not cut ends at its own deadline
        logger.debug("cutting a call of a stopped run failed", exc_info=True)


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What a model is told about a tool: ``parameters`` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """Everything a provider needs for one call.

    ``model`` is the name behind the provider's prefix. ``parameters`` are the agent's, handed on as they are, but for
    ``tool_choice``, which the run has already taken out or left in as it applies to this turn. ``deadline`` is a
    ``time.monotonic()`` value: the whole call must have ended by then. A provider wraps what it waits in with
    ``cancellation.cutting(...)``, so that a cancelled or overdue run cuts the call instead of waiting for it.
    """

    model: str
    messages: Sequence[Message]
    tools: Sequence[ToolSpec] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    output_schema: Mapping[str, Any] | None = None
    deadline: float = field(default_factory=lambda: time.monotonic() + 600.0)
    cancellation: Cancellation = field(default_factory=Cancellation)

    def remaining(self) -> float:
        """Return the seconds left before the deadline, at least a millisecond."""
        return max(0.001, self.deadline - time.monotonic())
