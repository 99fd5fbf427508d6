"""Which form of an answer a request asks for (RFC 9110, section 12)."""

from __future__ import annotations

from collections.abc import Mapping

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header


def wants_html(headers: Mapping[str, str]) -> bool:
    """Return whether a request prefers a page of HTML to JSON. One that takes anything, as curl's, gets JSON."""
    accepted = parse_accept_header(headers.get("Accept"), MIMEAccept)
    return accepted.best_match(["application/json", "text/html"]) == "text/html"
