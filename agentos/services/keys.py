"""API keys for the operator of the server: make, list and revoke them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import NoReturn

from agentos.auth.keys import KEY, new_key
from agentos.domain.principal import ADMIN, ANONYMOUS, OPERATOR, OWNER, SCOPES, Principal, is_scope
from agentos.domain.times import rfc3339, utc_now
from agentos.errors import Forbidden, InvalidRequest, NotFound
from agentos.storage.interface import Storage
from agentos.storage.keys import StoredKey
from agentos.storage.paging import Cursor, Page, Paging, page_of
from agentos.storage.runs import RunFilter
from agentos.storage.sessions import SessionFilter

CLIENT_SCOPES = ("agents:read", "agents:run", "sessions:read", "sessions:write", "runs:read", "runs:cancel")
"""What a program needs that talks to agents; it can neither change agents nor see what others do."""

logger = logging.getLogger(__name__)


def _as_field(owner: str) -> str:
    return f"'owner': {owner!r:.100}"


class KeyService:
    """Use cases of API keys, for the command line and for administrators: keys of all owners."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._of_plugins: frozenset[str] = frozenset()

    def allow(self, scopes: Collection[str]) -> None:
        """Let keys have these scopes, which plugins declare, beside the server's own."""
        self._of_plugins = frozenset(scopes)

    @property
    def scopes(self) -> tuple[str, ...]:
        """All scopes that a key may have, but those for one agent alone."""
        return (*SCOPES, *sorted(self._of_plugins))

    def create(
        self,
        *,
        name: str,
        owner: str | None = None,
        scopes: Collection[str] = CLIENT_SCOPES,
        expires_at: datetime | None = None,
        maker: Principal = OPERATOR,
        owner_option: Callable[[str], str] = _as_field,
    ) -> tuple[str, StoredKey]:
        """Make a key and return its text, which cannot be had again, and what is kept of it.

        Keys of one ``owner`` see the same sessions and runs. Without an ``owner``, the key gets one of its own, which
        has the key's ``name``: the name must be new then. A key can do nothing that its ``maker`` cannot.
        ``owner_option`` writes how an owner is given, for the message of a name that is in use. Raises
        :class:`~agentos.errors.InvalidRequest` and :class:`~agentos.errors.Forbidden`.
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
        _check_maker(maker, key)
        if owner is None:
            self._add_with_new_owner(key, owner_option)
        else:
            self._storage.keys.add(key)
        about = {"key_id": key.id, "owner": key.owner, "scopes": list(key.scopes), "by": maker.id}
        logger.info("API key created", extra=about)
        return text, key

    def _add_with_new_owner(self, key: StoredKey, option: Callable[[str], str]) -> None:
        """Add a key unless its owner has something already, which the key would silently share."""
        if key.owner == ANONYMOUS:
            _refuse_name(key.name, "stands for what was made without a credential", option(ANONYMOUS))
        if self._owns_something(key.owner):  # such as the user of a token, who has no key
            _refuse_name(key.name, "is a user that has sessions or runs", option(key.owner))
        used = self._storage.keys.add(key, new_owner=True)
        if used is not None:
            _refuse_name(key.name, f"is used by key {used.id} of user {used.owner!r:.100}", option(used.owner))

    def _owns_something(self, owner: str) -> bool:
        paging = Paging(limit=1)
        sessions = self._storage.sessions.list(SessionFilter(owner=owner), paging)
        return bool(sessions.items or self._storage.runs.list(RunFilter(owner=owner), paging).items)

    def list(self, paging: Paging) -> Page[StoredKey]:
        """Return a part of all keys of all owners, the newest first, also of those that expired or were revoked."""
        keys = sorted(self._storage.keys.list(), key=_place, reverse=True)
        if paging.cursor is not None:
            keys = [key for key in keys if _place(key) < paging.cursor]
        begin = paging.offset if paging.cursor is None else 0
        return page_of(keys[begin : begin + paging.limit + 1], paging, place=_place, convert=lambda found: found)

    def revoke(self, key_id: str, *, by: Principal = OPERATOR) -> StoredKey:
        """Revoke a key for good, from the next request on; takes a whole key that leaked too. Raises ``NotFound``."""
        whole = KEY.fullmatch(key_id)
        id = whole[1] if whole else key_id
        key = self._storage.keys.revoke(id, now=utc_now())
        if key is None:
            # Cut short: what looks nearly like a key may be one that was copied badly.
            raise NotFound(f"API key with ID {id[:20]!r} not found; an ID has 16 digits and letters from a to f")
        logger.info("API key revoked", extra={"key_id": key.id, "owner": key.owner, "by": by.id})
        return key

    def _checked(self, scopes: Collection[str]) -> Sequence[str]:
        unknown = sorted(scope for scope in scopes if not (is_scope(scope) or scope in self._of_plugins))
        if unknown or not scopes:
            said = f"unknown scopes {', '.join(map(repr, unknown))!s:.200}" if unknown else "no scope was given"
            raise InvalidRequest(
                f"{said}; accepted are {', '.join(self.scopes)}, and agents:run:ID for one agent alone"
            )
        order = [*SCOPES, *sorted(set(scopes) - set(SCOPES))]
        return [scope for scope in order if scope in scopes]


def _check_maker(maker: Principal, key: StoredKey) -> None:
    if maker.visible_owner not in (None, key.owner):
        raise Forbidden(f"a key of another owner needs a credential with scope {ADMIN!r}")
    if lacking := [scope for scope in key.scopes if not maker.may(scope)]:
        raise Forbidden(
            f"a key cannot have scopes that its maker lacks: {', '.join(map(repr, lacking))}; a credential with scope"
            f" {ADMIN!r} has them all"
        )


def _place(key: StoredKey) -> Cursor:
    return Cursor(key.created_at, key.id)


def _refuse_name(name: str, reason: str, option: str) -> NoReturn:
    raise InvalidRequest(
        f"the name {name!r:.100} {reason}. Give {option} for a key that shares this user's sessions and runs, or"
        " another name for a key with sessions and runs of its own"
    )
