"""Ends a run once its client has gone away, if the client asked for that. Costs nothing where no client asks.

To leave a paused run is no disconnect: it waits for an answer, which may come days later.
"""

from __future__ import annotations

import logging
import time

from agentos.api.kit.client import ClientConnection
from agentos.domain.event import Frame
from agentos.domain.run import Run, RunStatus
from agentos.errors import RunFinished, RunNotFound, StorageError
from agentos.execution.run_handle import RunHandle

INTERVAL = 0.5
"""Seconds between two looks at the connection: together with the cancelling, a run is stopped within a second."""

logger = logging.getLogger(__name__)


class DisconnectWatch:
    """Cancels a run, once, when its client leaves before the run has ended or paused."""

    def __init__(self, handle: RunHandle, client: ClientConnection) -> None:
        self._handle = handle
        self._client = client
        self._looked = time.monotonic()
        self.over = False
        """Whether the run has ended, is paused, or was cancelled. Set it at the run's end."""
        self._cancelled = False

    def saw(self, frame: Frame) -> None:
        """Take note of the last frame that was sent. After a pause the client may leave, until the run is resumed."""
        self.over = self._cancelled or frame.stops

    def wait(self, timeout: float) -> Run | None:
        """Wait for the run's end or a pause as :meth:`agentos.execution.run_handle.RunHandle.wait` does."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            run = self._handle.wait(max(0.0, min(INTERVAL, left)))
            if run is not None or left <= INTERVAL:
                self.over = run is not None
                return run
            self.look()

    def is_due(self) -> bool:
        """Return whether it is time to look at the connection again."""
        return time.monotonic() - self._looked >= INTERVAL

    def look(self) -> None:
        """Cancel the run if the client has gone. Does nothing before it is time to look again."""
        if self.is_due():
            self._looked = time.monotonic()
            if not self.over and self._client.is_gone():
                self._cancel()

    def leave(self) -> None:
        """Cancel the run unless it is over: the response was closed, sent to its end or not. Can be called again."""
        if not self.over:
            self._cancel()

    def _cancel(self) -> None:
        run_id = self._handle.run_id
        try:
            if self._handle.get().status is RunStatus.PAUSED:  # the client was not sent that yet
                self.over = True
                return
            self._handle.cancel()
        except (RunFinished, RunNotFound):
            pass
        except StorageError as error:
            logger.warning(
                "a client went away, and its run could not be cancelled",
                extra={"run_id": run_id, "reason": error.message},
            )
            return
        else:
            logger.info("a client went away; its run is cancelled", extra={"run_id": run_id})
        self.over = self._cancelled = True
