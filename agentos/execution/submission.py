"""Gives runs to the executor, which may be a plugin's."""

from __future__ import annotations

import logging
import threading

from agentos.execution.executor import Execute, Executor

logger = logging.getLogger(__name__)


class Submission:
    """Starts an executor at its first run. What it raises is logged, and harms no run: a later sweep submits it again.

    ``plugin`` is the name of the plugin that brought the executor.
    """

    def __init__(self, executor: Executor, plugin: str) -> None:
        self._executor = executor
        self._plugin = plugin
        self._starting = threading.Lock()
        self._started = False

    def submit(self, run_id: str, execute: Execute) -> None:
        """Have a run executed. Never raises."""
        if not self.start(execute):
            return
        try:
            self._executor.submit(run_id)
        except Exception:  # other people's code
            extra = {"plugin": self._plugin, "run_id": run_id}
            logger.exception("the executor did not take a run; it stays queued and is submitted again", extra=extra)

    def start(self, execute: Execute) -> bool:
        """Start the executor unless it was started before; return whether it is. After a failure, the next call tries.

        Never raises.
        """
        with self._starting:
            if not self._started:
                try:
                    self._executor.start(execute)
                except Exception:  # other people's code
                    extra = {"plugin": self._plugin}
                    logger.exception("the executor did not start; background runs stay queued", extra=extra)
                    return False
                self._started = True
            return True
