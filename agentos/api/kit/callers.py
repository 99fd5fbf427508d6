"""Finds out who calls before anything else of a request is looked at."""

from __future__ import annotations

from collections.abc import Set

from flask import Flask

from agentos.api.kit.current import request_notes, this_request
from agentos.auth.authenticator import Credentials
from agentos.domain.principal import ANONYMOUS, Principal
from agentos.services.services import Services


def authenticate_requests(app: Flask, services: Services, *, public: Set[str], pages: Set[str]) -> None:
    """Have every request's caller known before it is served, but for the endpoints named ``public`` and ``pages``.

    Requests for ``pages`` are still counted against the limit of their address: some files are large.
    Endpoints of plugins and addresses where there is nothing need a credential too: what is not declared public is not.
    """
    services.auth.prepare()
    asks = services.auth.asks_for_credentials  # else nothing reads the headers, and every request would copy them

    @app.before_request
    def know() -> None:
        request = this_request()
        if request.endpoint in public:
            return
        address = request.remote_addr or ""
        if request.endpoint in pages:
            services.auth.admit_to_page(address)
            return
        headers = {name.lower(): value for name, value in request.headers.items()} if asks else {}
        credentials = Credentials(method=request.method, path=request.path, address=address, headers=headers)
        notes = request_notes()
        notes["caller"], notes["authenticator"] = services.auth.admit(credentials)


def caller() -> Principal:
    """Return who made this request. Raises ``RuntimeError`` in an operation that is public: it knows no caller."""
    try:
        found: Principal = request_notes()["caller"]
    except KeyError:
        raise RuntimeError(
            "this operation is public, so that nothing is known of its caller; give it a scope as its access"
        ) from None
    return found


def authenticator() -> str | None:
    """Return the name of the authenticator that knew this request's caller; ``None`` where none is in force."""
    found: str | None = request_notes().get("authenticator")
    return found


def owner() -> str:
    """Return the owner that this request acts for, ``anonymous`` in an operation that is public."""
    found: Principal | None = request_notes().get("caller")
    return ANONYMOUS if found is None else found.owner
