"""Watches the event loop of a worker from a thread of the operating system, and names what holds it.

A greenlet that computes, or blocks in the operating system, stops all others of its worker. A timer of the loop beats;
the thread looks whether it still does, and at what runs instead. That takes no part of a run's way.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import Any, NamedTuple

import gevent
from gevent import monkey

from agentos.observability.repeated import RepeatedLines
from agentos.serving.holders import Holder, holder_of, outermost
from agentos.serving.log_writer import BackgroundLogHandler

start_thread: Any = monkey.get_original("_thread", "start_new_thread")
get_ident: Any = monkey.get_original("_thread", "get_ident")
sleep: Any = monkey.get_original("time", "sleep")

LONG = 5.0
"""Seconds after which a hold is logged before its end: it may have none."""

log = logging.getLogger(__name__)


class Reading(NamedTuple):
    """The clocks at one moment, in seconds."""

    at: float
    """Of the wall."""
    cpu: float
    """That the loop's thread has computed."""
    delayed: float
    """That this thread could have run and had no processor."""
    watched: float
    """That the watching thread has been awake on time."""


class Watchdog:
    """Watches the loop of the thread that makes it. ``limit`` is in seconds.

    Time counts as held if the loop's thread computed in it; or if it did not, although this thread was awake and the
    loop's thread did not wait for a processor: then it was blocked. So neither a machine that was suspended, or
    stopped, nor one that has too few processors for its work, is a false alarm. Linux tells how long a thread waited
    for a processor; elsewhere a machine that is short of them may be one.

    Work of many greenlets, one after the other, is the hold of none: it lengthens :attr:`longest` alone.
    """

    def __init__(self, limit: float) -> None:
        self.holds = 0
        self.held_seconds = 0.0
        self._limit = limit
        self._beat_seconds = min(max(limit / 4, 0.01), 0.25)
        self._tick_seconds = min(max(limit / 4, 0.02), 0.5)
        self._recent = _Recent()
        self._main = get_ident()
        self._cpu_clock = time.pthread_getcpuclockid(self._main)
        self._schedule = _open_schedule()
        self._watched = 0.0
        self._ticked = time.monotonic()
        self._turned = self._began = self._read()
        self._holder: Holder | None = None
        self._greenlet: FrameType | None = None
        self._seen = self._turned  # the last look at the holder
        self._over = False  # it ended, and another one was seen before the loop turned
        self._said = False
        self._open = True
        self._lines = RepeatedLines(log)
        self._speaks = log.isEnabledFor(logging.WARNING)
        self._timer = gevent.get_hub().loop.timer(self._beat_seconds, self._beat_seconds)

    @property
    def longest(self) -> float:
        """Seconds of the longest time of the last minute that the loop did not turn."""
        return self._recent.longest(time.monotonic())

    def start(self) -> None:
        """Begin to watch."""
        self._turned = self._began = self._read()
        self._timer.start(self._beat)
        start_thread(self._watch, ())

    def close(self) -> None:
        """Stop watching. The thread ends at its next look."""
        self._open = False
        self._timer.stop()
        self._timer.close()

    # --- in the event loop -------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        """Note that the loop turns; once what held it is over, say so."""
        now = self._read()
        began, holder, said = self._began, self._holder, self._said
        until = self._seen if self._over else now
        turned, self._turned, self._began = self._turned, now, now
        self._holder = self._greenlet = None
        self._said = self._over = False
        self._recent.add(now.at, held(turned, now, self._tick_seconds) - self._beat_seconds)
        # What held the loop began some time after the last beat: half of a beat, on average.
        seconds = held(began, until, self._tick_seconds) - (self._beat_seconds / 2 if began is turned else 0)
        if holder is None or seconds <= self._limit:
            return
        self.holds += 1
        self.held_seconds += seconds
        # Not in here: a line may have to wait, and this is where the loop itself runs.
        gevent.spawn(self._say, holder, seconds, repeats=not said)

    def _say(self, holder: Holder, seconds: float, *, repeats: bool) -> None:
        fields = {"seconds": round(seconds, 3), **holder.described()}
        if repeats:
            self._lines.log(logging.WARNING, _message(holder), kind=holder.kind, extra=fields)
        else:
            log.warning(_message(holder), extra=fields)

    # --- in the thread -----------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while self._open:
            sleep(self._tick_seconds)
            now = time.monotonic()
            # A sleep that took much longer was no sleep: the process was stopped, or had no processor.
            self._watched += min(now - self._ticked, 2 * self._tick_seconds)
            self._ticked = now
            if now - self._turned.at >= self._limit / 2:
                with suppress(Exception):  # it looks at frames that run, and nothing of the worker may depend on it
                    self._look()
        if self._schedule is not None:
            os.close(self._schedule)

    def _look(self) -> None:
        """Look at what runs instead of the loop."""
        turned, now = self._turned, self._read()
        frame = sys._current_frames().get(self._main)
        if frame is None or self._over:
            return
        greenlet = outermost(frame)
        if self._greenlet is not None and greenlet is not self._greenlet:
            if held(self._began, self._seen, self._tick_seconds) > self._limit:
                self._over = True
                return
            self._began = now
        holder = holder_of(frame)
        if self._turned is not turned:  # it is over; a beat came while this looked
            return
        self._greenlet, self._seen = greenlet, now
        if self._said:
            return
        self._holder = holder
        seconds = held(self._began, now, self._tick_seconds)
        if seconds >= LONG:
            self._said = True
            self._say_at_once(holder, seconds)

    def _say_at_once(self, holder: Holder, seconds: float) -> None:
        """Write the line from this thread, as the loop does not turn. Takes no lock of the log: these are gevent's."""
        extra = {"seconds": round(seconds, 3), **holder.described()}
        record = logging.makeLogRecord({"name": log.name, "levelno": logging.WARNING, "levelname": "WARNING", **extra})
        record.msg = f"{_message(holder)}; it still does"
        for handler in logging.getLogger().handlers:
            if self._speaks and isinstance(handler, BackgroundLogHandler):
                handler.emit(record)

    def _read(self) -> Reading:
        cpu = time.clock_gettime(self._cpu_clock)
        return Reading(time.monotonic(), cpu, _delayed(self._schedule), self._watched)


def watchdog_works() -> bool:
    """Return whether this system tells how much another thread has computed; macOS does not."""
    return hasattr(time, "pthread_getcpuclockid")


def held(since: Reading, now: Reading, tick: float) -> float:
    """Return for how many seconds the loop's thread was at work, or blocked, between two readings.

    ``tick`` is how often the watching thread wakes: what it has not seen yet of the time counts up to two of that.
    """
    seconds = now.at - since.at
    seen = min(seconds, now.watched - since.watched + 2 * tick)
    blocked = seen - (now.delayed - since.delayed)
    return max(0.0, now.cpu - since.cpu, blocked)


def _message(holder: Holder) -> str:
    what = "a piece of work" if holder.tool is None else f"tool {holder.tool!r}"
    return f"{what} held this worker; no other request went on meanwhile"


def _open_schedule() -> int | None:
    """Open Linux's statistics of this thread; ``None`` where there are none."""
    try:
        return os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _delayed(schedule: int | None) -> float:
    """Return for how many seconds a thread has waited for a processor: the second number, in nanoseconds."""
    if schedule is None:
        return 0.0
    try:
        return int(os.pread(schedule, 100, 0).split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


class _Recent:
    """The greatest value of the last minute."""

    SLOTS = 6
    SECONDS = 10.0

    def __init__(self) -> None:
        self._slots: list[tuple[int, float]] = [(-self.SLOTS, 0.0)] * self.SLOTS

    def add(self, at: float, value: float) -> None:
        """Take in a value of a moment."""
        slot = int(at / self.SECONDS)
        known, greatest = self._slots[slot % self.SLOTS]
        if known != slot or value > greatest:
            self._slots[slot % self.SLOTS] = (slot, value)

    def longest(self, now: float) -> float:
        """Return the greatest value."""
        first = int(now / self.SECONDS) - self.SLOTS
        return max([0.0, *(value for slot, value in self._slots if slot > first)])
