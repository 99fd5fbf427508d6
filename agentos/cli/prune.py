"""``flask agentos prune``: throw away what was kept for its time only."""

from __future__ import annotations

import dataclasses

import click

from agentos.cli.audit import audited
from agentos.cli.opening import opened
from agentos.cli.output import as_json, print_json


@click.command("prune")
@click.option(
    "--vacuum",
    is_flag=True,
    help="Then give the free space back to the file system (SQLite). The server cannot write meanwhile.",
)
@as_json
def command(vacuum: bool, as_json: bool) -> None:
    """Delete what is older than the settings keep it.

    These are the events of runs that ended longer ago than AGENTOS_EVENT_RETENTION, and idempotency keys after 24
    hours. Where AGENTOS_SESSION_TTL is set, also sessions without activity for so long. Where AGENTOS_RUN_TTL is set,
    also runs without a session that ended so long ago. A server does this by itself, about every ten minutes.
    """
    with audited("data.prune") as audit, opened() as services:
        pruned = services.housekeeping.prune()
        audit.details = dataclasses.asdict(pruned)
        shrunk = services.storage.shrink() if vacuum else False
    if as_json:
        print_json(dataclasses.asdict(pruned))
        return
    click.echo(
        f"Deleted the events of {pruned.event_logs} runs, {pruned.idempotency_keys} idempotency keys,"
        f" {pruned.sessions} sessions and {pruned.runs} runs without a session."
    )
    if vacuum:
        click.echo("Shrank the database." if shrunk else "The database reuses free space by itself; nothing to shrink.")
