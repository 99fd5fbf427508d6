"""API keys: made, listed, revoked; and what the credential of a request may do."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from flask import Response

from agentos.api.kit.auditing import note_audit
from agentos.api.kit.callers import authenticator, caller
from agentos.api.kit.paging import page_json
from agentos.api.kit.path_parameters import PathParameter
from agentos.api.kit.routes import AUTHENTICATED, ResponseSpec, Routes, json_response, services
from agentos.api.v1.schemas.keys import (
    CurrentCredentialSchema,
    KeyListSchema,
    KeyQuery,
    MadeKeySchema,
    NewKeySchema,
    RevokedKeySchema,
)
from agentos.auth.keys import principal_id, status_of
from agentos.domain.principal import ADMIN, Principal
from agentos.domain.times import rfc3339, utc_now
from agentos.errors import NotFound
from agentos.services.keys import CLIENT_SCOPES
from agentos.storage.keys import StoredKey

routes = Routes(
    "keys",
    "API keys, and what the credential of a request may do.",
    path_parameters={"key_id": PathParameter("The key's id.", pattern="^[0-9a-f]{16}$", length=16)},
)

PIECE = 1000
"""Keys that are read at once: a thousand are a few hundred kilobytes."""

NO_STORE = {"Cache-Control": "no-store"}


@routes.get(
    "/api/v1/keys",
    access=ADMIN,
    query=KeyQuery,
    responses={200: ResponseSpec("A part of the list.", KeyListSchema)},
)
def list_keys(query: dict[str, Any]) -> Response:
    """List the API keys of all owners.

    The newest come first. Those that expired or were revoked are in it. The keys themselves are kept nowhere.
    """
    who = caller()
    return json_response(page_json("key", query, services().keys.list, lambda key: _key_json(key, who), piece=PIECE))


@routes.post(
    "/api/v1/keys",
    access=ADMIN,
    audit="key.create",
    body=NewKeySchema,
    responses={201: ResponseSpec("The key, this once.", MadeKeySchema, headers={"Cache-Control": "`no-store`."})},
)
def create_key(body: dict[str, Any]) -> Response:
    """Make an API key.

    This answer alone has the key itself. Clients send it as `Authorization: Bearer KEY` or `X-API-Key: KEY`. It is good
    at once, at every worker, where `AGENTOS_AUTH` names `api_key`.
    """
    who = caller()
    note_audit(body["name"])  # until it has an id
    text, key = services().keys.create(
        name=body["name"],
        owner=body.get("owner"),
        scopes=body.get("scopes", CLIENT_SCOPES),
        expires_at=body.get("expires_at"),
        maker=who,
    )
    note_audit(key.id, name=key.name, owner=key.owner, scopes=list(key.scopes))
    return json_response({**_key_json(key, who), "key": text}, 201, NO_STORE)


@routes.delete(
    "/api/v1/keys/{key_id}",
    access=ADMIN,
    audit="key.revoke",
    responses={200: ResponseSpec("It is revoked.", RevokedKeySchema)},
    errors=(NotFound,),
)
def revoke_key(key_id: str) -> Response:
    """Revoke an API key for good.

    From the next request on it is refused, at every worker. Runs that it started go on. The key of the request itself
    may be revoked, and the answer says so. The request may be repeated.
    """
    who = caller()
    shown = _key_json(services().keys.revoke(key_id, by=who), who)
    message = "key revoked; it is the key of this request" if shown["current"] else "key revoked"
    return json_response({"message": message, "key": shown})


@routes.get(
    "/api/v1/keys/current",
    access=AUTHENTICATED,
    responses={200: ResponseSpec("The credential.", CurrentCredentialSchema, headers={"Cache-Control": "`no-store`."})},
)
def get_current_key() -> Response:
    """Read what the credential of this request may do.

    Any credential may ask. A server that asks for none answers with what everybody may do.
    """
    who, known_by = caller(), authenticator()
    return json_response(
        {
            "authentication": "on" if services().auth.asks_for_credentials else "off",
            "kind": known_by,
            "id": who.id,
            "name": who.name,
            "owner": who.owner,
            "scopes": _in_order(who.scopes),
            "effective_scopes": _in_order({*who.scopes, *(one for one in services().keys.scopes if who.may(one))}),
            "expires_at": who.expires_at and rfc3339(who.expires_at),
        },
        headers=NO_STORE,
    )


def _in_order(scopes: Collection[str]) -> list[str]:
    """Return scopes in the order in which the documentation has them; others behind them."""
    known = services().keys.scopes
    return [*(one for one in known if one in scopes), *sorted({*scopes} - {*known})]


def _key_json(key: StoredKey, who: Principal) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "owner": key.owner,
        "scopes": list(key.scopes),
        "status": status_of(key, utc_now()),
        "created_at": rfc3339(key.created_at),
        "expires_at": key.expires_at and rfc3339(key.expires_at),
        "revoked_at": key.revoked_at and rfc3339(key.revoked_at),
        "current": who.id == principal_id(key.id),
    }
