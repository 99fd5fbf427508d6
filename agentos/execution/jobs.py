"""Calls plugins' handlers for records that are due, and writes what becomes of each record.

What a handler does, and how it bounds its own time, is the plugin's.
"""

from __future__ import annotations

import dataclasses
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from typing import Any

from agentos.errors import PreconditionFailed, StorageError
from agentos.execution.signals import Signals, Wakeup
from agentos.periodic_thread import PeriodicThread
from agentos.registry import Entry, Registry
from agentos.storage.admission import Lease
from agentos.storage.records import Record, RecordKey, RecordStore

JobHandler = Callable[[Record, Any], datetime | None]
"""What is called with a record that is due and the server. ``None``: done. A time: again then."""

TOPIC = "jobs"
"""The signal that a record is due soon, or sooner than the next one was."""

AT_ONCE = 4
"""Handlers of one collection that one worker calls at once. A slow collection cannot delay the others."""

POLL = 2.0
"""Seconds after which the database is asked again at the latest, about."""

RETRY = 1.0
"""Seconds to the next attempt after one that the database did not take."""

FIRST_PAUSE = 2.0
LONGEST_PAUSE = 3600.0
"""Seconds after which a job that failed is done again: they double with each attempt."""

CLOSE_SECONDS = 1.0
"""Seconds that the end of a worker waits for handlers. Jobs that are not done by then are done by another worker."""

logger = logging.getLogger(__name__)


def pause_after(attempts: int) -> float:
    """Return in how many seconds a job is done again that failed so often; a random part keeps many of them apart."""
    longest: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempts - 1, 32))
    return longest * random.uniform(0.5, 1)  # noqa: S311


class Jobs:
    """One thread takes what is due under the worker's lease; each handler is called in a thread of its own."""

    def __init__(self, records: RecordStore, handlers: Registry[JobHandler], lease: Lease, signals: Signals) -> None:
        self._records = records
        self._handlers = handlers
        self._lease = lease
        self._signals = signals
        self._server: object = None
        self._draining = False
        self._under_way: dict[tuple[RecordKey, int], Record] = {}
        self._changed = threading.Condition()
        self._renewed_at = 0.0
        self._pause = 0.0
        self._listening = ExitStack()
        self._wakeup: Wakeup | None = None
        failure = "due jobs could not be taken; trying again"
        self._thread = PeriodicThread("jobs", self._work, 0.0, logger=logger, failure=failure, at_once=True)

    def start(self, server: object) -> None:
        """Begin to do jobs, unless it was begun before or no plugin has a handler. They are given ``server``."""
        if self._wakeup is None and self._handlers.names() and not self._thread.stopping.is_set():
            self._server = server
            self._wakeup = self._listening.enter_context(self._signals.listen(TOPIC))
            self._thread.start()

    def drain(self) -> None:
        """Take no more jobs; those under way go on."""
        self._draining = True

    def close(self) -> None:
        """End the thread, and wait a moment for the handlers that are being called."""
        self._draining = True
        self._thread.stopping.set()
        self._wake()
        self._thread.close()
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way, CLOSE_SECONDS)
        self._listening.close()

    def _wake(self) -> None:
        if self._wakeup is not None:
            self._wakeup.wake()

    def _work(self) -> None:
        if self._wakeup is not None:
            self._wakeup.wait(self._pause)
        self._pause = RETRY  # unless what follows succeeds
        if self._thread.stopping.is_set():
            return
        self._renew()
        due = None if self._draining else self._take()
        longest = POLL * random.uniform(0.8, 1)  # noqa: S311 - not all workers at the same moment
        if self._under_way:
            longest = min(longest, self._lease.seconds / 3)
        self._pause = longest if due is None else min(due, longest)

    def _renew(self) -> None:
        """Prolong the leases of the jobs under way, three times a lease."""
        now = time.monotonic()
        if now - self._renewed_at >= self._lease.seconds / 3:
            with self._changed:
                records = list(self._under_way.values())
            if records:
                self._records.renew(records, self._lease)
            self._renewed_at = now

    def _take(self) -> float | None:
        """Begin what is due, as far as there is room; return in how many seconds to look again."""
        free = self._free()
        due = self._records.next_due(free) if free else None
        if due != 0:
            return due
        taken = 0
        for collection, room in free.items():
            for record in self._records.take_due([collection], self._lease, limit=room):
                self._begin(record)
                taken += 1
        return 0.0 if taken else RETRY  # others were quicker

    def _free(self) -> dict[str, int]:
        """Return the collections with room for more jobs, and for how many."""
        with self._changed:
            busy = Counter(record.collection for record in self._under_way.values())
        return {name: AT_ONCE - busy[name] for name in self._handlers.names() if busy[name] < AT_ONCE}

    def _begin(self, record: Record) -> None:
        entry = self._handlers.get(record.collection)
        if entry is None:  # its plugin turned out to be broken meanwhile
            return
        if not self._under_way:
            self._renewed_at = time.monotonic()
        with self._changed:
            # With the version: this worker may lose a record during an outage, and take it again itself.
            self._under_way[record.key, record.version] = record
        name = f"job-{record.collection}"
        threading.Thread(target=self._execute, args=(entry, record), name=name, daemon=True).start()

    def _execute(self, entry: Entry[JobHandler], record: Record) -> None:
        try:
            self._settle(record, self._outcome(entry, record))
        finally:
            with self._changed:
                del self._under_way[record.key, record.version]
                self._changed.notify_all()
            self._wake()

    def _outcome(self, entry: Entry[JobHandler], record: Record) -> Callable[[], object]:
        """Call the handler; return what writes its outcome."""
        try:
            again = entry.value(record, self._server)
            if again is None:
                return lambda: self._delete(record)
            new = dataclasses.replace(record, due_at=again)  # refuses what is no time
            if record.due_at is not None and again <= record.due_at:
                # By a clock that is behind the database's it may still be to come: do not ask again and again.
                return lambda: self._records.give_back(record, seconds=RETRY)
            return lambda: self._records.put(new, expected_version=record.version)
        except BaseException:  # other people's code; its SystemExit must not end the thread unnoticed
            seconds = pause_after(record.attempts)
            logger.error(
                "a job failed; it is done again later",
                exc_info=True,
                extra={
                    "plugin": entry.source,
                    "hook": "register_jobs",
                    "collection": record.collection,
                    "record": record.id,
                    "attempts": record.attempts,
                    "seconds": round(seconds, 1),
                },
            )
            return lambda: self._records.give_back(record, seconds=seconds)

    def _delete(self, record: Record) -> bool:
        return self._records.delete(record.collection, record.id, owner=record.owner, expected_version=record.version)

    def _settle(self, record: Record, write: Callable[[], object]) -> None:
        """Write the outcome of a job, if need be again and again: a job that was done is not to be done once more."""
        while True:
            try:
                write()
                return
            except PreconditionFailed:
                return  # the handler has put or deleted the record itself, or another worker took it over
            except StorageError:
                logger.warning(
                    "the outcome of a job could not be saved; trying again",
                    extra={"collection": record.collection, "record": record.id},
                )
                if self._thread.stopping.wait(RETRY):
                    return
