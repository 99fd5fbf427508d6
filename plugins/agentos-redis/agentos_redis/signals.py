"""Signals by Redis: one channel for the whole deployment, with one connection of each worker that listens to it.

A message has the id of its worker and the topics of one commit. A worker without topics sends an empty message every
second, its heartbeat. While heartbeats come on one connection, no message was lost, so a follower need not ask the
database. It asks again as soon as either side is cut off.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import orjson
from redis.exceptions import RedisError

from agentos import Config, Signals, Wakeup
from agentos_redis.connection import Address, connect

if TYPE_CHECKING:
    from redis import Redis

HEARTBEAT = 1.0
"""Seconds after which a worker that has no topics sends an empty message."""

SILENCE = 3.5
"""Seconds without a message after which a worker, or the connection, counts as cut off."""

RETRY = 0.5  # seconds until the next attempt to connect
CLOSE_SECONDS = 1.0
MOST_TOPICS = 10_000
"""Topics that wait for a connection. Beyond them, one message wakes everything that listens."""

EVERYTHING = "*"
"""In place of topics: there were too many, or some may have been lost."""

logger = logging.getLogger(__name__)


class RedisSignals(Signals):
    """Publishes what is notified here from a thread, and wakes what listens here to what others publish."""

    def __init__(self, url: str, config: Config) -> None:
        super().__init__()
        self._address = Address.of(url, "AGENTOS_SIGNALS")
        self._timeout = config.plugin_settings["redis_timeout"]
        self.channel = f"{config.plugin_settings['redis_prefix']}signals"
        self._away: set[object] = set()
        """The threads without a connection."""
        self._publisher = _Publisher(self)
        self._subscriber = _Subscriber(self)

    def notify(self, *topics: str) -> None:
        """Wake what listens here, and have the topics published."""
        super().notify(*topics)
        self._publisher.add(topics)

    def listen(self, topic: str) -> AbstractContextManager[Wakeup]:
        """Return a context in which a topic's signals are kept; the first connects to the channel."""
        self._subscriber.start()
        self._publisher.start()  # without what this worker says itself, a silent connection looks like a dead one
        return super().listen(topic)

    def reaches(self, worker_id: str | None) -> bool:
        """Return whether a worker was on the channel in the last seconds, and so was this one."""
        return worker_id is not None and self._subscriber.has_heartbeat_of(worker_id)

    def close(self) -> None:
        """Publish what waits, for at most a second, and end both threads."""
        if self.closed:
            return
        self._publisher.close()
        self._subscriber.close()
        super().close()

    def lost(self, part: object, error: Exception) -> None:
        """Note that one of the two connections is lost; say so once."""
        with self._lock:
            first = not self._away
            self._away.add(part)
        if first and not self.closed:
            logger.warning(
                "signals by Redis are away; workers ask the database instead", extra={"reason": type(error).__name__}
            )

    def found(self, part: object) -> None:
        """Note that one of the two connections works; say so when both do again."""
        with self._lock:
            back = part in self._away and len(self._away) == 1
            self._away.discard(part)
        if back:
            logger.info("signals by Redis are back")

    def connect(self) -> Redis:
        """Return a client of one connection."""
        return connect(self._address, timeout=self._timeout, connections=1)


class _Thread:
    """A daemon thread that begins when it is needed."""

    def __init__(self, signals: RedisSignals, name: str) -> None:
        self._signals = signals
        self._closing = False
        self._started = False
        self._starting = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread, unless it was started before or must not be any more."""
        if self._started or self._closing:
            return
        with self._starting:
            if not self._started:
                self._started = True
                self._thread.start()

    def _run(self) -> None:
        raise NotImplementedError


class _Publisher(_Thread):
    """Publishes all topics that wait in one message; they stay until Redis has taken them."""

    def __init__(self, signals: RedisSignals) -> None:
        super().__init__(signals, "redis-signals-publisher")
        self._topics: dict[str, None] = {}
        self._lock = threading.Lock()
        self._work = threading.Event()

    def add(self, topics: Iterable[str]) -> None:
        """Have topics published. Never blocks."""
        with self._lock:
            self._topics.update(dict.fromkeys(topics))
            if len(self._topics) > MOST_TOPICS:
                self._topics = {EVERYTHING: None}
        self._work.set()
        self.start()

    def close(self) -> None:
        """Publish what waits, and end the thread."""
        self._closing = True
        self._work.set()
        if self._started:
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        client = self._signals.connect()
        try:
            while True:
                self._work.wait(HEARTBEAT)
                self._work.clear()
                last = self._closing
                try:
                    self._publish(client)
                except (RedisError, OSError) as error:
                    self._signals.lost(self, error)
                    if last:
                        return
                    time.sleep(RETRY)
                    self._work.set()
                if last:
                    return
        finally:
            client.close()

    def _publish(self, client: Redis) -> None:
        with self._lock:
            topics, self._topics = self._topics, {}
        try:
            client.publish(self._signals.channel, orjson.dumps([self._signals.worker_id, list(topics)]))
        except BaseException:
            with self._lock:  # the server may have had them; to be woken twice harms nothing
                self._topics = topics | self._topics
            raise
        self._signals.found(self)


class _Subscriber(_Thread):
    """Listens to the channel, and wakes what listens here."""

    def __init__(self, signals: RedisSignals) -> None:
        super().__init__(signals, "redis-signals-subscriber")
        self._last_message_at: dict[str, float] = {}
        """When the last message of each worker came, on this connection."""

    def has_heartbeat_of(self, worker_id: str) -> bool:
        """Return whether a message of a worker came in the last seconds."""
        at = self._last_message_at.get(worker_id)
        return at is not None and time.monotonic() - at <= SILENCE

    def close(self) -> None:
        """End the thread."""
        self._closing = True
        if self._started:
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._closing:
            client = self._signals.connect()
            try:
                self._listen(client)
            except (RedisError, OSError, ValueError) as error:
                self._signals.lost(self, error)
            finally:
                self._last_message_at = {}
                client.close()
                self._signals.wake_all()  # what relied on signals asks the database from now on
            if not self._closing:
                time.sleep(RETRY)

    def _listen(self, client: Redis) -> None:
        with client.pubsub() as subscription:  # type: ignore[no-untyped-call]  # has no annotations
            subscription.subscribe(self._signals.channel)
            last_at = time.monotonic()
            while not self._closing:
                message = subscription.get_message(timeout=0.5)
                now = time.monotonic()
                if message is not None:
                    last_at = now
                    self._take(message, now)
                elif now - last_at > SILENCE:
                    raise TimeoutError("not even this worker's own messages come back")
                self._forget_silent(now)

    def _forget_silent(self, now: float) -> None:
        silent = [worker_id for worker_id, at in self._last_message_at.items() if now - at > SILENCE]
        for worker_id in silent:
            del self._last_message_at[worker_id]
        if silent:
            self._signals.wake_all()  # what relied on them asks the database

    def _take(self, message: dict[str, Any], now: float) -> None:
        if message["type"] == "subscribe":
            # What listens was woken when the connection was lost. It asks the database until a heartbeat has come.
            self._signals.found(self)
        elif message["type"] == "message":
            match _sent(message["data"]):
                case [str() | None as worker_id, list() as topics] if all(isinstance(one, str) for one in topics):
                    pass
                case _:
                    return  # Another program's, or another version's: it must not end the thread.
            # What a command publishes comes back to it too, since it has no id; it wakes nothing twice that waits.
            if worker_id is None or worker_id != self._signals.worker_id:
                if EVERYTHING in topics:
                    self._signals.wake_all()
                else:
                    self._signals.wake(*topics)
            if worker_id is not None:
                self._last_message_at[worker_id] = now


def _sent(data: bytes) -> Any:
    """Return what was sent, or ``None`` if it is not JSON."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
