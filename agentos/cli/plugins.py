"""``flask agentos plugins``: what became of each plugin."""

from __future__ import annotations

import dataclasses

import click

from agentos.cli.opening import opened
from agentos.cli.output import as_json, print_list


@click.command("plugins")
@as_json
def command(as_json: bool) -> None:
    """List plugins and what each provides.

    For a broken plugin it shows the reason.
    """
    from agentos.api.resources import collect_routes, server_of

    with opened(migrate=False) as services:
        collect_routes(services, server_of(services))
        reports = services.plugins.reports
    print_list(
        "plugins",
        [dataclasses.asdict(report) for report in reports],
        ("NAME", "VERSION", "STATUS", "PROVIDES"),
        [(one.name, one.version or "", one.status, one.error or ", ".join(one.provides)) for one in reports],
        as_json=as_json,
    )
