"""``asyncio.wait_for`` that loses no cancellation.

Before Python 3.12, a cancellation is lost if it comes at the moment at which the wait ends: the task continues
(https://github.com/python/cpython/issues/86296). Libraries call ``wait_for`` for each piece of a stream, so that one
cancel in a hundred stopped nothing, and the process had to end with all its other runs.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from typing import Any

_of_python = asyncio.wait_for


def install() -> None:
    """Give it to all code that this process imports from now on, where Python's own loses cancellations."""
    if sys.version_info < (3, 12):
        asyncio.wait_for = asyncio.tasks.wait_for = _wait_for  # type: ignore[assignment]  # typeshed ties the results


async def _wait_for(fut: Awaitable[Any], timeout: float | None) -> Any:
    if timeout is None or timeout <= 0:
        return await _of_python(fut, timeout)
    future = asyncio.ensure_future(fut)
    try:
        done, _ = await asyncio.wait({future}, timeout=timeout)
    except asyncio.CancelledError:
        await _cancel(future)
        if not future.cancelled():
            future.exception()  # else asyncio logs that nobody asked for it
        raise
    if done:
        return future.result()
    await _cancel(future)
    if future.cancelled():
        raise asyncio.TimeoutError
    return future.result()


async def _cancel(future: asyncio.Future[Any]) -> None:
    """Cancel, and wait until it has ended: what was waited for must not continue afterwards."""
    future.cancel()
    await asyncio.wait({future})
