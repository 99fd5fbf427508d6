"""``flask agentos data``: all that one owner has."""

from __future__ import annotations

import dataclasses

import click

from agentos.cli.audit import audited
from agentos.cli.opening import opened
from agentos.cli.output import as_json, print_json
from agentos.cli.values import Text
from agentos.domain.text import one_line


@click.group("data")
def command() -> None:
    """Delete all that an owner has."""


@command.command("delete")
@click.argument("owner", metavar="OWNER", type=Text())
@click.option(
    "--user",
    "user_id",
    metavar="USER",
    type=Text(),
    help="Only what has this 'user_id'.  [default: all of the owner's]",
)
@click.option("--yes", is_flag=True, help="Do not ask first.")
@as_json
def delete(owner: str, user_id: str | None, yes: bool, as_json: bool) -> None:
    """Cancel an owner's runs and delete its sessions with their aliases, its runs and its attachments.

    The owner is the USER of 'keys list'; 'anonymous' has what was made without a key. API keys stay: revoke them with
    'keys revoke'. Runs that other workers execute are stopped within seconds.
    """
    what = (
        f"owner {one_line(owner)!r}" if user_id is None else f"user {one_line(user_id)!r} of owner {one_line(owner)!r}"
    )
    if not yes:
        click.confirm(f"Delete all sessions, runs and attachments of {what}?", abort=True, err=True)
    details = {} if user_id is None else {"user_id": user_id}
    with audited("data.delete", owner, **details) as audit, opened() as services:
        deleted = services.owner_data.delete(owner, user_id=user_id)
        audit.details |= dataclasses.asdict(deleted)
    if as_json:
        print_json(dataclasses.asdict(deleted))
        return
    click.echo(
        f"Deleted {deleted.sessions} sessions, {deleted.runs} runs and {deleted.attachments} attachments of {what}."
    )
