"""``flask agentos keys``: the API keys that clients call the server with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from agentos.cli.audit import audited
from agentos.cli.opening import opened
from agentos.cli.output import as_json, print_json, print_list, printable, short_time
from agentos.cli.values import PointInTime, Text
from agentos.config import Config
from agentos.domain.principal import SCOPES, is_plugin_scope
from agentos.domain.text import one_line
from agentos.domain.times import rfc3339, utc_now

if TYPE_CHECKING:
    from agentos.storage.keys import StoredKey


@click.group("keys")
def command() -> None:
    """Create, list and revoke API keys."""


@command.command("create")
@click.argument("name", metavar="NAME", type=Text())
@click.option(
    "--scope",
    "scopes",
    metavar="SCOPE",
    type=Text(),
    multiple=True,
    help=f"What the key may do: {', '.join(SCOPES)}, agents:run:ID for one agent alone, or one of a plugin's own."
    " More of them with commas, or the option again.  [default: all but agents:write,"
    " tools:call, runs:approve, runs:approve:any, settings:read and admin]",
)
@click.option(
    "--user",
    metavar="USER",
    type=Text(),
    help="The user that owns the sessions and runs that the key sees. Keys of one user see the same: so a new key"
    " replaces an old one. 'anonymous' has what was made before keys were asked for.  [default: a new user named NAME;"
    " refused if the name is in use]",
)
@click.option(
    "--expires",
    "expires_at",
    type=PointInTime(ahead=True),
    help="When the key ends: in 90d (s, m, h, d, w), when 2027-01-31 begins in UTC, at 2027-01-31T12:00:00Z.  [default:"
    " never]",
)
@as_json
def create(name: str, scopes: Sequence[str], user: str | None, expires_at: datetime | None, as_json: bool) -> None:
    """Make an API key and print it, this once.

    Clients send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'.
    """
    from agentos.services.keys import CLIENT_SCOPES

    wanted = [scope.strip() for given in scopes for scope in given.split(",")]
    with audited("key.create", name) as audit, opened() as services:
        if any(is_plugin_scope(scope) for scope in wanted):
            # Late: only plugins' own scopes need to be looked up, and that loads the web framework.
            from agentos.api.resources import collect_routes, server_of

            collect_routes(services, server_of(services))
        text, key = services.keys.create(
            name=name,
            owner=user,
            scopes=wanted if scopes else CLIENT_SCOPES,
            expires_at=expires_at,
            owner_option=lambda owner: f"--user {quote(owner)}",
        )
        audit.object, audit.details = key.id, {"name": key.name, "owner": key.owner, "scopes": list(key.scopes)}
        _warn(services.config)
    if as_json:
        print_json({"id": key.id, "key": text, **_described(key)})
        return
    until = "never expires" if key.expires_at is None else f"expires at {short_time(key.expires_at)}"
    click.echo(
        f"Key {key.id} of user {one_line(key.owner)} may {', '.join(key.scopes)} and {until}. Keep it now: it is not"
        " shown again, and the server has only its hash.",
        err=True,
    )
    click.echo(text)


@command.command("list")
@as_json
def list_keys(as_json: bool) -> None:
    """List all API keys, the oldest first; the keys themselves are kept nowhere."""
    from agentos.auth.keys import status_of

    with opened() as services:
        keys = services.storage.keys.list()
    documents, rows = [], []
    for key in keys:
        status = status_of(key, utc_now())
        revoked_at = key.revoked_at and rfc3339(key.revoked_at)
        documents.append({"id": key.id, **_described(key), "revoked_at": revoked_at, "status": status})
        times = short_time(key.created_at), short_time(key.expires_at)
        rows.append((key.id, key.name, key.owner, status, *times, ", ".join(key.scopes)))
    columns = ("ID", "NAME", "USER", "STATUS", "CREATED", "EXPIRES", "SCOPES")
    print_list("keys", documents, columns, rows, as_json=as_json)


@command.command("revoke")
@click.argument("key_id", metavar="ID", type=Text())
def revoke(key_id: str) -> None:
    """Revoke an API key for good, from the next request on.

    Runs that it started continue. You may give the whole key in place of its ID.
    """
    with audited("key.revoke", key_id) as audit, opened() as services:
        key = services.keys.revoke(key_id)
        audit.object = key.id
    click.echo(f"Revoked key {key.id}, {printable(key.name)}.")


def _described(key: StoredKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "user": key.owner,
        "scopes": list(key.scopes),
        "created_at": rfc3339(key.created_at),
        "expires_at": key.expires_at and rfc3339(key.expires_at),
    }


def _warn(config: Config) -> None:
    if config.database_url.startswith("memory:"):
        click.echo(
            "Warning: what is in memory:// ends with this command, and so does the key; set AGENTOS_DATABASE_URL to the"
            " server's.",
            err=True,
        )
    if "api_key" not in config.auth:
        click.echo(
            "Warning: AGENTOS_AUTH does not name api_key, so that the server does not know this key; start it with"
            f" AGENTOS_AUTH={','.join(['api_key', *config.auth])}.",
            err=True,
        )
