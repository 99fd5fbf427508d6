"""Calls of the operations that are written in Lua, and the one place where errors of Redis become ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from importlib.resources import files
from queue import Empty
from typing import Any, TypeVar

import redis.exceptions
from redis import Redis

from agentos import StorageError
from agentos_redis.storage.durability import broken_promises
from agentos_redis.storage.permissions import missing_commands

T = TypeVar("T")

USES: Mapping[str, Sequence[str]] = {
    "admission": ("attachments", "idempotency", "sessions", "messages", "runs"),
    "agents": (),
    "aliases": ("sessions",),
    "attachments": (),
    "claims": ("runs", "pauses"),
    "endings": ("attachments", "records", "messages", "runs", "events", "pauses"),
    "events": ("runs",),
    "forks": ("attachments", "idempotency", "sessions", "messages"),
    "idempotency": (),
    "keys": (),
    "messages": ("attachments", "sessions", "runs"),
    "pauses": ("records", "runs", "events"),
    "records": (),
    "runs": ("attachments", "messages", "pauses"),
    "sessions": ("attachments", "idempotency", "messages", "runs", "pauses"),
    "workers": (),
}
"""The files of operations, and what each needs of the others. The server runs a script anew at each call, from its
first line, so a script has what its operations need and no more."""

_FIRST_BLOB = 3


class Refusal(Exception):
    """An operation found that it must not be done, and wrote nothing. The stores raise what callers expect instead."""

    def __init__(self, code: str, details: list[Any]) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


class Blobs:
    """Bytes that a call sends beside its arguments, which refer to them by the numbers that :meth:`add` returns."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def add(self, content: bytes) -> int:
        """Add bytes, and return what the operation finds them by."""
        self.sent.append(content)
        return len(self.sent) - 1 + _FIRST_BLOB


@dataclass(frozen=True, slots=True)
class Script:
    """The source of some operations, and its SHA-1, by which the server knows it."""

    source: str
    digest: str


@cache
def scripts() -> Mapping[str, Script]:
    """Return the scripts by the names of their operations."""
    found = {}
    for name, used in USES.items():
        source = "\n".join(map(_text, ("prelude", *used, name, "dispatch")))
        script = Script(source, sha1(source.encode(), usedforsecurity=False).hexdigest())
        found.update(dict.fromkeys(re.findall(r"^function op\.(\w+)", _text(name), re.MULTILINE), script))
    return found


@cache
def _text(name: str) -> str:
    return (files("agentos_redis.storage") / "lua" / f"{name}.lua").read_text("utf-8")


class Database:
    """One database of a server, under a prefix. Each call is one round trip, and one transaction of the server."""

    def __init__(self, client: Redis, prefix: str, *, strict: bool = False) -> None:
        self.client = client
        self.prefix = prefix
        self.calls = 0
        self._strict = strict
        self._is_checked = False

    def read(self, operation: str, /, **arguments: Any) -> Any:
        """Call an operation that writes nothing. It is tried again once if the connection breaks."""
        try:
            return self._call(operation, arguments, ())
        except StorageError as error:
            if not isinstance(error.__cause__, redis.exceptions.ConnectionError):
                raise
            return self._call(operation, arguments, ())

    def write(self, operation: str, blobs: Blobs | None = None, /, **arguments: Any) -> Any:
        """Call an operation once. Where the connection breaks, the server may have carried it out.

        Raises :class:`Refusal` for what the operation refused.
        """
        return self._call(operation, arguments, () if blobs is None else blobs.sent)

    def command(self, run: Callable[[Redis], T]) -> T:
        """Run a command of the client's own; errors are as those of operations."""
        try:
            return run(self.client)
        except redis.exceptions.RedisError as error:
            raise self._storage_error(error) from error

    def check_server(self) -> None:
        """Raise ``StorageError`` if the user may not use a command, or ``strict`` and a setting breaks a promise.

        Asked before the first operation, and again after a restart or failover: another server may be set otherwise.
        A command that is missing must be found before: the server does not undo the first half of a script.
        """
        self._is_checked = False
        if missing := self.missing_commands():
            raise StorageError(f"nothing was written, since {missing}")
        if self._strict and (found := self.command(broken_promises)):
            raise StorageError(f"AGENTOS_STRICT_STORAGE is on, and {found[0]}")
        self._is_checked = True

    def missing_commands(self) -> str | None:
        """Return a sentence with the commands that the user may not use."""
        missing = self.command(lambda client: missing_commands(client, self.prefix))
        if not missing:
            return None
        return (
            f"Redis does not let the user of AGENTOS_DATABASE_URL use {', '.join(missing)} on keys that begin with"
            f" {self.prefix!r}; allow what docs/how-to/redis.md lists"
        )

    def _call(self, operation: str, arguments: dict[str, Any], blobs: Any) -> Any:
        script = scripts()[operation]
        given = {name: value for name, value in arguments.items() if value is not None}
        text = json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        if not self._is_checked:
            self.check_server()
        self.calls += 1
        try:
            try:
                reply = self.client.evalsha(script.digest, 1, self.prefix, operation, text, *blobs)
            except redis.exceptions.NoScriptError:
                # The server has been restarted, or another one has taken over; the script has not begun.
                self.check_server()
                self.client.script_load(script.source)
                reply = self.client.evalsha(script.digest, 1, self.prefix, operation, text, *blobs)
        except redis.exceptions.RedisError as error:
            raise self._storage_error(error) from error
        if isinstance(reply, list) and reply and reply[0] == b"refused":
            raise Refusal(reply[1].decode(), reply[2:])
        return reply

    def _storage_error(self, error: redis.exceptions.RedisError) -> StorageError:
        """Return our error for one of the client's. The text of theirs may have values, so it is only the cause."""
        if isinstance(error, redis.exceptions.ReadOnlyError):
            # After a failover: the connections lead to what is a replica now.
            with suppress(redis.exceptions.RedisError):
                self.client.connection_pool.disconnect(inuse_connections=False)
        if "ACL failure in script" in str(error):
            self._is_checked = False  # Somebody changed what the user may do: from here on nothing is left half done.
            return StorageError(_NOT_ALLOWED)
        if isinstance(error.__context__, Empty):  # The pool of the client says it in this way only.
            return StorageError("all connections to Redis are in use (AGENTOS_REDIS_CONNECTIONS)")
        said_of_code = (said for code, said in _SAID_OF_CODES if str(error).startswith(code))
        return StorageError(next(said_of_code, next(said for kind, said in _SAID if isinstance(error, kind))))


_NOT_ALLOWED = "Redis does not let the user of AGENTOS_DATABASE_URL do this"
_SAID: tuple[tuple[type[Exception], str], ...] = (
    (redis.exceptions.OutOfMemoryError, "Redis is full (maxmemory): nothing was written"),
    (redis.exceptions.ReadOnlyError, "Redis is a replica now: nothing was written"),
    (redis.exceptions.BusyLoadingError, "Redis is starting and loads its data"),
    (redis.exceptions.AuthenticationError, "Redis refuses the user or password of AGENTOS_DATABASE_URL"),
    (redis.exceptions.NoPermissionError, _NOT_ALLOWED),
    (redis.exceptions.TimeoutError, "Redis did not reply within AGENTOS_REDIS_TIMEOUT"),
    (redis.exceptions.ConnectionError, "Redis cannot be reached, or closed the connection"),
    (redis.exceptions.RedisError, "Redis refused an operation"),
)

_SAID_OF_CODES = (
    ("NOREPLICAS", "Redis has fewer replicas than min-replicas-to-write: nothing was written"),
    ("MISCONF", "Redis cannot save its data to disk: nothing was written"),
    ("BUSY ", "Redis is busy with a script"),
)
"""The errors that the client has no class for, by the codes with which they begin."""


class RedisStore:
    """What the stores share: each calls operations of the one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
