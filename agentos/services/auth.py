"""Authentication and rate limits. Every request passes here, also one for a missing route."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from agentos.auth.authenticator import Authenticator, Credentials, check_single
from agentos.auth.rate_limits import RateLimits
from agentos.domain.principal import ANONYMOUS_PRINCIPAL, Principal
from agentos.errors import Unauthenticated

ACCEPTED = (
    "give an API key or a token as 'Authorization: Bearer …', or an API key as 'X-API-Key: …'; a key in the address is"
    " never accepted"
)


class Admitted(NamedTuple):
    """A caller that was let in, and the name of the authenticator that knew it; ``None`` where there is none."""

    principal: Principal
    authenticator: str | None = None


class AuthService:
    """Recognises callers with the authenticators in force, in their order. Without any, every caller is anonymous.

    ``authenticators`` are by the name that ``AGENTOS_AUTH`` has for each.
    """

    def __init__(self, authenticators: Mapping[str, Authenticator], limits: RateLimits) -> None:
        self._authenticators = authenticators
        self._limits = limits
        self._anonymous = Admitted(ANONYMOUS_PRINCIPAL)

    def allow_anonymous(self, scopes: Collection[str]) -> None:
        """Let anonymous callers have these scopes too, on a server without authenticators."""
        known = self._anonymous.principal
        self._anonymous = Admitted(replace(known, scopes={*known.scopes, *scopes}))

    @property
    def asks_for_credentials(self) -> bool:
        """Return whether there is an authenticator, which needs a request's headers."""
        return bool(self._authenticators)

    def prepare(self) -> None:
        """Load what the first request would have to wait for."""
        self._limits.open()

    def admit_to_page(self, address: str) -> None:
        """Count a request for what needs no credential. Raises ``RateLimited`` for an address."""
        self._limits.check_address(address)
        self._limits.check_shared(address)

    def admit(self, credentials: Credentials) -> Admitted:
        """Return the caller. Raises ``Unauthenticated``, or ``RateLimited`` for an address or a caller.

        Only requests without a valid credential count as failures: many callers may share the address of a proxy, and
        one of them who fails must not keep out the others.
        """
        self._limits.check_address(credentials.address)
        if not self._authenticators:
            self._limits.check_shared(credentials.address)
            return self._anonymous
        try:
            admitted = self._recognise(credentials)
        except Unauthenticated:
            self._limits.check_failure(credentials.address)
            self._limits.check_shared(credentials.address, failed=True)
            raise
        caller = admitted.principal.id
        self._limits.check_caller(caller)
        self._limits.check_shared(credentials.address, caller=caller)
        return admitted

    def _recognise(self, credentials: Credentials) -> Admitted:
        check_single(credentials)
        for name, authenticator in self._authenticators.items():
            principal = authenticator.authenticate(credentials)
            if principal is None:
                continue
            if not isinstance(principal, Principal):
                raise TypeError(f"{type(authenticator).__name__} returned {type(principal).__name__}, not a Principal")
            return Admitted(principal, name)
        raise Unauthenticated(f"no credential was given that this server takes; {ACCEPTED}")
