"""Authentication and rate limits. Every request passes here, also one for a missing route."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from agentos.auth.authenticator import Authenticator, Credentials, check_single
from agentos.auth.rate_limits import RateLimits
from agentos.domain.principal import ANONYMOUS_PRINCIPAL, Principal
from agentos.errors import Unauthenticated

ACCEPTED = (
    "give an API key or a token as 'Authorization: Bearer …', or an API key as 'X-API-Key: …'; a key in the address is"
    " never accepted"
)


class AuthService:
    """Recognises callers with the authenticators in force, in their order. Without any, every caller is anonymous."""

    def __init__(self, authenticators: Sequence[Authenticator], limits: RateLimits) -> None:
        self._authenticators = authenticators
        self._limits = limits
        self._anonymous = ANONYMOUS_PRINCIPAL

    def allow_anonymous(self, scopes: Collection[str]) -> None:
        """Let anonymous callers have these scopes of plugins too, on a server without authenticators."""
        self._anonymous = replace(ANONYMOUS_PRINCIPAL, scopes={*ANONYMOUS_PRINCIPAL.scopes, *scopes})

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

    def admit(self, credentials: Credentials) -> Principal:
        """Return the caller. Raises ``Unauthenticated``, or ``RateLimited`` for an address or a caller.

        Only requests without a valid credential count as failures: many callers may share the address of a proxy, and
        one of them who fails must not keep out the others.
        """
        self._limits.check_address(credentials.address)
        if not self._authenticators:
            return self._anonymous
        try:
            principal = self._recognise(credentials)
        except Unauthenticated:
            self._limits.check_failure(credentials.address)
            raise
        self._limits.check_caller(principal.id)
        return principal

    def _recognise(self, credentials: Credentials) -> Principal:
        check_single(credentials)
        for authenticator in self._authenticators:
            principal = authenticator.authenticate(credentials)
            if principal is None:
                continue
            if not isinstance(principal, Principal):
                raise TypeError(f"{type(authenticator).__name__} returned {type(principal).__name__}, not a Principal")
            return principal
        raise Unauthenticated(f"no credential was given that this server takes; {ACCEPTED}")
