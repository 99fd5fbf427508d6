"""Key sets that change: a file that is replaced, an address of an identity provider."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from agentos.auth.addresses import is_loopback
from agentos.auth.jwt_keys import KeySet, parse_key_set
from agentos.errors import AuthenticationUnavailable, ConfigError
from agentos.http.client import HTTPClient
from agentos.http.connection import CONNECTION_FAILURES

if TYPE_CHECKING:
    import jwt

LIFETIME = 300.0
"""Seconds after which fetched keys are fetched again: so long may a key live that the provider took back."""

PAUSE = 30.0
"""Seconds between two fetches for the sake of keys that we do not have: tokens can name any, and cost nothing."""

RETRY = 5.0  # seconds between two fetches as long as there are no keys at all
FETCH_SECONDS = 5.0  # a fetch may take so long, from the first byte of the connection to the last of the answer
MAX_SIZE = 512 * 1024
NEVER = -math.inf

logger = logging.getLogger(__name__)


class FileKeys:
    """A key set in a file, which is read again when it has changed. One that cannot be read changes nothing.

    Raises :class:`~agentos.errors.ConfigError` unless it can be used at the start.
    """

    def __init__(self, path: str, algorithms: Sequence[str]) -> None:
        self._path = Path(path)
        self._algorithms = algorithms
        try:
            self._version = self._look()
            self._keys = self._read()
        except (OSError, ValueError) as error:
            raise ConfigError(f"AGENTOS_JWT_JWKS: the key set {path!r} cannot be read: {error}") from error
        if not len(self._keys):
            raise ConfigError(
                f"AGENTOS_JWT_JWKS: the key set {path!r} has no key for AGENTOS_JWT_ALGORITHMS, {', '.join(algorithms)}"
            )

    def find(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        """Return the key for a token."""
        version = self._look()
        if version != self._version:
            self._version = version
            try:
                self._keys = self._read()
            except (OSError, ValueError) as error:
                logger.warning("the key set of tokens cannot be read; the old one stays", extra={"reason": str(error)})
        return self._keys.find(kid, algorithm)

    def _look(self) -> object:
        with suppress(OSError):
            found = self._path.stat()
            return found.st_mtime_ns, found.st_size, found.st_ino
        return None

    def _read(self) -> KeySet:
        return parse_key_set(self._path.read_bytes(), self._algorithms)


class FetchedKeys:
    """A key set at an address, kept for a while, and for as long as the address does not answer.

    Only one thread fetches at a time. Those that have keys do not wait for it; those that need a new one do.
    """

    def __init__(
        self, address: str, algorithms: Sequence[str], clock: Callable[[], float], *, seconds: float = FETCH_SECONDS
    ) -> None:
        _check_address(address)
        # No proxy is asked and no redirect followed: what answers is what was named.
        self._client = HTTPClient(address, silence=seconds, connect_timeout=seconds, max_idle=0, proxies=False)
        self._seconds = seconds
        self._algorithms = algorithms
        self._clock = clock
        self._fetching = threading.Lock()
        self._keys = KeySet([])
        self._failed = True
        self._fetched_at = self._tried_at = NEVER

    def find(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        """Return the key for a token; raise ``AuthenticationUnavailable`` when that cannot be known now."""
        if self._fetched_at == NEVER:
            self._renew(after=RETRY, wait=True)
        elif self._clock() - self._fetched_at >= LIFETIME:
            self._renew(after=PAUSE, wait=False)
        key = self._keys.find(kid, algorithm)
        if key is None:
            self._renew(after=PAUSE, wait=True)
            key = self._keys.find(kid, algorithm)
        if key is None and self._failed:
            raise AuthenticationUnavailable("the keys that tokens are checked with cannot be fetched now; try again")
        return key

    def _renew(self, *, after: float, wait: bool) -> None:
        """Fetch, unless that was tried in the last ``after`` seconds, or another thread does so meanwhile."""
        seen = self._tried_at
        if self._clock() - seen < after:
            return
        if not self._fetching.acquire(blocking=wait, timeout=2 * self._seconds if wait else -1):
            return
        try:
            if self._tried_at == seen:
                self._failed = not self._fetch()
                self._tried_at = self._clock()
        finally:
            self._fetching.release()

    def _fetch(self) -> bool:
        try:
            status, body = self._client.get("", {}, seconds=self._seconds, limit=MAX_SIZE)
            if status != 200:
                raise ValueError(f"the answer has status {status}")
            keys = parse_key_set(body, self._algorithms)
        except (*CONNECTION_FAILURES, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"[:300]
            kept = "none are there" if self._fetched_at == NEVER else "the old ones stay"
            logger.warning("the keys of tokens cannot be fetched; %s", kept, extra={"reason": reason})
            return False
        if not len(keys):
            logger.warning("the key set of tokens has no key for AGENTOS_JWT_ALGORITHMS: no token is accepted")
        self._keys, self._fetched_at = keys, self._clock()
        return True


def _check_address(address: str) -> None:
    try:
        url = parse_url(address)
    except LocationParseError:
        url = Url()
    host = (url.host or "").strip("[]")
    if not host or url.auth or not (url.scheme == "https" or (url.scheme == "http" and is_loopback(host))):
        raise ConfigError(
            "AGENTOS_JWT_JWKS is not accepted: give a file, or a URL with https and without a password; http only on"
            " this machine, since anyone who can change the answer can make tokens"
        )
