"""Tells by its name whether a header, a query parameter or an option holds a secret."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORDS = frozenset(
    {"auth", "authentication", "authorization", "bearer", "cookie", "cookies", "cookie2", "credential", "credentials"}
    | {"key", "keys", "apikey", "apikeys", "pass", "passwd", "password", "passphrase", "pwd"}
    | {"secret", "secrets", "sig", "signature", "token", "jwt"}
)
_WITHIN = (
    *("apikey", "authorization", "cookie", "credential", "password", "secret", "accesstoken", "authtoken"),
    "connectionstring",
)

NO_SECRETS = frozenset({"cache-key", "cf-aig-cache-key", "idempotency-key", "prompt-cache-key"})
"""Names that end like those of secrets, and are known to hold none."""

# The last word of a name that tells something of a secret: `token_type`, `key_variable`, `stop_token_ids`.
_ABOUT = frozenset(
    {"budget", "claim", "count", "counts", "id", "ids", "limit", "name", "timeout", "type", "usage", "variable"}
)

LONGEST_KEPT = 100  # characters of a name that is remembered: clients choose names, and long ones would fill the memory


def is_secret_name(name: str) -> bool:
    """Tell whether a value of this name is a secret: ``api-key``, ``X_Auth_Token``, ``Cookie``, ``sig``.

    Counts (``max_tokens``) and what only tells of a secret (``token_type``, ``key_id``) are none. Each line of the log
    asks for its names, so the answers are remembered.
    """
    return _is_secret(name) if len(name) <= LONGEST_KEPT else _is_secret.__wrapped__(name)


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    if name.lower().replace("_", "-") in NO_SECRETS:
        return False
    words = re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower())
    if words[-1] in _ABOUT and words[-2:] != ["secret", "id"]:  # the secret_id of Vault is one
        return False
    bare = plain_name(name)
    return not _WORDS.isdisjoint(words) or any(part in bare for part in _WITHIN)


def plain_name(name: str) -> str:
    """Return a name without what spellings differ in: case, separators, full-width letters, invisible characters."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))
