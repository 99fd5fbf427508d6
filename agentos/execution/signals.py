"""How workers wake each other. A signal only says that looking is worth it: what is true is in the database."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from agentos.observability.repeated import RepeatedLines
from agentos.timers import TimerThread

logger = logging.getLogger(__name__)
repeated = RepeatedLines(logger)


def run_topic(run_id: str) -> str:
    """Return the topic of a run: it has new events in its log, has ended, paused, or got an answer."""
    return f"run:{run_id}"


def session_topic(session_id: str) -> str:
    """Return the topic of a session: one of its runs has ended or paused."""
    return f"session:{session_id}"


def worker_topic(worker_id: str) -> str:
    """Return the topic of a worker: some of its runs were asked to stop."""
    return f"worker:{worker_id}"


def followed_topic(worker_id: str) -> str:
    """Return the topic of a worker with runs that are followed elsewhere: it writes their events at once."""
    return f"followed:{worker_id}"


class Wakeup:
    """What one thread waits in until a signal comes or its time is over."""

    __slots__ = ("_lock", "_signals", "_woken")

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._woken = False
        # Released to let the thread look at the flag and the clock: perhaps too often, never too seldom.
        self._lock = threading.Lock()
        self._lock.acquire()

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; return whether it was woken, since the last wait or meanwhile. For one thread."""
        ends = time.monotonic() + seconds
        if not self._woken and seconds > 0:
            if self._signals.closed:
                self._lock.acquire(timeout=seconds)
            else:
                timer = self._signals.timers.call_at(ends, self._release)
                try:
                    while not self._woken and time.monotonic() < ends:
                        self._lock.acquire()
                finally:
                    timer.cancel()
        if not self._woken:
            return False  # without writing the flag: a signal that comes now is for the next wait
        self._woken = False
        return True

    def wake(self) -> None:
        """End the wait. Without one, the next returns at once. Never blocks; can be called from any thread."""
        self._woken = True
        self._release()

    def _release(self) -> None:
        with suppress(RuntimeError):  # it is released already
            self._lock.release()


class Signals:
    """Wakes threads of this process that wait for a topic: the default, and the base of those that plugins bring.

    Signals may be lost, late or too many: everything that listens also looks at the database after a while. A plugin
    overrides :meth:`notify` to publish the topics too, and calls :meth:`wake` with those that other workers published.
    If it subscribes to each topic by itself, it overrides :meth:`listen`. Its ``__init__`` has to call this one.

        class MySignals(Signals):
            def notify(self, *topics):
                super().notify(*topics)
                self._queue.put(topics)  # a thread of the plugin sends them, so that this does not block
    """

    def __init__(self) -> None:
        self.timers = TimerThread()
        """The timers of the worker: one thread for all that wait."""
        self.closed = False
        self.worker_id: str | None = None
        """The id of this worker, as runs name it; ``None`` in a command that is none."""
        self._lock = threading.Lock()
        self._listeners: dict[str, dict[Wakeup, None]] = {}

    def begin(self, worker_id: str) -> None:
        """Learn the id of this worker. Called once, before all else; connect to nothing here."""
        self.worker_id = worker_id

    def reaches(self, worker_id: str | None) -> bool:  # noqa: ARG002
        """Return whether all signals of a worker surely come here, for now.

        What listens for them then asks the database seldom. A plugin that knows overrides it.
        """
        return False

    def notify(self, *topics: str) -> None:
        """Say that something has happened, after it was committed. Must not block; what it raises is logged."""
        self.wake(*topics)

    def wake(self, *topics: str) -> None:
        """Wake all that listen to these topics in this process."""
        for topic in topics:
            if topic in self._listeners:  # without the lock: most topics have no listener
                with self._lock:
                    listeners = list(self._listeners.get(topic, ()))
                for wakeup in listeners:
                    wakeup.wake()

    def wake_all(self) -> None:
        """Wake all that listen in this process, to any topic: signals may have been missed."""
        with self._lock:
            topics = list(self._listeners)
        self.wake(*topics)

    def listen(self, topic: str) -> AbstractContextManager[Wakeup]:
        """Return a context in which a topic's signals are kept for a thread.

        Look after you began to listen, so that nothing falls between:

            with signals.listen(topic) as wakeup:
                while not look():
                    wakeup.wait(0.1)
        """
        return self._listen(topic)

    def close(self) -> None:
        """End the timers and wake everything that waits, when the worker ends. Can be called again."""
        self.closed = True
        self.timers.close()
        self.wake_all()

    @contextmanager
    def _listen(self, topic: str) -> Iterator[Wakeup]:
        wakeup = Wakeup(self)
        with self._lock:
            self._listeners.setdefault(topic, {})[wakeup] = None
        try:
            yield wakeup
        finally:
            with self._lock:
                listeners = self._listeners[topic]
                del listeners[wakeup]
                if not listeners:
                    del self._listeners[topic]


class GuardedSignals(Signals):
    """The signals of a plugin, which may raise anything: it is logged with the plugin's name, and polling is left."""

    def __init__(self, signals: Signals, plugin: str) -> None:
        if not isinstance(signals, Signals) or not hasattr(signals, "timers"):
            raise TypeError(
                f"the signals of plugin {plugin!r} are {signals!r:.100}; accepted: an object of a subclass of"
                " agentos.Signals whose __init__ calls super().__init__()"
            )
        super().__init__()
        self.timers = signals.timers
        self._signals = signals
        self._plugin = plugin

    def notify(self, *topics: str) -> None:
        """Let the plugin publish the topics; if it fails, wake at least those that listen here."""
        try:
            self._signals.notify(*topics)
        except Exception:  # noqa: BLE001 - other people's code
            self._failed("notify")
            self._signals.wake(*topics)

    def begin(self, worker_id: str) -> None:
        """Tell the plugin the id of this worker."""
        self.worker_id = worker_id
        try:
            self._signals.begin(worker_id)
        except Exception:  # noqa: BLE001 - other people's code
            self._failed("begin")

    def reaches(self, worker_id: str | None) -> bool:
        """Return what the plugin says; False if it fails."""
        try:
            return self._signals.reaches(worker_id)
        except Exception:  # noqa: BLE001 - other people's code
            self._failed("reaches")
            return False

    def wake(self, *topics: str) -> None:
        """Wake all that listen to these topics in this process."""
        self._signals.wake(*topics)

    def listen(self, topic: str) -> AbstractContextManager[Wakeup]:
        """Return a context as the plugin makes it; without its subscription if it fails."""
        return self._guarded(topic)

    def close(self) -> None:
        """Let the plugin close what it opened, once, and end the timers in any case."""
        if self.closed:
            return
        self.closed = True
        try:
            self._signals.close()
        except Exception:  # noqa: BLE001 - other people's code
            self._failed("close")
        if not self._signals.closed:  # it failed, or forgot super().close()
            Signals.close(self._signals)

    @contextmanager
    def _guarded(self, topic: str) -> Iterator[Wakeup]:
        try:
            listening = self._signals.listen(topic)
            wakeup = listening.__enter__()
        except Exception:  # noqa: BLE001 - other people's code
            self._failed("listen")
            with Signals.listen(self._signals, topic) as wakeup:
                yield wakeup
            return
        try:
            yield wakeup
        finally:
            try:
                listening.__exit__(None, None, None)
            except Exception:  # noqa: BLE001 - other people's code
                self._failed("listen")

    def _failed(self, method: str) -> None:
        message = "signals of a plugin failed; others find out by asking the database"
        extra = {"plugin": self._plugin, "method": method}
        repeated.log(logging.WARNING, message, kind=f"{self._plugin} {method}", exc_info=True, extra=extra)
