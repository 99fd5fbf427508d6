"""Rate limits that all workers of a deployment count together, as long as their store can be reached."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from agentos.setting_kinds import Rate

RETRY = 2.0
"""Seconds in which the store is left alone after a failure: a request must not wait for it each time."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RateLimitRefusal:
    """A request is refused: by the limit at this ``place``, counted from 0, for so many seconds."""

    place: int
    retry_after: float


class RateLimitStore(ABC):
    """Counts requests of all workers together: what a plugin registers with ``register_rate_limit_stores``."""

    @abstractmethod
    def take(self, counted: Sequence[tuple[str, Rate]]) -> RateLimitRefusal | None:
        """Count one request under several keys, each a token bucket with its rate, in one step.

        They are counted in their order, until one refuses; those before it stay counted. A bucket holds
        ``rate.count`` tokens and is full at first. Called by many threads; must not block for long. What it raises
        leaves the request to the worker's own limits.
        """

    def check(self) -> None:  # noqa: B027  # a store need not know before it is asked to count
        """Raise unless requests can be counted now. ``/ready`` asks."""

    def close(self) -> None:  # noqa: B027  # a store need not have anything to close
        """Close what was opened."""


class SharedLimits:
    """A store that may be away: then each worker counts for itself, which the log and ``/ready`` say."""

    def __init__(self, store: RateLimitStore, plugin: str) -> None:
        self._store = store
        self._plugin = plugin
        self._again_at = 0.0
        self._away = False

    def is_away(self) -> bool:
        """Return whether requests cannot be counted there now."""
        if self._is_left_alone():
            return True
        try:
            self._store.check()
        except Exception:  # noqa: BLE001  # other people's code
            return True
        return False

    def take(self, counted: Sequence[tuple[str, Rate]]) -> RateLimitRefusal | None:
        """Count a request; ``None`` also while the store is away."""
        if self._is_left_alone():
            return None
        try:
            refused = self._store.take(counted)
        except Exception as error:  # noqa: BLE001  # other people's code
            self._again_at = time.monotonic() + RETRY
            if not self._away:
                self._away = True
                reason = {"plugin": self._plugin, "reason": type(error).__name__}
                logger.warning("the store of rate limits is away; each worker counts for itself", extra=reason)
            return None
        if self._away:
            self._away = False
            logger.info("the store of rate limits is back", extra={"plugin": self._plugin})
        return refused

    def _is_left_alone(self) -> bool:
        return self._away and time.monotonic() < self._again_at
