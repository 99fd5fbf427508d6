"""A periodic thread that signals of a topic call before its time."""

from __future__ import annotations

from typing import Any

from agentos.execution.signals import Signals, Wakeup
from agentos.periodic_thread import PeriodicThread


class ListeningThread(PeriodicThread):
    """Calls its work every ``seconds``, and at once when one of its topics was notified.

    Several signals that come while it works are one call.
    """

    def __init__(self, signals: Signals, topic: str, *arguments: Any, **options: Any) -> None:
        self._signals = signals
        self._topic = topic
        self._wakeup: Wakeup | None = None
        super().__init__(*arguments, **options)

    def close(self) -> None:
        """Stop the thread, as :meth:`~agentos.periodic_thread.PeriodicThread.close` does."""
        self.stopping.set()
        if (wakeup := self._wakeup) is not None:
            wakeup.wake()
        super().close()

    def _run(self) -> None:
        with self._signals.listen(self._topic) as self._wakeup:
            super()._run()

    def _sleep(self, seconds: float) -> bool:
        if self._wakeup is not None and not self.stopping.is_set():
            self._wakeup.wait(seconds)
        return self.stopping.is_set()
