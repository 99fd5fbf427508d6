"""``flask agentos prune``: throw away what was kept for its time only."""

from __future__ import annotations

import dataclasses

import click

from agentos.cli.output import as_json, print_json


@click.command("prune")
@as_json
def command(as_json: bool) -> None:
    """Delete what is older than the settings keep it.

    These are the events of runs that ended longer ago than AGENTOS_EVENT_RETENTION, idempotency keys after 24 hours,
    and, where AGENTOS_SESSION_TTL is set, sessions that nobody used for so long. A server does this by itself, about
    every ten minutes.
    """
    from agentos.cli.opening import opened

    with opened() as services:
        pruned = services.housekeeping.prune()
    if as_json:
        print_json(dataclasses.asdict(pruned))
        return
    click.echo(
        f"Deleted the events of {pruned.event_logs} runs, {pruned.idempotency_keys} idempotency keys and"
        f" {pruned.sessions} sessions."
    )
