"""Runs synchronous generators in threads of their own, and yields in the loop what they yield."""

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
        try:
            _drain(make(), put, stopped)
        except BaseException as raised:  # noqa: BLE001  # the agent's own code; raised again in the task
            error = raised
        loop.call_soon_threadsafe(values.put_nowait, _End(error))

    def put(value: Any) -> None:
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
