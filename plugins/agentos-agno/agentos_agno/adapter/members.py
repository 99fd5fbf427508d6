"""Ends the members of a team when its run has to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from typing import Any

from agno.run import cancel

_MOST = 64
_END = object()


async def with_members(stream: Any, runs: Iterable[str]) -> AsyncIterator[Any]:
    """Yield what a team's run yields. ``runs`` are the ids of its runs and of its members' that are known by then.

    A leader's call of a member is a task of its own. Agno leaves it alone when the leader's task is cancelled: it would
    go on talking to its model. Its own way to cancel waits for the model's next words. So the run is a task too, and
    the tasks of its members are found and cancelled before it.
    """
    events: asyncio.Queue[Any] = asyncio.Queue(_MOST)

    async def run() -> None:
        try:
            async with aclosing(stream):
                async for event in stream:
                    await events.put(event)
        finally:
            # A run that is cancelled has no reader any more, and its queue may be full.
            if not stopped:
                await events.put(_END)

    stopped = False
    task = asyncio.create_task(run())
    try:
        while (event := await events.get()) is not _END:
            yield event
        await task
    finally:
        stopped = True
        # Not public: without it, in a later version, members would only stop at their models' next words.
        started = getattr(cancel, "_member_drain_tasks", {})
        tasks = [one for run_id in runs for one in started.get(run_id, ()) if not one.done()]
        for one in (*tasks, task):
            one.cancel()
        await asyncio.gather(task, *tasks, return_exceptions=True)
