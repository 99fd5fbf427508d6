"""Whether runs of this worker are followed at other workers, which wait for their events in the log."""

from __future__ import annotations

from contextlib import AbstractContextManager

from agentos.execution.signals import Signals, Wakeup, followed_topic


class Followed:
    """Called, it returns whether a follower elsewhere has said so since the last call. Listens from the first call on.

    Never blocks. Of one thread alone.
    """

    def __init__(self, signals: Signals, worker_id: str) -> None:
        self._signals = signals
        self._topic = followed_topic(worker_id)
        self._listening: AbstractContextManager[Wakeup] | None = None
        self._wakeup: Wakeup | None = None

    def __call__(self) -> bool:
        """Return whether it was said."""
        if self._wakeup is None:
            self._listening = self._signals.listen(self._topic)
            self._wakeup = self._listening.__enter__()
        return self._wakeup.wait(0)
