"""The agents of ``benchmarks.guest_app`` as they are in a guest process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

# Not on the core of the worker, which is measured.
os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - {0} or {0})


async def paced(context: Any) -> AsyncIterator[str]:  # noqa: ARG001
    """Say a hundred tokens, 20 ms apart."""
    for _ in range(100):
        await asyncio.sleep(0.02)
        yield "word "


async def burst(context: Any) -> AsyncIterator[str]:  # noqa: ARG001
    """Say a thousand tokens without a pause."""
    for _ in range(1000):
        yield "word "


async def short(context: Any) -> AsyncIterator[str]:  # noqa: ARG001
    """Say ten tokens without a pause."""
    for _ in range(10):
        yield "word "
