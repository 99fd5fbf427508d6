"""Who executes background runs: the contract, and the executor that every worker has built in."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

from agentos.errors import RateLimited

logger = logging.getLogger(__name__)


class Slot(ABC):
    """A place for one background run, taken before the run is accepted. Call one of the two methods, once."""

    @abstractmethod
    def execute(self, run_id: str, work: Callable[[], None]) -> None:
        """Have the run executed when its turn comes; ``work`` does it, in this process, and never raises."""

    @abstractmethod
    def release(self) -> None:
        """Give the slot back: there will be no run."""


class Executor(ABC):
    """Executes background runs, not more at once than it can."""

    @abstractmethod
    def reserve(self) -> Slot:
        """Take a slot for one more run; raise :class:`~agentos.errors.RateLimited` when none is free."""

    def close(self) -> None:  # noqa: B027 - not every executor has something to close
        """Close connections and threads. Called once, when the worker ends; its runs have ended before."""


class EmbeddedExecutor(Executor, Slot):
    """Executes up to ``limit`` runs in threads of this worker; up to ``queue`` more wait, the first come first.

    Its slots are counted and do not differ, so that it is itself each of them.
    """

    def __init__(self, *, limit: int, queue: int) -> None:
        self._limit = limit
        self._queue = queue
        self._lock = threading.Lock()
        self._taken = 0
        self._running = 0
        self._waiting: deque[Callable[[], None]] = deque()

    def reserve(self) -> Slot:
        """Take a slot for one more run."""
        with self._lock:
            if self._taken >= self._limit + self._queue:
                raise RateLimited(
                    f"{self._limit} background runs are under way in this worker and {self._queue} wait"
                    " (AGENTOS_BACKGROUND_LIMIT, AGENTOS_BACKGROUND_QUEUE); try again later",
                    retry_after=5.0,
                )
            self._taken += 1
        return self

    def execute(self, run_id: str, work: Callable[[], None]) -> None:  # noqa: ARG002 - for executors elsewhere
        """Execute work now, or when a run that is under way ends."""
        with self._lock:
            if self._running >= self._limit:
                self._waiting.append(work)
                return
            self._running += 1
        threading.Thread(target=self._work, args=(work,), name="background", daemon=True).start()

    def release(self) -> None:
        """Count one slot less as taken."""
        with self._lock:
            self._taken -= 1

    def _work(self, work: Callable[[], None]) -> None:
        while True:
            try:
                work()
            except Exception:  # it never does; but a bug there must not cost the worker a place for good
                logger.exception("background work raised")
            finally:
                self.release()
            with self._lock:
                if not self._waiting:
                    self._running -= 1
                    return
                work = self._waiting.popleft()
