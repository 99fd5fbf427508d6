"""Keeps other machines and other sites' pages out of a server that asks for no credential."""

from __future__ import annotations

from collections.abc import Set

from flask import Flask

from agentos.api.kit.current import this_request
from agentos.auth.exposure import is_confined, require_local_peer
from agentos.auth.origins import ANY, browser_form, refuse_foreign_page
from agentos.auth.proxies import FAMILY, PROXY_HEADERS
from agentos.config import Config

BROWSER_HEADERS = ("origin", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")


def _in_environ(name: str) -> str:
    return f"HTTP_{name.upper().replace('-', '_')}"


_NAMES = {_in_environ(name): name for name in (*PROXY_HEADERS, *BROWSER_HEADERS)}
_FAMILY = _in_environ(FAMILY)


def keep_strangers_out(app: Flask, config: Config, *, public: Set[str], pages_for_people: Set[str]) -> None:
    """Refuse what is not of this machine, but for the endpoints named ``public``.

    A link of any site may lead to ``pages_for_people``.
    Call it before CORS: a preflight of a foreign page is refused like the request that would follow it. On a server
    that asks for a credential, or may be used by everybody, nothing is added to a request.
    """
    if not is_confined(config):
        return
    allowed = frozenset(origin if origin == ANY else browser_form(origin) for origin in config.allow_origins)

    @app.before_request
    def refuse() -> None:
        request = this_request()
        if request.endpoint in public:
            return
        environ = request.environ
        # The connection's own address: what proxies say of the client (ProxyFix) does not make it one of this machine.
        peer = environ.get("werkzeug.proxy_fix.orig", environ).get("REMOTE_ADDR", "")
        host = environ.get("HTTP_HOST", "")
        found = [name for name in environ if name in _NAMES or name.startswith(_FAMILY)]
        headers = {_NAMES.get(name) or name[5:].lower().replace("_", "-"): environ[name] for name in found}
        require_local_peer(config, peer, host, headers)
        if headers:
            own = browser_form(f"{environ['wsgi.url_scheme']}://{host}") if host else None
            for_page = request.method == "GET" and request.endpoint in pages_for_people
            refuse_foreign_page(headers, own=own, allowed=allowed, for_page=for_page)
