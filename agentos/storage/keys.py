"""API keys: what is stored of them, and the contract of their store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """An API key without its secret, of which only the SHA-256 is kept, in hexadecimal digits."""

    id: str
    name: str
    owner: str
    scopes: tuple[str, ...]
    digest: str = field(repr=False)
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class KeyStore(ABC):
    """API keys by id."""

    @abstractmethod
    def add(self, key: StoredKey, *, new_owner: bool = False) -> StoredKey | None:
        """Add an API key with a new id, and return ``None``.

        With ``new_owner``, add nothing if the key's owner is the name or the owner of another key, also of one that has
        expired or was revoked; return the oldest such key. Check and insert are one: of simultaneous calls, one adds.
        """

    @abstractmethod
    def get(self, key_id: str) -> StoredKey | None:
        """Return one API key, also one that has expired or was revoked. Asked at every request: never from a cache."""

    @abstractmethod
    def list(self) -> Sequence[StoredKey]:
        """Return all API keys, the oldest first."""

    @abstractmethod
    def revoke(self, key_id: str, *, now: datetime) -> StoredKey | None:
        """Revoke an API key for good and return it; ``None`` if there is none. The first revocation's time stays."""
