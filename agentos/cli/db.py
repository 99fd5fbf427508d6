"""``flask agentos db``: the schema of the database."""

from __future__ import annotations

import dataclasses

import click

from agentos.cli.group import Failure
from agentos.cli.output import as_json, print_json


@click.group("db")
def command() -> None:
    """Upgrade or check the database's schema."""


@command.command("upgrade")
def upgrade() -> None:
    """Bring the schema to what this version needs.

    Several processes may do so at once.
    """
    from agentos.cli.opening import opened

    with opened(migrate=False) as services:
        before = services.storage.schema()
        if not before.ready:
            services.storage.upgrade()
        after = services.storage.schema()
    click.echo(
        f"The schema is at {after.current} already." if before.ready else f"The schema is now at {after.current}."
    )


@command.command("current")
@as_json
def current(as_json: bool) -> None:
    """Print the schema's revision, and the one that is needed."""
    from agentos.cli.opening import opened

    with opened(migrate=False) as services:
        schema = services.storage.schema()
    if as_json:
        print_json({**dataclasses.asdict(schema), "ready": schema.ready})
    else:
        click.echo(f"current: {schema.current or 'none'}\nneeded:  {schema.head or 'none'}")


@command.command("check")
def check() -> None:
    """Check the database and its schema.

    The exit code is 1 unless the database answers and has the schema that is needed.
    """
    from agentos.cli.opening import opened

    with opened(migrate=False) as services:
        failed = [check for check in services.health.ready() if not check.ok]
    if failed:
        raise Failure("; ".join(dict.fromkeys(check.detail for check in failed)))
    click.echo("The database answers, and its schema is the one needed.")
