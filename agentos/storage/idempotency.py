"""Requests that come again: idempotency keys, and the contract of their store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime

from agentos.errors import IdempotencyMismatch

IDEMPOTENCY_SECONDS = 86_400.0
"""How long a key is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """A client's name for one request: the same key again means the same request, for ``seconds`` by database time.

    ``owner`` and ``route`` are what the key is unique in; ``fingerprint`` tells whether the request is the same.
    """

    owner: str
    route: str
    key: str
    fingerprint: str
    seconds: float = IDEMPOTENCY_SECONDS


@dataclass(frozen=True, slots=True)
class Replay:
    """The key was used before: by a request with this fingerprint, which made the run or session with this id."""

    fingerprint: str
    id: str

    def check(self, key: IdempotencyKey) -> None:
        """Raise :class:`~agentos.errors.IdempotencyMismatch` unless it is the same request that came again."""
        if self.fingerprint != key.fingerprint:
            raise IdempotencyMismatch(f"Idempotency-Key {key.key!r} was used with another request; use a new key")


class IdempotencyStore(ABC):
    """Idempotency keys. ``sessions.create`` and ``runs.admit`` keep them, in the transaction of what they add."""

    @abstractmethod
    def find(self, key: IdempotencyKey) -> Replay | None:
        """Return what a key was used for, unless that was too long ago.

        Only ``sessions.create`` and ``runs.admit`` decide between two requests at once. This is for answering a
        repeated request before anything about it is refused.
        """

    @abstractmethod
    def delete_old(self, *, created_before: datetime, limit: int) -> int:
        """Delete up to ``limit`` keys that were kept before a time; return how many. Call until 0."""
