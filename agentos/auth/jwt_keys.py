"""The keys that tokens are checked with, and which of them may check what."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import Algorithm, get_default_algorithms

from agentos.errors import ConfigError

SECRET = {"HS256": 32, "HS384": 48, "HS512": 64}
"""Algorithms with a secret key, and the least bytes that it must have (RFC 7518, section 3.2)."""

PUBLIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Algorithms with a public key."""

MAX_KEYS = 100  # of one key set; those of identity providers have two or three

UNUSABLE = (jwt.PyJWTError, UnsupportedAlgorithm, KeyError, TypeError, ValueError)
"""What the library raises for keys that are not what they say."""

logger = logging.getLogger(__name__)


class Keys(Protocol):
    """Where the key for a token is found."""

    def find(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        """Return the one key that a token with this header is checked with; ``None`` when there is none."""
        ...


class KeySet:
    """Keys that do not change, each for one algorithm."""

    def __init__(self, keys: Sequence[jwt.PyJWK]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        """Return the key, if only one can be meant: a token is never tried with one key after the other.

        A token that names no key means any, and so does a key without a name.
        """
        fitting = [key for key in self._keys if key.algorithm_name == algorithm]
        named = [key for key in fitting if kid is None or key.key_id in (kid, None)]
        return named[0] if len(named) == 1 else None


def checked_algorithms(names: Sequence[str]) -> Sequence[str]:
    """Return the algorithms of ``AGENTOS_JWT_ALGORITHMS``; raise ``ConfigError`` for those that are not safe."""
    unknown = [name for name in names if name not in SECRET and name not in PUBLIC]
    if unknown or not names:
        raise ConfigError(
            f"AGENTOS_JWT_ALGORITHMS names {', '.join(unknown) or 'none'}; accepted are {', '.join([*SECRET, *PUBLIC])}"
        )
    if len({name in SECRET for name in names}) > 1:
        raise ConfigError(
            "AGENTOS_JWT_ALGORITHMS mixes HS… with others: who knows a public key could then use it as a secret, and"
            " make tokens; name either kind"
        )
    return tuple(dict.fromkeys(names))


def key_set_of(text: str, algorithms: Sequence[str]) -> KeySet:
    """Return the key of ``AGENTOS_JWT_KEY`` for each algorithm; raise ``ConfigError`` for one that is not safe."""
    known = get_default_algorithms()
    if algorithms[0] in SECRET:
        return KeySet([_secret(text, name, known[name]) for name in algorithms])
    try:
        # Variables of containers often cannot hold line breaks.
        public = load_pem_public_key(text.replace("\\n", "\n").encode())
    except UNUSABLE:
        raise ConfigError(
            "AGENTOS_JWT_KEY is not a public key in PEM (-----BEGIN PUBLIC KEY-----), which AGENTOS_JWT_ALGORITHMS"
            f" ({', '.join(algorithms)}) needs; for a secret, set AGENTOS_JWT_ALGORITHMS=HS256"
        ) from None
    keys = []
    for name in algorithms:
        try:
            keys.append(_checked(jwt.PyJWK(known[name].to_jwk(public, as_dict=True), name)))
        except UNUSABLE:
            continue  # of another kind
    if not keys:
        raise ConfigError(
            f"AGENTOS_JWT_KEY is too short, or of another kind than AGENTOS_JWT_ALGORITHMS ({', '.join(algorithms)})"
        )
    return KeySet(keys)


def parse_key_set(document: bytes, algorithms: Sequence[str]) -> KeySet:
    """Return what a JWK Set (RFC 7517) has for these algorithms, which may be nothing.

    Keys for other uses and of unknown kinds are left out. Raises ``ValueError`` for what is no JWK Set.
    """
    value = orjson.loads(document)
    entries = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise ValueError(f"it is no JSON object with a list 'keys' of up to {MAX_KEYS}")
    return KeySet([key for entry in entries if isinstance(entry, dict) for key in _usable(entry, algorithms)])


def _usable(entry: Mapping[str, Any], algorithms: Sequence[str]) -> Iterator[jwt.PyJWK]:
    if "d" in entry or "k" in entry:
        logger.warning("a key set holds a private key, which is not used", extra={"kid": entry.get("kid")})
        return
    for algorithm in algorithms:
        try:
            if (
                entry.get("alg", algorithm) == algorithm
                and entry.get("use", "sig") == "sig"
                and "verify" in entry.get("key_ops", ["verify"])
            ):
                yield _checked(jwt.PyJWK(dict(entry), algorithm))
        except UNUSABLE:
            continue  # a key of another kind than this algorithm's


def _checked(key: jwt.PyJWK) -> jwt.PyJWK:
    key.Algorithm.prepare_key(key.key)  # raises for a curve that is not the algorithm's
    if reason := key.Algorithm.check_key_length(key.key):
        raise ValueError(reason)
    return key


def _secret(text: str, name: str, algorithm: Algorithm) -> jwt.PyJWK:
    if len(text.encode()) < SECRET[name]:
        raise ConfigError(f"AGENTOS_JWT_KEY is too short: {name} needs {SECRET[name]} bytes (RFC 7518, section 3.2)")
    try:
        algorithm.prepare_key(text)
    except jwt.PyJWTError:
        raise ConfigError(
            f"AGENTOS_JWT_KEY is a key in PEM, SSH or JWK form, which {name} would take for a secret; set"
            " AGENTOS_JWT_ALGORITHMS to its kind, as in RS256"
        ) from None
    return jwt.PyJWK(algorithm.to_jwk(text, as_dict=True), name)
