"""Fetches a URL within a policy and limits, following redirects only where the policy allows it."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urljoin

import certifi
from urllib3.exceptions import ProtocolError, SSLError

from agentos.cancellation import Cancellation
from agentos.http.client import USER_AGENT, Call
from agentos.http.connection import CONNECTION_FAILURES, Connection, TlsConnection
from agentos.http.deadline import CallDeadline
from agentos.http.dialer import Resolver, endpoints_of, system_resolver
from agentos.http.failures import DeadlinePassed, OutboundFailed, OutboundRefused, TooMuch
from agentos.http.headers import checked_headers, headers_elsewhere, request_head, with_body
from agentos.http.policy import OutboundPolicy
from agentos.http.urls import Target, percent_encoded
from agentos.observability.tracing import trace_headers

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
REASONS = (
    (DeadlinePassed, "no complete answer came in time"),
    (TooMuch, "the server sends more than is accepted"),
    ((ssl.SSLError, SSLError), "the server's certificate is not accepted, or it does not speak TLS"),
    (TimeoutError, "the server did not answer in time"),
    (OSError, "the server cannot be reached, or broke off"),
    (Exception, "the server's answer is not proper HTTP, or broke off"),
)
"""What is said of a failure; the first that fits counts."""
OVERHEAD = 1024**2  # bytes that headers, chunk sizes and redirects may take, beside twice the largest body


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
    """Fetches URLs from sources that are not trusted. Used from many threads; nothing is kept between two fetches.

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
    user_agent: str = USER_AGENT

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
        """Return the answer, of any status.

        ``deadline`` is a ``time.monotonic()`` value; the nearer of it and ``timeout`` holds. Raises
        :class:`OutboundRefused` when the URL, or one that it redirects to, is not allowed, :class:`OutboundFailed` when
        no whole answer comes, and the cause of ``cancellation``.
        """
        target = self.policy.target(url)
        sent = checked_headers(headers or {}, user_agent=self.user_agent)
        sent |= trace_headers(sent, state=False)  # what other systems carry along is not for strangers
        if body is None and method in ("POST", "PUT", "PATCH"):
            body = b""  # has a length, which servers ask for
        given_up = time.monotonic() + self.timeout
        until = given_up if deadline is None else min(given_up, deadline)
        call = Call(CallDeadline(until, most=2 * self.max_size + OVERHEAD), cancellation or Cancellation())
        with call.running():
            try:
                return self._follow(call, method, target, sent, body)
            except CONNECTION_FAILURES as error:
                raise OutboundFailed(_reason(error)) from error
            finally:
                call.drop()

    def _follow(
        self, call: Call, method: str, target: Target, headers: dict[str, str], body: bytes | None
    ) -> OutboundAnswer:
        for _ in range(MAX_REDIRECTS + 1):
            connection = self._connect(call, target)
            response = call.exchange(
                connection,
                with_body(request_head(method, target.path, {"Host": target.authority, **headers}), body),
                tolerant=True,
                bodiless=method == "HEAD",
            )
            location = response.headers.get("location")
            if response.status not in REDIRECTS or location is None:
                content = response.read_body(self.max_size)
                if response.complete:
                    call.release().close()
                kind, size = response.headers.get("content-type", "")[:200], self.max_size
                return OutboundAnswer(target.url, response.status, kind, content[:size], len(content) > size)
            # The body of a redirect is not read: it may have no end.
            call.drop()
            following = self._following(target, location)
            if response.status == 303 or (response.status in (301, 302) and method == "POST"):
                method, body = "GET", None
            headers = headers_elsewhere(headers, same_origin=following.origin == target.origin, body=body is not None)
            target = following
        raise OutboundFailed(f"the server redirects more than {MAX_REDIRECTS} times")

    def _connect(self, call: Call, target: Target) -> Connection:
        endpoints = endpoints_of(target, self.policy, self.resolver, call.deadline, call.cancellation)
        if target.scheme == "https":
            connection: Connection = TlsConnection(target.host, target.port, endpoints=endpoints, ssl_context=self._tls)
        else:
            connection = Connection(target.host, target.port, endpoints=endpoints)
        call.open(connection)
        return connection

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

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_bundle or certifi.where())


def _reason(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, ProtocolError) and error.__cause__ is not None else error
    return next(reason for kinds, reason in REASONS if isinstance(cause, kinds))
