"""Addresses of Redis, and the one place that makes clients for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from redis import BlockingConnectionPool, Redis, SSLConnection, UnixDomainSocketConnection
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from agentos import ConfigError
from agentos_redis import SCHEMES

ACCEPTED = (
    "redis://[USER:PASSWORD@]HOST[:PORT][/DB], rediss://… with TLS, unix:///PATH[?db=N], or"
    " redis+sentinel://[USER:PASSWORD@]HOST[:PORT],…/NAME[/DB]"
)
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_SENTINEL_PORT = 26379
_SENTINEL_TIMEOUT = 1.0
"""Seconds that a sentinel has for its reply, which needs no work. After them the next sentinel is asked."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is: arguments of a connection, or the sentinels that know the primary called ``name``."""

    arguments: Mapping[str, Any]
    connection_class: type | None = None
    sentinels: tuple[tuple[str, int], ...] = ()
    name: str = ""

    @classmethod
    def of(cls, url: str, variable: str) -> Address:
        """Return the address of a URL. Raises ``ConfigError``, which names the variable and no part of the URL.

        >>> Address.of("redis://cache:6380/2", "AGENTOS_DATABASE_URL").arguments["db"]
        2
        """
        try:
            return _address(urlsplit(url))
        except ValueError as error:
            raise ConfigError(f"{variable} {error}; accepted: {ACCEPTED}") from None


def connect(address: Address, *, timeout: float, connections: int, **more: Any) -> Redis:
    """Return a client with a bounded pool; nothing is connected to yet. Call it after the fork.

    A command is never sent twice: the client cannot know whether the server carried out the first. A thread waits for a
    free connection for up to ``timeout`` seconds. ``more`` are arguments of each connection.
    """
    arguments = {
        **address.arguments,
        "socket_timeout": timeout,
        "socket_connect_timeout": min(timeout, 2.0),
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,  # Replies are the same for all servers and versions, and nothing is pushed between them.
        **more,
    }
    if address.sentinels:
        sentinel_timeout = min(timeout, _SENTINEL_TIMEOUT)
        sentinel = _Sentinels(  # type: ignore[no-untyped-call] # has no annotations
            address.sentinels,
            sentinel_kwargs={
                "socket_timeout": sentinel_timeout,
                "socket_connect_timeout": sentinel_timeout,
                "retry": Retry(NoBackoff(), 0),  # Else each sentinel that is away is asked eleven times.
            },
        )
        arguments |= {"max_connections": connections, "timeout": timeout}
        pool = _SentinelPool(address.name, sentinel, **arguments)  # type: ignore[no-untyped-call] # as above
        return Redis(connection_pool=pool)
    if address.connection_class is not None:
        arguments["connection_class"] = address.connection_class
    bounds = {"max_connections": connections, "timeout": timeout}
    return Redis(connection_pool=BlockingConnectionPool(**bounds, **arguments))  # type: ignore[no-untyped-call] # as above


class _Sentinels(Sentinel):
    """Sentinels that several threads ask. The one that knew the primary is asked first the next time."""

    def discover_master(self, service_name: str) -> Any:
        # The client reorders its list while it goes through it. Threads that share the list would lose sentinels, and
        # ask one that is away again.
        asked = copy(self)
        asked.sentinels = list(self.sentinels)
        found = Sentinel.discover_master(asked, service_name)  # type: ignore[no-untyped-call] # has no annotations
        self.sentinels = asked.sentinels
        return found


class _SentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """A bounded pool of connections to the primary; a thread waits for a free one."""

    def release(self, connection: Any) -> None:
        if not self.owns_connection(connection):  # type: ignore[no-untyped-call] # has no annotations
            # It did not find the primary, or leads to an earlier one. The pool makes another in its place, but would
            # keep this one until the worker ends.
            with suppress(ValueError):
                self._connections.remove(connection)
        super().release(connection)  # type: ignore[no-untyped-call] # as above


def _address(url: SplitResult) -> Address:
    if url.scheme not in SCHEMES:
        raise ValueError(f"has the scheme {url.scheme!r:.40}" if url.scheme else "has no scheme")
    options = {name: values[-1] for name, values in parse_qs(url.query).items()}
    unknown = options.keys() - {"db", *_FILES}
    if unknown:
        raise ValueError(f"has the parameter {min(unknown)!r:.40}, where only db, {', '.join(_FILES)} are known")
    if url.scheme != "rediss" and (files := options.keys() & set(_FILES)):
        raise ValueError(f"has the parameter {min(files)!r}, which only rediss://… takes")
    user, _, login = url.netloc.rpartition("@")[0].partition(":")
    arguments: dict[str, Any] = {name: options[name] for name in _FILES if name in options}
    if user:
        arguments["username"] = unquote(user)
    if login:
        arguments["password"] = unquote(login)
    if url.scheme == "unix":
        if not url.path.strip("/"):
            raise ValueError("names no socket")
        arguments |= {"path": unquote(url.path), "db": _number(options.get("db"), "a database", 0)}
        return Address(arguments, UnixDomainSocketConnection)
    path = url.path.strip("/").split("/") if url.path.strip("/") else []
    hosts = tuple(_host(one) for one in url.netloc.rpartition("@")[2].split(","))
    if url.scheme == "redis+sentinel":
        if len(path) not in (1, 2):
            raise ValueError("does not name the primary that the sentinels watch")
        arguments["db"] = _number(path[1] if len(path) == 2 else options.get("db"), "a database", 0)
        return Address(arguments, None, tuple((host, port or _SENTINEL_PORT) for host, port in hosts), path[0])
    if len(hosts) != 1 or len(path) > 1:
        raise ValueError("names more than one host and one database")
    arguments |= {"host": hosts[0][0], "port": hosts[0][1] or 6379}
    arguments["db"] = _number(path[0] if path else options.get("db"), "a database", 0)
    return Address(arguments, SSLConnection if url.scheme == "rediss" else None)


def _host(text: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\s\[\]]+)(?::([0-9]{1,5}))?", text)
    if found is None:
        raise ValueError("has no host, or a bad port")
    return found[1].strip("[]"), int(found[2]) if found[2] else None


def _number(text: str | None, what: str, default: int) -> int:
    if text is None:
        return default
    if not re.fullmatch("[0-9]{1,4}", text):
        raise ValueError(f"has {what} that is no number")
    return int(text)
