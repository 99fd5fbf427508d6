"""The contract of what recognises callers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from agentos.domain.principal import Principal


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


class Authenticator(Protocol):
    """Recognises callers by one kind of credential. One instance a worker, used from many threads."""

    def authenticate(self, credentials: Credentials) -> Principal | None:
        """Return who calls; ``None`` without a credential of this kind.

        Raises :class:`~agentos.errors.Unauthenticated` for one of this kind that is not valid: no other authenticator
        is asked then. An error of any other kind is a bug, or says that it cannot be told now
        (:class:`~agentos.errors.AuthenticationUnavailable`, ``StorageError``); it never lets the request pass.
        """
        ...
