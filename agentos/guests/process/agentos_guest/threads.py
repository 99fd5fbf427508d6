"""Runs synchronous generators in threads of their own, and yields in the loop what they yield.

What such a thread emits takes the same way as what it yields, so that both keep their order.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from typing import Any

AHEAD = 256
"""What a thread may yield before the loop has taken it."""


class _End:
    """The iteration is over; ``error`` is what it raised."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Do:
    """Something to be done in the loop between two values."""

    def __init__(self, action: Callable[[], None]) -> None:
        self.action = action


class _Own(threading.local):
    put: Callable[[Any], None] | None = None


_own = _Own()


def in_order(action: Callable[[], None]) -> bool:
    """Do something in the loop after what this thread has yielded. Return False in a thread that yields nothing."""
    if _own.put is None:
        return False
    _own.put(_Do(action))
    return True


async def iterate(make: Callable[[], Iterable[Any]], stop: Callable[[], None]) -> AsyncGenerator[Any, None]:
    """Yield what an iterable yields that is made and used in a thread.

    When the task is cancelled, ``stop`` is called, the iterable is closed at its next value, and the thread's end is
    waited for: a thread cannot be interrupted.
    """
    loop = asyncio.get_running_loop()
    values: asyncio.Queue[Any] = asyncio.Queue()
    free = threading.Semaphore(AHEAD)
    stopped = threading.Event()

    def work() -> None:
        error = None
        _own.put = put
        try:
            _drain(make(), put, stopped)
        except BaseException as raised:  # noqa: BLE001  # the agent's own code; raised again in the task
            error = raised
        loop.call_soon_threadsafe(values.put_nowait, _End(error))

    def put(value: Any) -> None:
        if stopped.is_set():
            return
        free.acquire()
        loop.call_soon_threadsafe(values.put_nowait, value)

    # A thread of its own, and not of the loop's executor: an agent may take one for minutes, and there may be many.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    thread.start()
    ended = False
    try:
        while True:
            value = await values.get()
            if isinstance(value, _End):
                ended = True
                if value.error is not None:
                    raise value.error
                return
            free.release()
            if isinstance(value, _Do):
                value.action()
            else:
                yield value
    finally:
        if not ended:
            stopped.set()
            free.release(AHEAD)
            stop()
            while not isinstance(await values.get(), _End):
                pass


def _drain(iterable: Iterable[Any], put: Callable[[Any], None], stopped: threading.Event) -> None:
    iterator: Iterator[Any] = iter(iterable)
    try:
        for value in iterator:
            if stopped.is_set():
                return
            put(value)
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
