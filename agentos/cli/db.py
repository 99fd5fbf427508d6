"""``flask agentos db``: the schema of the database."""

from __future__ import annotations

import dataclasses

import click

from agentos.cli.group import Failure
from agentos.cli.opening import opened
from agentos.cli.output import as_json, print_json


@click.group("db")
def command() -> None:
    """Upgrade or check the database's schema."""


@command.command("upgrade")
def upgrade() -> None:
    """Bring the schema to what this version needs.

    Several processes may do so at once. A schema that a newer version has upgraded is left as it is.
    """
    with opened(migrate=False) as services:
        before = services.storage.schema()
        services.storage.upgrade()
        after = services.storage.schema()
    if before.current != after.current:
        click.echo(f"The schema is now at {after.current}.")
    elif before.newer:
        click.echo(f"Nothing was changed: {before.description}.")
    else:
        click.echo(f"The schema is at {after.current} already.")
    if before.lacks is not None and after.lacks is None:
        click.echo(f"The database now has the {before.lacks}.")


@command.command("current")
@as_json
def current(as_json: bool) -> None:
    """Print the schema's revision, and the one that is needed."""
    with opened(migrate=False) as services:
        schema = services.storage.schema()
    if as_json:
        print_json({**dataclasses.asdict(schema), "ready": schema.ready, "description": schema.description})
    else:
        click.echo(f"current: {schema.current or 'none'}\nneeded:  {schema.head or 'none'}")
        if schema.current != schema.head or schema.lacks is not None:
            click.echo(f"{schema.description}.")


@command.command("check")
def check() -> None:
    """Check the database and its schema.

    The exit code is 1 unless the database answers and has a schema that this version can work with.
    """
    with opened(migrate=False) as services:
        checks = {check.name: check for check in services.health.ready()}
    failed = [check for check in checks.values() if not check.ok]
    if failed:
        raise Failure("; ".join(dict.fromkeys(check.detail for check in failed)))
    click.echo(f"The database answers, and {checks['migrations'].detail}.")
