"""Tells by its name whether a header, a query parameter or an option holds a secret."""

from __future__ import annotations

import re
import unicodedata

_WORDS = frozenset(
    {"auth", "authentication", "authorization", "bearer", "cookie", "cookies", "cookie2", "credential", "credentials"}
    | {"key", "keys", "apikey", "apikeys", "pass", "passwd", "password", "passphrase", "pwd"}
    | {"secret", "secrets", "sig", "signature", "token", "jwt"}
)
_WITHIN = ("apikey", "authorization", "cookie", "credential", "password", "secret", "accesstoken", "authtoken")

NO_SECRETS = frozenset({"cache-key", "cf-aig-cache-key", "idempotency-key", "prompt-cache-key"})
"""Names that end like those of secrets, and are known to hold none."""


def is_secret_name(name: str) -> bool:
    """Tell whether a value of this name is a secret: ``api-key``, ``X_Auth_Token``, ``Cookie``, ``sig``."""
    if name.lower().replace("_", "-") in NO_SECRETS:
        return False
    words = re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower())
    bare = plain_name(name)
    return not _WORDS.isdisjoint(words) or any(part in bare for part in _WITHIN)


def plain_name(name: str) -> str:
    """Return a name without what spellings differ in: case, separators, full-width letters, invisible characters."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))
