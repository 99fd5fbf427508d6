"""Which pages of other origins may call the API from a browser, and read its answers (CORS, as Fetch defines it)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flask import Flask, Response, request
from flask_cors import CORS

from agentos.auth.origins import ANY, browser_form
from agentos.config import Config

EXPOSED = (
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
    "X-Run-ID",
    "x-should-retry",
)
"""Headers of answers that pages may read, beside those that a browser always lets them."""

PREFLIGHT_SECONDS = 600
"""How long a browser may remember the answer; some cap it there themselves."""


def allow_origins(
    app: Flask, config: Config, *, request_headers: Sequence[str] = (), response_headers: Sequence[str] = ()
) -> None:
    """Let pages of the configured origins call the API; without any, no CORS header is sent at all.

    ``request_headers`` may be sent beside those of the settings, ``response_headers`` may be read beside ours: doors
    declare those of their protocols.
    Call it before authentication: a browser sends none when it asks whether a page may call.
    """
    if not config.allow_origins:
        return
    everyone = ANY in config.allow_origins
    app.before_request(_answer_preflight)
    CORS(
        app,
        origins="*" if everyone else [_pattern(origin) for origin in config.allow_origins],
        methods=list(config.allow_methods),
        allow_headers=[*config.allow_headers, *map(_header, request_headers)],
        expose_headers=[*EXPOSED, *response_headers],
        max_age=PREFLIGHT_SECONDS,
        send_wildcard=everyone,
        supports_credentials=False,
        always_send=everyone,
        vary_header=False,
        intercept_exceptions=False,
    )
    if not everyone:
        app.after_request(_vary)


def _answer_preflight() -> Response | None:
    """Answer whether a page may call, for every address: only the call itself shows what is there.

    Nothing of the application is reached, so no credential is needed. The headers are added to it as to all else.
    """
    asked = "Origin" in request.headers and "Access-Control-Request-Method" in request.headers
    if request.method != "OPTIONS" or not asked:
        return None
    answer = Response(status=204)
    del answer.headers["Content-Type"]
    return answer


def _vary(response: Response) -> Response:
    # Also where the origin is a wrong one or absent: a cache must not serve that answer to the right one.
    response.vary.add("Origin")
    return response


def _header(name: str) -> str | re.Pattern[str]:
    """Return a header's name, or the pattern of those that begin as it does."""
    if not name.endswith("*"):
        return name
    return re.compile(re.escape(name[:-1]) + r"[!#$%&'*+.^_`|~0-9A-Za-z-]*\Z", re.IGNORECASE)


def _pattern(origin: str) -> re.Pattern[str]:
    """Return a pattern of one origin, as browsers send it.

    Given as a text, one with brackets (an IPv6 address) would be taken for a pattern, and case would not matter.
    """
    return re.compile(re.escape(browser_form(origin)) + r"\Z")
