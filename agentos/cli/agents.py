"""``flask agentos agents``: what agents there are, and what the stored ones were."""

from __future__ import annotations

import click

from agentos.cli.agent_exchange import export, import_agents
from agentos.cli.agent_versions import diff, rollback, versions
from agentos.cli.opening import app_option, opened
from agentos.cli.output import as_json, print_fields, print_json, print_list, printable
from agentos.cli.pages import read_pages
from agentos.cli.values import Text


@app_option
@click.group("agents", invoke_without_command=True)
@as_json
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List all agents, or show one."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_agents, as_json=as_json)
    elif as_json:
        raise click.UsageError(f"Give --json behind the command: agents {ctx.invoked_subcommand} --json.")


@command.command("list")
@as_json
def list_agents(as_json: bool) -> None:
    """List all agents: those of code and plugins, and the stored ones."""
    from agentos.api.v1.serializers import agent_json

    with opened() as services:
        agents = list(read_pages(services.agents.list))
    print_list(
        "agents",
        [agent_json(agent) for agent in agents],
        ("ID", "MODEL", "TOOLS", "SOURCE", "DESCRIPTION"),
        [(one.id, one.model or "", ", ".join(one.tools), one.source, one.description) for one in agents],
        as_json=as_json,
    )


@command.command("show")
@click.argument("agent_id", metavar="ID", type=Text())
@as_json
def show(agent_id: str, as_json: bool) -> None:
    """Show one agent; of a stored one, its whole definition."""
    from agentos.api.v1.serializers import agent_detail_json

    with opened() as services:
        document = agent_detail_json(services.agents.get(agent_id))
    if as_json:
        print_json(document)
        return
    definition = document.pop("definition", {})
    shown = document | definition
    instructions = shown.pop("instructions", "")
    print_fields(shown, width=14, hidden=(None, "", []))
    if instructions:
        click.echo(f"instructions:\n{printable(instructions)}")


for _command in (versions, diff, rollback, export, import_agents):
    command.add_command(_command)
