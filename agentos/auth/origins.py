"""Which web pages a request may come from: the rules for a server that asks for no credential.

Browsers set ``Origin`` and ``Sec-Fetch-*`` themselves, and no page can change them. Programs send neither.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from agentos.errors import Forbidden

ANY = "*"  # the origin in ``AGENTOS_ALLOW_ORIGINS`` that stands for all

OWN_SITES = ("none", "same-origin")
"""Values of ``Sec-Fetch-Site`` for a person (the address bar, a bookmark) and for a page of this server."""

_SETTABLE = re.compile(r"https?://[a-z0-9.\-\[\]:]{1,100}")
"""Origins that the setting takes."""

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def browser_form(origin: str) -> str:
    """Return an origin as browsers send it: in lower case, without the scheme's own port."""
    scheme, _, rest = origin.lower().partition("://")
    return f"{scheme}://{rest.removesuffix(_DEFAULT_PORTS[scheme])}"


def refuse_foreign_page(
    headers: Mapping[str, str], *, own: str | None, allowed: Collection[str], for_page: bool
) -> None:
    """Refuse a request that a page of another origin made. Raises :class:`~agentos.errors.Forbidden`.

    ``headers`` have names in lower case. ``own`` is the server's origin as this request names it, ``allowed`` are other
    origins of pages that may call; both are in :func:`browser_form`. ``for_page`` says that a page is asked for by GET:
    a person may follow a link to it from anywhere.

    An allowed ``Origin`` is enough. Else each header that is there has to fit: when two disagree, the stricter wins.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if (origin is None and site in (None, *OWN_SITES)) or ANY in allowed or origin in allowed:
        return
    if for_page and _is_navigation(headers):
        return
    if origin is not None and origin != own:
        raise Forbidden(_refusal(origin))
    if site is not None and site not in OWN_SITES:
        raise Forbidden(
            f"this server asks for no credential, so it refuses a request of another site's page (Sec-Fetch-Site:"
            f" {site!r:.60}, without an Origin that is allowed). If the page may call it, name the page's origin in"
            " AGENTOS_ALLOW_ORIGINS and let it call with fetch() in the mode 'cors'"
        )


def _is_navigation(headers: Mapping[str, str]) -> bool:
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest", "document") == "document"


def _refusal(origin: str) -> str:
    refused = (
        f"this server asks for no credential, so it refuses a request of a page of another origin, {origin!r:.100}"
    )
    if _SETTABLE.fullmatch(origin):
        return f"{refused}. If that page may call it, set AGENTOS_ALLOW_ORIGINS={origin}"
    return (
        f"{refused} (such as a file, a sandboxed frame or an extension). Serve the page over http or https and name its"
        " origin, as in AGENTOS_ALLOW_ORIGINS=http://localhost:3000"
    )
