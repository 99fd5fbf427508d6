"""API keys for the operator of the server: make, list and revoke them."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime
from shlex import quote
from typing import NoReturn

from agentos.auth.keys import KEY, new_key
from agentos.domain.principal import ANONYMOUS, OWNER, SCOPES, is_scope
from agentos.domain.times import rfc3339, utc_now
from agentos.errors import InvalidRequest, NotFound
from agentos.storage.interface import Storage
from agentos.storage.keys import StoredKey
from agentos.storage.paging import Paging
from agentos.storage.runs import RunFilter
from agentos.storage.sessions import SessionFilter

CLIENT_SCOPES = ("agents:read", "agents:run", "sessions:read", "sessions:write", "runs:read", "runs:cancel")
"""What a program needs that talks to agents; it can neither change agents nor see what others do."""

logger = logging.getLogger(__name__)


class KeyService:
    """Use cases of API keys, for the command line: its user may do everything."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._of_plugins: frozenset[str] = frozenset()

    def allow(self, scopes: Collection[str]) -> None:
        """Let keys have these scopes, which plugins declare, beside the server's own."""
        self._of_plugins = frozenset(scopes)

    def create(
        self,
        *,
        name: str,
        owner: str | None = None,
        scopes: Collection[str] = CLIENT_SCOPES,
        expires_at: datetime | None = None,
    ) -> tuple[str, StoredKey]:
        """Make a key and return its text, which cannot be had again, and what is kept of it.

        Keys of one ``owner`` see the same sessions and runs. Without an ``owner``, the key gets one of its own, which
        has the key's ``name``: the name must be new then. Raises :class:`~agentos.errors.InvalidRequest`.
        """
        given = {"name": name} if owner is None else {"name": name, "owner": owner}
        for what, text in given.items():
            if not OWNER.fullmatch(text):
                raise InvalidRequest(
                    f"{what} {text!r:.100} is not accepted: give 1 to 255 characters, none of them a control character"
                )
        if expires_at is not None and expires_at.tzinfo is None:
            raise InvalidRequest("the time of expiry has no time zone; give one, as in 2027-01-31T12:00:00Z")
        if expires_at is not None and expires_at <= utc_now():
            raise InvalidRequest(f"the time of expiry, {rfc3339(expires_at)}, is over; give one that is to come")
        text, key = new_key(
            name=name, owner=name if owner is None else owner, scopes=self._checked(scopes), expires_at=expires_at
        )
        if owner is None:
            self._add_with_new_owner(key)
        else:
            self._storage.keys.add(key)
        logger.info("API key created", extra={"key_id": key.id, "owner": key.owner, "scopes": list(key.scopes)})
        return text, key

    def _add_with_new_owner(self, key: StoredKey) -> None:
        """Add a key unless its owner has something already, which the key would silently share."""
        if key.owner == ANONYMOUS:
            _refuse_name(key.name, "stands for what was made without a credential", ANONYMOUS)
        if self._owns_something(key.owner):  # such as the user of a token, who has no key
            _refuse_name(key.name, "is a user that has sessions or runs", key.owner)
        used = self._storage.keys.add(key, new_owner=True)
        if used is not None:
            _refuse_name(key.name, f"is used by key {used.id} of user {used.owner!r:.100}", used.owner)

    def _owns_something(self, owner: str) -> bool:
        paging = Paging(limit=1)
        sessions = self._storage.sessions.list(SessionFilter(owner=owner), paging)
        return bool(sessions.items or self._storage.runs.list(RunFilter(owner=owner), paging).items)

    def revoke(self, key_id: str) -> StoredKey:
        """Revoke a key for good, from the next request on; takes a whole key that leaked too. Raises ``NotFound``."""
        whole = KEY.fullmatch(key_id)
        id = whole[1] if whole else key_id
        key = self._storage.keys.revoke(id, now=utc_now())
        if key is None:
            # Cut short: what looks nearly like a key may be one that was copied badly.
            raise NotFound(f"API key with ID {id[:20]!r} not found; an ID has 16 digits and letters from a to f")
        logger.info("API key revoked", extra={"key_id": key.id, "owner": key.owner})
        return key

    def _checked(self, scopes: Collection[str]) -> list[str]:
        unknown = sorted(scope for scope in scopes if not (is_scope(scope) or scope in self._of_plugins))
        accepted = (*SCOPES, *sorted(self._of_plugins))
        if unknown or not scopes:
            said = f"unknown scopes {', '.join(map(repr, unknown))!s:.200}" if unknown else "no scope was given"
            raise InvalidRequest(f"{said}; accepted are {', '.join(accepted)}, and agents:run:ID for one agent alone")
        order = [*SCOPES, *sorted(set(scopes) - set(SCOPES))]
        return [scope for scope in order if scope in scopes]


def _refuse_name(name: str, reason: str, owner: str) -> NoReturn:
    raise InvalidRequest(
        f"the name {name!r:.100} {reason}. Give --user {quote(owner)} for a key that shares this user's sessions and"
        " runs, or another name for a key with sessions and runs of its own"
    )
