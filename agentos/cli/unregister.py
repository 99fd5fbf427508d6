"""``flask agentos unregister``: delete a stored agent."""

from __future__ import annotations

import click

from agentos.cli.audit import audited
from agentos.cli.opening import opened
from agentos.cli.output import printable
from agentos.cli.values import Text


@click.command("unregister")
@click.argument("agent_id", metavar="ID", type=Text())
def command(agent_id: str) -> None:
    """Delete the stored agent ID.

    Its versions go too. Its sessions and runs stay. Agents that code or a plugin registered are read-only.
    """
    with audited("agent.delete", agent_id), opened() as services:
        services.agents.delete(agent_id, by_operator=True)
    click.echo(f"Unregistered agent {printable(agent_id)}.")
