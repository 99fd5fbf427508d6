"""What happens where code starts an asyncio event loop inside a worker: it is refused, with a sentence that helps.

All runs of a worker share one thread of the operating system, and asyncio has one running loop in a thread. So a second
loop would fail, at random moments. What serves installs the refusal (:mod:`agentos.serving.event_loops`); commands and
tests, where each run has a thread, have none.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

ADVICE = 'make it `async def`, or declare it as `Guest("package.module:name")`'


class EventLoopRefused(RuntimeError):
    """Code of a run tried to start an event loop in a worker.

    ``movable`` says that it has waited for nothing before, so that it can be called again in a guest process.
    """

    def __init__(self, *, movable: bool) -> None:
        super().__init__(f"asyncio has no event loop in a worker; {ADVICE}")
        self.movable = movable


def _counts_nothing() -> int | None:
    return None


_count_turns: Callable[[], int | None] = _counts_nothing
_at_start: ContextVar[int | None] = ContextVar("turns_at_start", default=None)


def count_turns_by(count: Callable[[], int | None]) -> None:
    """Have ``count`` say how often this worker's own loop has turned: code that waits lets it turn."""
    global _count_turns  # one worker, one loop
    _count_turns = count


def begin_call() -> None:
    """Note that an agent or a tool begins in this thread."""
    _at_start.set(_count_turns())


def refused(*, startable: bool = True) -> EventLoopRefused:
    """Return the error of code that would start a loop; not ``startable`` where a thread of a guest cannot either."""
    started = _at_start.get()
    return EventLoopRefused(movable=startable and started is not None and started == _count_turns())
