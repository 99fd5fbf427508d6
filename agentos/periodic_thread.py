"""A thread that calls a function every few seconds, beside the requests."""

from __future__ import annotations

import logging
import math
import random
import threading
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass

from agentos.errors import StorageError
from agentos.observability.repeated import RepeatedLines

CLOSE_SECONDS = 1.0
"""Seconds that :meth:`PeriodicThread.close` waits. A database that does not answer must not hold up the end."""


@dataclass(eq=False)
class PeriodicThread:
    """Calls ``work`` every ``seconds`` in one daemon thread, which begins with the first :meth:`start`.

    No error ends the thread. When the database fails, it logs ``failure``, few times in a long outage, and tries again
    after ``retry`` seconds if that is sooner. ``spread`` shortens each pause at random, by at most this share of it.
    With ``at_once`` there is no pause before the first call. While ``idle`` returns True, it sleeps until :meth:`wake`.

    >>> thread = PeriodicThread("prune", storage.prune, 600.0, logger=logger, failure="could not prune; trying again")
    >>> thread.start()
    >>> thread.close()
    """

    name: str
    work: Callable[[], object]
    seconds: float
    _: KW_ONLY
    logger: logging.Logger
    failure: str
    retry: float = math.inf
    spread: float = 0.0
    at_once: bool = False
    idle: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        self.stopping = threading.Event()
        """Set by :meth:`close`. Work that takes long looks at it between two pieces."""
        self._woken = threading.Event()
        self._starting = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._repeated = RepeatedLines(self.logger)

    def start(self) -> None:
        """Start the thread unless it was started before."""
        with self._starting:
            if self._thread.ident is None:
                self._thread.start()

    def wake(self) -> None:
        """End the sleep of an idle thread. The next call comes one pause later."""
        self._woken.set()

    def close(self) -> None:
        """Stop the thread and wait until it has ended, at most :data:`CLOSE_SECONDS`.

        The wait is for what the thread uses: a connection that it still has is not closed with the others.
        """
        self.stopping.set()
        self.wake()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        pause = 0.0 if self.at_once else self._pause()
        while True:
            if self.idle():
                self._woken.wait()
                self._woken.clear()
            if self._sleep(pause):
                return
            pause = self._pause()
            try:
                self.work()
            except StorageError:
                self._repeated.warning(self.failure)
                pause = min(pause, self.retry)
            except Exception:  # a bug in the work must not leave the worker without it
                self.logger.exception("the thread %r met a bug", self.name)

    def _sleep(self, seconds: float) -> bool:
        """Wait for the next call; return whether the thread is to stop."""
        return self.stopping.wait(seconds)

    def _pause(self) -> float:
        return self.seconds * random.uniform(1 - self.spread, 1)  # noqa: S311
