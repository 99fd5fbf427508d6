"""How the work of a run is stopped, from any thread and in any wait."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
        """Why the run has to stop; ``None`` while it may continue."""
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
            try:
                cut()
            except Exception:  # other people's code; what it could not cut ends at its own deadline
                logger.debug("cutting a call of a stopped run failed", exc_info=True)

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
