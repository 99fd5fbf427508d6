"""JSON Web Tokens (RFC 7519): the caller, as stated by an identity provider that we trust.

Imported only where ``AGENTOS_AUTH`` names ``jwt``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import jwt

from agentos.auth.authenticator import Credentials
from agentos.auth.jwks import FetchedKeys, FileKeys
from agentos.auth.jwt_keys import SECRET, Keys, checked_algorithms, key_set_of
from agentos.config import Config
from agentos.domain.principal import ANONYMOUS, Principal
from agentos.errors import ConfigError, Unauthenticated
from agentos.observability.repeated import RepeatedLines

MAX_SIZE = 16 * 1024
"""Characters of a token; one that fits into a header is smaller by far, and others are not worth decoding."""

NUMBERS = ("exp", "nbf", "iat")

logger = logging.getLogger(__name__)


class JwtAuthenticator:
    """Knows callers by ``Authorization: Bearer`` with a signed token: three parts with dots between them.

    A bearer of another form is left to other authenticators. ``clock`` counts seconds, for the age of fetched keys.

    Raises :class:`~agentos.errors.ConfigError` for settings that cannot work or would let tokens be forged.
    """

    def __init__(self, config: Config, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._refusals = RepeatedLines(logger)
        self._algorithms = checked_algorithms(config.jwt_algorithms)
        self._keys = _open_keys(config, self._algorithms, clock)
        self._parser = jwt.PyJWT({"require": ["exp"], "enforce_minimum_key_length": True})

    def authenticate(self, credentials: Credentials) -> Principal | None:
        """Return whom the token names. Why one is refused stands in the log alone."""
        token = credentials.bearer
        if token is None or token.count(".") != 2:
            return None
        try:
            return self._principal(self._claims(token))
        except (jwt.PyJWTError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"[:200]
            self._refusals.log(logging.INFO, "token refused", kind=type(error).__name__, extra={"reason": reason})
            raise Unauthenticated("the token is not valid, or has expired, or is meant for another service") from None

    def _claims(self, token: str) -> Mapping[str, Any]:
        if len(token) > MAX_SIZE:
            raise ValueError(f"it has more than {MAX_SIZE} characters")
        header = jwt.get_unverified_header(token)
        if "crit" in header:
            raise ValueError("it has extensions that must be understood, and we know none")
        algorithm, kid = header.get("alg"), header.get("kid")
        # The token may choose among our algorithms, never extend them.
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise ValueError(f"its algorithm is {algorithm!r:.40}")
        key = self._keys.find(kid, algorithm)
        if key is None:
            raise ValueError(f"there is no {algorithm} key with the ID {kid!r:.80}")
        claims = self._parser.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=self._config.jwt_audience,
            issuer=self._config.jwt_issuer,
            leeway=self._config.jwt_leeway,
        )
        for name in NUMBERS:
            # The library takes "1900000000" and true for times too; RFC 7519 does not.
            if isinstance(claims.get(name, 0), str | bool):
                raise ValueError(f"its claim {name} is no number")
        return claims

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        owner = claims.get(self._config.jwt_owner_claim)
        if not isinstance(owner, str) or owner == ANONYMOUS:
            raise ValueError(f"its claim {self._config.jwt_owner_claim!r} names no owner")
        scopes = claims.get(self._config.jwt_scope_claim, [])
        if isinstance(scopes, str):
            scopes = scopes.split()
        if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
            raise ValueError(f"its claim {self._config.jwt_scope_claim!r} is neither a text nor a list of texts")
        return Principal(id=f"jwt:{owner}", owner=owner, scopes=scopes, expires_at=_time(claims["exp"]))


def _time(seconds: float) -> datetime | None:
    """Return a time of a token; ``None`` for one so late that there is no such date."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _open_keys(config: Config, algorithms: Sequence[str], clock: Callable[[], float]) -> Keys:
    """Return where keys are found. A key or file that cannot be used is refused at once; a URL is asked later."""
    if (config.jwt_key is None) == (config.jwt_jwks is None):
        raise ConfigError(
            f"{'neither' if config.jwt_key is None else 'both'} of AGENTOS_JWT_KEY (a secret, or a public key in PEM)"
            " and AGENTOS_JWT_JWKS (file or URL of a key set) are set; AGENTOS_AUTH=jwt needs one of them"
        )
    if config.jwt_jwks is None:
        return key_set_of(config.jwt_key or "", algorithms)
    if algorithms[0] in SECRET:
        raise ConfigError(
            f"AGENTOS_JWT_ALGORITHMS has {algorithms[0]}, but AGENTOS_JWT_JWKS names public keys, which must never be"
            " taken for secrets; name RS256, ES256 or another algorithm with public keys"
        )
    if "://" in config.jwt_jwks:
        return FetchedKeys(config.jwt_jwks, algorithms, clock)
    return FileKeys(config.jwt_jwks, algorithms)
