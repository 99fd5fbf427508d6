"""Closes what plugins opened: each thing at most once, side by side, and within a bounded time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

CLOSE_SECONDS = 0.5
"""Seconds that all things of one worker have to close. One that takes longer is left to the end of the process."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Closable:
    """What closes a part of a plugin. ``name`` is ``executor:celery``; ``hook`` is the function that is called."""

    plugin: str
    name: str
    close: Callable[[], Any]
    hook: str = "close"

    @property
    def log_fields(self) -> dict[str, str]:
        """What a line of the log says of it."""
        return {"plugin": self.plugin, "hook": self.hook, "part": self.name}


class OpenedThings:
    """What the plugins of one worker opened and is to be closed with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, tuple[object, Closable]] = {}

    def add(self, plugin: str, name: str, thing: object) -> None:
        """Keep a thing that has a ``close()``, once, under however many names it is registered."""
        close = getattr(thing, "close", None)
        if callable(close):
            with self._lock:
                # The thing is kept too: its id is its own only as long as it lives.
                self._open.setdefault(id(thing), (thing, Closable(plugin, name, close)))

    def take(self, plugin: str | None = None) -> list[Closable]:
        """Return what is open, of one plugin or of all, and forget it: the caller closes it."""
        with self._lock:
            taken = {key: one for key, (_, one) in self._open.items() if plugin in (None, one.plugin)}
            for key in taken:
                del self._open[key]
        return list(taken.values())

    def close_of(self, plugin: str) -> None:
        """Close what one plugin opened: it turned out to be broken."""
        close_all(self.take(plugin))


def close_all(things: Sequence[Closable], seconds: float = CLOSE_SECONDS) -> None:
    """Close things side by side, and wait at most ``seconds`` for all of them. Never raises.

    One that raises or does not return is logged with its plugin's name, and keeps no other one open.
    """
    threads = [threading.Thread(target=_close, args=(one,), name=f"close-{one.name}", daemon=True) for one in things]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for one, thread in zip(things, threads, strict=True):
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            told = {**one.log_fields, "seconds": seconds}
            logger.error("a part of a plugin did not close in time and was left behind", extra=told)


def _close(one: Closable) -> None:
    try:
        one.close()
    except BaseException:  # other people's code
        logger.exception("a part of a plugin failed to close", extra=one.log_fields)
