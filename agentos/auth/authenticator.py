"""The contract of what recognises callers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from agentos.domain.principal import Principal
from agentos.errors import Unauthenticated

_SECOND = re.compile(r"bearer[^,]*,|.*,\s*(?:bearer|basic)\s", re.IGNORECASE | re.DOTALL)
"""``Authorization`` that a server put together from two headers. A bearer token has no comma (RFC 6750)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a request says about its sender. ``headers`` have lower-case names; ``address`` is the client's."""

    method: str
    path: str
    address: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def bearer(self) -> str | None:
        """The token of ``Authorization: Bearer TOKEN`` (RFC 6750), if there is one."""
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() or None if kind.lower() == "bearer" else None


def check_single(credentials: Credentials) -> None:
    """Refuse a request with two credentials: it must not depend on the authenticators' order which one counts.

    The same key in ``Authorization`` and ``X-API-Key`` is one credential. Raises
    :class:`~agentos.errors.Unauthenticated`.
    """
    authorization, key = (credentials.headers.get(name) for name in ("authorization", "x-api-key"))
    if key is not None and "," in key:
        raise Unauthenticated("X-API-Key was sent more than once, or holds a comma, which no key has; send one key")
    if authorization is None:
        return
    if _SECOND.match(authorization):
        raise Unauthenticated("Authorization was sent more than once, or its token holds a comma; send one credential")
    text = authorization.strip()
    if text.lower() in ("", "bearer"):  # an empty header is no credential
        return
    if key is not None and key not in (credentials.bearer, text):
        raise Unauthenticated("Authorization and X-API-Key hold different credentials; send one of them")


class Authenticator(Protocol):
    """Recognises callers by one kind of credential. One instance a worker, used from many threads.

    If it has a method ``close()``, that is called once, when the worker ends.
    """

    def authenticate(self, credentials: Credentials) -> Principal | None:
        """Return the caller; ``None`` without a credential of this kind.

        Raises :class:`~agentos.errors.Unauthenticated` for one of this kind that is not valid: no other authenticator
        is asked then. An error of any other kind is a bug, or says that it cannot be decided now
        (:class:`~agentos.errors.AuthenticationUnavailable`, ``StorageError``); it never lets the request pass.
        """
        ...
