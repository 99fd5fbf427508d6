"""The headers of a request, as Anthropic's SDK sends them.

The SDK itself is not used: it would cost each worker 74 MB and more than a second. A test compares with it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

ANTHROPIC = "https://api.anthropic.com"


def request_headers(
    *, key: str | None, token: str | None, custom: str | None, base_url: str = ANTHROPIC
) -> dict[str, str]:
    """Return the headers that say who calls. A key is stronger than a token, and ``custom`` headers than both.

    Servers other than Anthropic's get a key under its older name, too: many gateways read only that.
    """
    headers: dict[str, str] = {}
    if key:
        headers["Authorization"] = f"Bearer {key}"
        if not is_anthropic(base_url):
            headers["x-api-key"] = key
    elif token:
        headers["Authorization"] = f"Bearer {token}"
    for line in (custom or "").split("\n"):
        name, colon, value = line.partition(":")
        if colon and (name := name.strip()):
            headers = {known: given for known, given in headers.items() if known.lower() != name.lower()}
            headers[name] = value.strip()
    return headers


def is_anthropic(base_url: str) -> bool:
    """Tell whether an address is Anthropic's own."""
    host = (urlsplit(base_url.strip()).hostname or "").rstrip(".").lower()
    return host == "api.anthropic.com" or host.endswith(".api.anthropic.com")
