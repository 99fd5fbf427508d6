"""Refuses to start asyncio event loops in the thread that all runs of a worker share.

Without this, one run would start a loop, and others would fail as long as it runs ("asyncio.run() cannot be called from
a running event loop"). Threads of the operating system, such as those of gevent's pool, may have loops of their own.
"""

from __future__ import annotations

import asyncio
from asyncio import events
from collections.abc import Callable
from functools import wraps
from inspect import iscoroutine
from typing import Any

import gevent
from gevent.monkey import get_original

from agentos.event_loops import count_turns_by, refused

_thread_id: Callable[[], int] = get_original("_thread", "get_ident")


def refuse_event_loops() -> None:
    """Replace what starts a loop, in this process. Call it in a worker, after its fork; a second call does nothing."""
    if hasattr(asyncio.BaseEventLoop.run_forever, "__wrapped__"):
        return
    shared = _thread_id()
    count_turns_by(_turns)

    def refusing(owner: type, name: str) -> None:
        original = getattr(owner, name)

        @wraps(original)
        def start(self: Any, *given: Any, **named: Any) -> Any:
            if _thread_id() != shared:
                return original(self, *given, **named)
            for one in given:
                if iscoroutine(one):
                    one.close()  # or Python would warn that it was never awaited
            raise refused()

        setattr(owner, name, start)

    refusing(asyncio.Runner, "run")
    refusing(asyncio.BaseEventLoop, "run_until_complete")
    refusing(asyncio.BaseEventLoop, "run_forever")
    _explain_missing_loop(shared)


def _explain_missing_loop(shared: int) -> None:
    policy = events.BaseDefaultEventLoopPolicy
    original = policy.get_event_loop

    def get_event_loop(self: Any) -> asyncio.AbstractEventLoop:
        try:
            return original(self)
        except RuntimeError as error:
            if _thread_id() == shared:
                # It wants a loop that is there already, which no thread but a main one has.
                raise refused(startable=False) from error
            raise

    policy.get_event_loop = get_event_loop  # type: ignore[method-assign]


def _turns() -> int | None:
    turns: int | None = getattr(gevent.get_hub().loop, "iteration", None)  # libuv does not count
    return turns
