"""Fetches a URL within a policy and limits, following redirects only where the policy lets it."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urljoin

import certifi
import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import requote_uri
from urllib3.exceptions import HTTPError

from agentos import Cancellation
from agentos_http.connection import FetchFailed, Line, LineAdapter, system_resolver
from agentos_http.guard import HostPolicy, Resolver, Target, UrlRefused
from agentos_http.headers import checked_headers, headers_elsewhere

MAX_REDIRECTS = 5
READ_SIZE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. ``body`` is decompressed; ``truncated`` says that it was longer than the client's limit."""

    url: str
    status: int
    content_type: str
    body: bytes
    truncated: bool


@dataclass(frozen=True, kw_only=True)
class HttpClient:
    """Fetches URLs that nobody vouches for. Safe to use from many threads; nothing is kept between two fetches.

    ``timeout`` (seconds) is for the whole fetch, redirects included; ``max_size`` is in bytes after decompression.
    ``ca_bundle`` names a file of certificates to trust instead of the public authorities.
    """

    policy: HostPolicy = field(default_factory=HostPolicy)
    resolver: Resolver = system_resolver
    timeout: float = 20.0
    max_size: int = 2 * 1024**2
    ca_bundle: str | None = None

    def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        deadline: float | None = None,
        cancellation: Cancellation | None = None,
    ) -> Fetched:
        """Return the answer, whatever its status.

        Raises :class:`~agentos_http.guard.UrlRefused` when the URL, or one that it redirects to, is not allowed,
        :class:`~agentos_http.connection.FetchFailed` when no whole answer comes, and the cause of ``cancellation``.
        """
        target = self.policy.target(url)
        sent = checked_headers(headers or {})
        given_up = time.monotonic() + self.timeout
        line = Line(self.policy, self.resolver, given_up if deadline is None else min(given_up, deadline))
        cancellation = cancellation or Cancellation()
        with cancellation.cutting(line.cut), line.open(), closing(LineAdapter(line, lambda: self._tls)) as adapter:
            try:
                return self._follow(adapter, line, method, target, sent, body)
            except (requests.RequestException, HTTPError, OSError) as error:
                line.check()
                raise FetchFailed(_reason(error)) from error

    def _follow(
        self,
        adapter: LineAdapter,
        line: Line,
        method: str,
        target: Target,
        headers: CaseInsensitiveDict[str],
        body: bytes | None,
    ) -> Fetched:
        for _ in range(MAX_REDIRECTS + 1):
            line.aim(target)
            request = requests.Request(method, target.url, headers, data=body).prepare()
            # Not through a session, which would take proxies and passwords from the environment, and read the body of
            # a redirect to its end, however long it is.
            with adapter.send(request, stream=True, timeout=line.remaining()) as response:
                if not response.is_redirect:
                    return self._read(response, line, target)
                # Headers are read as Latin-1, and written as UTF-8.
                location = response.headers["Location"].encode("latin-1").decode("utf-8", "replace")
            next_target = self.policy.target(urljoin(target.url, requote_uri(location)))
            if target.scheme == "https" and next_target.scheme == "http":
                raise UrlRefused("the server redirects from https to http, which is not followed")
            if response.status_code == 303 or (response.status_code in (301, 302) and method == "POST"):
                method, body = "GET", None
            headers = headers_elsewhere(headers, same_origin=next_target.origin == target.origin, body=body is not None)
            target = next_target
        raise FetchFailed(f"the server redirects more than {MAX_REDIRECTS} times")

    def _read(self, response: requests.Response, line: Line, target: Target) -> Fetched:
        body = bytearray()
        while len(body) <= self.max_size and (piece := response.raw.read(READ_SIZE, decode_content=True)):
            body += piece
        line.check()
        content_type = response.headers.get("Content-Type", "")[:200]
        return Fetched(
            target.url,
            response.status_code,
            content_type,
            bytes(body[: self.max_size]),
            len(body) > self.max_size,
        )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_bundle or certifi.where())


def _reason(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate is not accepted, or it does not speak TLS"
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached, or broke off"
    return "the server's answer is not proper HTTP, or broke off"
