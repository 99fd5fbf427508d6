"""Who executes background runs: the contract, and the executor that every worker has built in."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

logger = logging.getLogger(__name__)

Execute = Callable[[str], None]
"""Claims a run by its id and executes it in the calling thread. Returns when the run has ended or paused, at once if
there is nothing to do, and never raises."""


class Executor(ABC):
    """Has background runs executed, by their ids. A run that it loses is submitted again, by any worker."""

    @abstractmethod
    def start(self, execute: Execute) -> None:
        """Take the function that executes a run in this process. Called once, before the first :meth:`submit`."""

    @abstractmethod
    def submit(self, run_id: str) -> None:
        """Have a run executed: here, or in another process with ``execute`` of a worker of its own. Must not block.

        The run is committed and no worker has claimed it. The same id may come again, at any worker, as long as that is
        so; executing it twice does no harm, since only one worker can claim it.
        """

    def close(self) -> None:  # noqa: B027 - not every executor has something to close
        """Close connections and threads. Called once, when the worker ends; its runs have ended before."""


class EmbeddedExecutor(Executor):
    """Executes up to ``limit`` runs in threads of this worker; the others wait, the first come first.

    What waits is in the database too, so that it is lost with no process, and other workers may take it.
    """

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._execute: Execute | None = None
        self._running = 0
        # A dictionary keeps the order, and has each id once.
        self._waiting: dict[str, None] = {}

    def start(self, execute: Execute) -> None:
        """Take the function that executes a run."""
        self._execute = execute

    def submit(self, run_id: str) -> None:
        """Execute a run now, or when one that is under way ends."""
        with self._lock:
            # Not compared with those that are under way: a claim that came too early may just be returning.
            self._waiting[run_id] = None
            if self._running >= self._limit:
                return
            self._running += 1
        threading.Thread(target=self._work, name="background", daemon=True).start()

    def close(self) -> None:
        """Forget what waits: it stays in the database."""
        with self._lock:
            self._waiting.clear()

    def _work(self) -> None:
        while (run_id := self._next()) is not None:
            try:
                assert self._execute is not None, "start() comes before submit()"
                self._execute(run_id)
            except Exception:  # it never does; but a bug there must not cost the worker a place for good
                logger.exception("executing a background run raised", extra={"run_id": run_id})

    def _next(self) -> str | None:
        with self._lock:
            run_id = next(iter(self._waiting), None)
            if run_id is None:
                self._running -= 1
            else:
                del self._waiting[run_id]
            return run_id
