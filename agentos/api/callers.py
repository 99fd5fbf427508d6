"""Finds out who calls before anything else of a request is looked at, and keeps strangers out."""

from __future__ import annotations

from collections.abc import Set

from flask import Flask, g

from agentos.api.middleware import this_request
from agentos.auth.authenticator import Credentials
from agentos.auth.exposure import refuse_stranger
from agentos.config import Config
from agentos.domain.principal import Principal
from agentos.services.services import Services


def know_callers(app: Flask, config: Config, services: Services, *, public: Set[str]) -> None:
    """Have every request's caller known before it is served, but for the endpoints named ``public``.

    Endpoints that are not ours (a plugin's) and addresses where there is nothing need a credential too: what is not
    declared public is not.
    """

    @app.before_request
    def know() -> None:
        request = this_request()
        if request.endpoint in public:
            return
        environ = request.environ
        # The connection's own address: what proxies say of the client (ProxyFix) does not make it one of this machine.
        peer = environ.get("werkzeug.proxy_fix.orig", environ).get("REMOTE_ADDR", "")
        refuse_stranger(config, peer, request.headers.get("Host", ""), request.headers.get("X-Forwarded-For", ""))
        address = request.remote_addr or ""
        headers = {name.lower(): value for name, value in request.headers.items()}
        credentials = Credentials(method=request.method, path=request.path, address=address, headers=headers)
        g.caller = services.callers.admit(credentials)


def caller() -> Principal:
    """Return who made this request."""
    found: Principal = g.caller
    return found
