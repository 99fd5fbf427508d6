"""Trying a model call again: before its first piece, and within the run's deadline."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from agentos.errors import ExecutionError, RunTimeout
from agentos.models.deltas import Arrival
from agentos.models.provider import ModelProvider
from agentos.models.request import ModelRequest

FIRST_DELAY = 0.5
LONGEST_DELAY = 8.0


def stream_with_retry(
    provider: ModelProvider,
    request: ModelRequest,
    *,
    retries: int,
    first_delay: float = FIRST_DELAY,
    asking: Callable[[int], object] = lambda _: None,
    retrying: Callable[[ExecutionError], object] = lambda _: None,
) -> Iterator[Arrival]:
    """Stream from a provider, calling it up to ``retries`` times again while its error may pass.

    Whether it may is in the error's ``details.retryable``, which the server itself may decide (``x-should-retry``).
    After the last try its error is raised. After the first delta nothing is tried again: what was said cannot be taken
    back. The waits double from ``first_delay`` seconds, with jitter, unless the server names one (``retry_after``); one
    that would outlast the run is not begun.

    ``asking`` is called before each try with its number, from 1; ``retrying`` with each error that is not raised.
    """
    for attempt in range(retries + 1):
        said = False
        asking(attempt + 1)
        stream: Iterator[Arrival] = iter(())
        try:
            stream = provider.stream(request)
            for arrived in stream:
                said = True
                yield arrived
            return
        except ExecutionError as error:
            delay = _delay(attempt, error, first_delay)
            passes = error.details.get("retryable") is True and not isinstance(error, RunTimeout)
            if said or not passes or attempt == retries or delay >= request.remaining():
                raise
            retrying(error)
        finally:
            # A consumer that leaves must not leave the call to the model behind.
            if hasattr(stream, "close"):
                stream.close()
        request.cancellation.wait(delay)
        request.cancellation.check()


def _delay(attempt: int, error: ExecutionError, first: float) -> float:
    # Jitter spreads the runs that failed together; it needs no cryptography.
    jitter = random.random()  # noqa: S311
    if error.retry_after is not None:
        return error.retry_after + 0.25 * jitter
    longest: float = min(LONGEST_DELAY, first * 2.0**attempt)
    return longest * (0.5 + 0.5 * jitter)
