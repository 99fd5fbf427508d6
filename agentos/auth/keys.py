"""API keys: how one is made, what is kept of it, and how a request is matched to one."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from agentos.auth.authenticator import Credentials
from agentos.domain.principal import Principal
from agentos.domain.times import utc_now
from agentos.errors import Unauthenticated
from agentos.storage.interface import Storage
from agentos.storage.keys import StoredKey

PREFIX = "aos_"  # what all keys begin with, so that people and scanners of source code know one when they see it

KEY = re.compile(r"aos_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")
"""A key: the prefix, its id, which is no secret, and 256 random bits in base64url."""

NO_DIGEST = "0" * 64  # compared with where no key has the id; no text is known to have this digest


def new_key(
    *, name: str, owner: str, scopes: Sequence[str], expires_at: datetime | None = None
) -> tuple[str, StoredKey]:
    """Make a key; return it and what is kept of it. The key itself is kept nowhere."""
    id = secrets.token_hex(8)
    text = f"{PREFIX}{id}_{secrets.token_urlsafe(32)}"
    return text, StoredKey(
        id=id,
        name=name,
        owner=owner,
        scopes=tuple(scopes),
        digest=digest_of(text),
        created_at=utc_now(),
        expires_at=expires_at,
    )


def principal_id(key_id: str) -> str:
    """Return how a caller with a key is named, in the log and where a decision is kept."""
    return f"key:{key_id}"


def digest_of(text: str) -> str:
    """Return the SHA-256 of a key. Of 256 random bits nothing can be guessed: a slow hash would only slow requests."""
    return hashlib.sha256(text.encode()).hexdigest()


def status_of(key: StoredKey, now: datetime) -> Literal["active", "expired", "revoked"]:
    """Return whether a key is good at a time."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "active"


class ApiKeyAuthenticator:
    """Knows callers by ``Authorization: Bearer aos_…`` or ``X-API-Key: …``.

    The storage is asked at each request, so that a key ends when it is revoked or expires. A bearer that does not begin
    like a key is left to other authenticators.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def authenticate(self, credentials: Credentials) -> Principal | None:
        """Return the owner of the request's key; raise ``Unauthenticated`` for a bad key."""
        bearer = credentials.bearer
        text = bearer if bearer is not None and bearer.startswith(PREFIX) else credentials.headers.get("x-api-key")
        if text is None:
            return None
        key = self._find(text)
        if key is None or status_of(key, utc_now()) != "active":
            raise Unauthenticated("the API key is not valid: there is no such key, or it has expired or was revoked")
        return Principal(
            id=principal_id(key.id), owner=key.owner, scopes=key.scopes, name=key.name, expires_at=key.expires_at
        )

    def _find(self, text: str) -> StoredKey | None:
        match = KEY.fullmatch(text)
        if match is None:
            return None
        key = self._storage.keys.get(match[1])
        same = hmac.compare_digest(digest_of(text), NO_DIGEST if key is None else key.digest)
        return key if same else None
