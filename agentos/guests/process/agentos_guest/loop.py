"""The event loop of a guest process. It counts the threads that are lost to calls which do not return."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

THREADS = 64
"""asyncio's own number depends on the processors, and synchronous tools would wait for each other."""
MOST_STUCK = THREADS // 2
"""Threads with a cancelled call from which the process is no good place for new runs."""


class Loop(asyncio.SelectorEventLoop):
    """asyncio's loop, with a limit of threads that is the same on all machines.

    A thread cannot be interrupted: the task that waits for a call in it is cancelled at once, and the call keeps its
    thread until it returns. ``asyncio.to_thread`` and what is built upon it come here.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="guest"))
        self.stuck = 0
        """Threads with a call that was cancelled, and has not returned."""
        self.on_stuck: Callable[[], None] = lambda: None
        """Called in the loop when there is one more."""

    def run_in_executor(  # type: ignore[override]  # typeshed ties the types of the arguments to those of the function
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Call a function in a thread."""
        if executor is not None:
            return super().run_in_executor(executor, func, *args)
        call = _Call(func, self)
        future: asyncio.Future[Any] = super().run_in_executor(None, call, *args)
        future.add_done_callback(call.leave)
        return future

    def count(self, change: int) -> None:
        """Add to the number of stuck threads. From any thread."""
        with self._lock:
            self.stuck += change


class _Call:
    """One call in a thread."""

    def __init__(self, function: Callable[..., Any], loop: Loop) -> None:
        self._function = function
        self._loop = loop
        self._lock = threading.Lock()
        self._runs = False
        self._is_stuck = False

    def __call__(self, *args: Any) -> Any:
        self._runs = True
        try:
            return self._function(*args)
        finally:
            with self._lock:
                self._runs = False
                if self._is_stuck:
                    self._loop.count(-1)

    def leave(self, future: asyncio.Future[Any]) -> None:
        """Note that nothing waits for the call any more."""
        if not future.cancelled():
            return
        with self._lock:
            self._is_stuck = self._runs
            if not self._is_stuck:
                return
            self._loop.count(1)
        self._loop.on_stuck()
