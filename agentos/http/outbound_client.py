"""Fetches a URL within a policy and limits, following redirects only where the policy lets it."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urljoin

import certifi
from urllib3.exceptions import HTTPError, ProtocolError, SSLError
from urllib3.exceptions import TimeoutError as HTTPTimeoutError
from urllib3.response import HTTPResponse

from agentos._version import __version__
from agentos.cancellation import Cancellation
from agentos.http.dialer import Line, Resolver, system_resolver
from agentos.http.failures import OutboundFailed, OutboundRefused
from agentos.http.headers import checked_headers, headers_elsewhere
from agentos.http.metered import READ_SIZE, connection_to
from agentos.http.policy import OutboundPolicy
from agentos.http.tls import closing_lost_sockets
from agentos.http.urls import Target, percent_encoded

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
OVERHEAD = 1024**2
"""Bytes that headers, chunk sizes and redirects may take, beside twice the largest body."""


@dataclass(frozen=True, slots=True)
class OutboundAnswer:
    """An answer. ``body`` is decompressed; ``truncated`` says that it was longer than the client's limit."""

    url: str
    status: int
    content_type: str
    body: bytes = field(repr=False)
    truncated: bool


@dataclass(frozen=True, kw_only=True)
class OutboundClient:
    """Fetches URLs that nobody vouches for. Safe to use from many threads; nothing is kept between two fetches.

    ``timeout`` (seconds) is for the whole fetch, redirects included; ``max_size`` is in bytes after decompression.
    ``ca_bundle`` names a file of certificates to trust instead of the public authorities. Proxies, passwords and
    certificates of the environment are not used.

    >>> OutboundClient().fetch("GET", "https://example.com/").status  # doctest: +SKIP
    200
    """

    policy: OutboundPolicy = field(default_factory=OutboundPolicy)
    resolver: Resolver = system_resolver
    timeout: float = 20.0
    max_size: int = 2 * 1024**2
    ca_bundle: str | None = None
    user_agent: str = f"agentos/{__version__}"

    def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        deadline: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> OutboundAnswer:
        """Return the answer, whatever its status.

        ``deadline`` is a ``time.monotonic()`` value; the nearer of it and ``timeout`` holds. Raises
        :class:`OutboundRefused` when the URL, or one that it redirects to, is not allowed, :class:`OutboundFailed` when
        no whole answer comes, and the cause of ``cancellation``.
        """
        target = self.policy.target(url)
        sent = checked_headers(headers or {}, user_agent=self.user_agent)
        given_up = time.monotonic() + self.timeout
        until = given_up if deadline is None else min(given_up, deadline)
        line = Line(self.policy, self.resolver, until, 2 * self.max_size + OVERHEAD)
        cancellation = cancellation or Cancellation()
        with cancellation.cutting(line.cut), line.open():
            try:
                return self._follow(line, method, target, sent, body)
            except (HTTPError, http.client.HTTPException, OSError) as error:
                line.check()
                raise OutboundFailed(_reason(error)) from error

    def _follow(
        self, line: Line, method: str, target: Target, headers: dict[str, str], body: bytes | None
    ) -> OutboundAnswer:
        for _ in range(MAX_REDIRECTS + 1):
            line.aim(target)
            with closing(connection_to(target, line, self._tls if target.scheme == "https" else None)) as connection:
                connection.connect()
                # A server may refuse a body that it has not read to its end: the reason is in its answer.
                with suppress(BrokenPipeError, ConnectionResetError):
                    connection.request(method, target.path, body=body, headers=headers, preload_content=False)
                # The body of a redirect is not read: it may have no end.
                with closing(connection.getresponse()) as response:
                    location = response.headers.get("Location")
                    if response.status not in REDIRECTS or location is None:
                        return self._read(response, line, target)
            following = self._following(target, location)
            if response.status == 303 or (response.status in (301, 302) and method == "POST"):
                method, body = "GET", None
            headers = headers_elsewhere(headers, same_origin=following.origin == target.origin, body=body is not None)
            target = following
        raise OutboundFailed(f"the server redirects more than {MAX_REDIRECTS} times")

    def _following(self, target: Target, location: str) -> Target:
        # Headers are read as Latin-1, and written as UTF-8.
        written = percent_encoded(location.encode("latin-1").decode("utf-8", "replace"))
        try:
            following = self.policy.target(urljoin(target.url, written))
        except OutboundRefused:
            raise
        except ValueError:
            raise OutboundRefused("the server redirects to what is no URL") from None
        if target.scheme == "https" and following.scheme == "http":
            raise OutboundRefused("the server redirects from https to http, which is not followed")
        return following

    def _read(self, response: HTTPResponse, line: Line, target: Target) -> OutboundAnswer:
        body = bytearray()
        while len(body) <= self.max_size and (piece := response.read(READ_SIZE, decode_content=True)):
            body += piece
        line.check()
        content_type = response.headers.get("Content-Type", "")[:200]
        return OutboundAnswer(
            target.url,
            response.status,
            content_type,
            bytes(body[: self.max_size]),
            len(body) > self.max_size,
        )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return closing_lost_sockets(ssl.create_default_context(cafile=self.ca_bundle or certifi.where()))


def _reason(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, ProtocolError) and error.__cause__ is not None else error
    if isinstance(cause, ssl.SSLError | SSLError):
        return "the server's certificate is not accepted, or it does not speak TLS"
    if isinstance(cause, TimeoutError | HTTPTimeoutError):
        return "the server did not answer in time"
    if isinstance(cause, OSError):
        return "the server cannot be reached, or broke off"
    return "the server's answer is not proper HTTP, or broke off"
