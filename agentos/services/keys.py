"""API keys for those who run the server: make them, list them, revoke them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime

from agentos.auth.keys import KEY, new_key
from agentos.domain.principal import OWNER, SCOPES, is_scope
from agentos.domain.times import rfc3339, utc_now
from agentos.errors import InvalidRequest, NotFound
from agentos.storage.interface import Storage
from agentos.storage.values import StoredKey

CLIENT_SCOPES = ("agents:read", "agents:run", "sessions:read", "sessions:write", "runs:read", "runs:cancel")
"""What a program needs that talks to agents; it can neither change agents nor see what others do."""

logger = logging.getLogger(__name__)


class KeyService:
    """Use cases of API keys. Whoever may call these may do everything: they are for the command line."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def create(
        self,
        *,
        name: str,
        owner: str,
        scopes: Collection[str] = CLIENT_SCOPES,
        expires_at: datetime | None = None,
    ) -> tuple[str, StoredKey]:
        """Make a key and return its text, which cannot be had again, and what is kept of it.

        Keys of one ``owner`` see the same sessions and runs; a ``name`` is for people, and need not be the only one.
        Raises :class:`~agentos.errors.InvalidRequest`.
        """
        for what, text in (("name", name), ("owner", owner)):
            if not OWNER.fullmatch(text):
                raise InvalidRequest(
                    f"{what} {text!r:.100} is not accepted: give 1 to 255 characters, none of them a control character"
                )
        _check_expiry(expires_at)
        text, key = new_key(name=name, owner=owner, scopes=_checked(scopes), expires_at=expires_at)
        self._storage.add_key(key)
        logger.info("API key created", extra={"key_id": key.id, "owner": owner, "scopes": list(key.scopes)})
        return text, key

    def list(self) -> Sequence[StoredKey]:
        """Return all keys, the oldest first, also those that are not good any more."""
        return self._storage.list_keys()

    def revoke(self, key_id: str) -> StoredKey:
        """Revoke a key for good, from the next request on. Takes a whole key too, such as one that leaked.

        Raises :class:`~agentos.errors.NotFound`.
        """
        whole = KEY.fullmatch(key_id)
        id = whole[1] if whole else key_id
        key = self._storage.revoke_key(id, now=utc_now())
        if key is None:
            # Cut short: what looks nearly like a key may be one that was copied badly.
            raise NotFound(f"API key with ID {id[:20]!r} not found; an ID has 16 digits and letters from a to f")
        logger.info("API key revoked", extra={"key_id": key.id, "owner": key.owner})
        return key


def _checked(scopes: Collection[str]) -> list[str]:
    unknown = sorted(scope for scope in scopes if not is_scope(scope))
    if unknown or not scopes:
        said = f"unknown scopes {', '.join(map(repr, unknown))!s:.200}" if unknown else "no scope was given"
        raise InvalidRequest(f"{said}; accepted are {', '.join(SCOPES)}, and agents:run:ID for one agent alone")
    order = [*SCOPES, *sorted(set(scopes) - set(SCOPES))]
    return [scope for scope in order if scope in scopes]


def _check_expiry(expires_at: datetime | None) -> None:
    if expires_at is None:
        return
    if expires_at.tzinfo is None:
        raise InvalidRequest("the time of expiry has no time zone; give one, as in 2027-01-31T12:00:00Z")
    if expires_at <= utc_now():
        raise InvalidRequest(f"the time of expiry, {rfc3339(expires_at)}, is over; give one that is to come")
