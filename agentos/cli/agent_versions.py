"""``flask agentos agents versions``, ``diff`` and ``rollback``: what a stored agent was, and going back to it."""

from __future__ import annotations

from typing import Any

import click

from agentos.cli.audit import audited
from agentos.cli.opening import opened
from agentos.cli.output import as_json, json_text, print_json, print_list, printable, short_time
from agentos.cli.pages import read_pages
from agentos.cli.values import Text
from agentos.domain.principal import OPERATOR
from agentos.errors import InvalidRequest

number_type = click.IntRange(1, 10**18 - 1)

comment_option = click.option("--comment", type=Text(), help="Say what the change is for; kept with its version.")


@click.command("versions")
@click.argument("agent_id", metavar="ID", type=Text())
@as_json
def versions(agent_id: str, as_json: bool) -> None:
    """List the versions of the stored agent ID, newest first."""
    from agentos.api.v1.serializers import agent_version_json

    with opened() as services:
        found = list(read_pages(lambda paging: services.agent_versions.list(agent_id, paging)))
    print_list(
        "versions",
        [agent_version_json(one) for one in found],
        ("VERSION", "TIME", "AUTHOR", "COMMENT"),
        [(str(one.version), short_time(one.created_at), one.author or "", one.comment or "") for one in found],
        as_json=as_json,
        empty=f"Agent {printable(agent_id)} is in code: it has no versions.",
    )


@click.command("diff")
@click.argument("agent_id", metavar="ID", type=Text())
@click.argument("old", metavar="[N]", type=number_type, required=False)
@click.argument("new", metavar="[M]", type=number_type, required=False)
@as_json
def diff(agent_id: str, old: int | None, new: int | None, as_json: bool) -> None:
    """Show what changed in the stored agent ID from version N to version M.

    Without M: to the present version. Without N as well: by the last change.
    """
    from agentos.api.v1.definitions import version_diff_json

    with opened() as services:
        found = services.agent_versions.diff(agent_id, old or _version_before(services, agent_id), new)
        document = version_diff_json(found)
    if as_json:
        print_json(document)
        return
    lines = _unified(document)
    if lines:
        click.echo("\n".join(map(printable, lines)))
    else:
        click.echo(f"Versions {found.old.version} and {found.new.version} are the same.", err=True)


@click.command("rollback")
@click.argument("agent_id", metavar="ID", type=Text())
@click.argument("version", metavar="N", type=number_type)
@comment_option
@as_json
def rollback(agent_id: str, version: int, comment: str | None, as_json: bool) -> None:
    """Go back to version N of the stored agent ID: store its definition as a new version.

    Nothing is deleted, so this can be undone in the same way. Runs that are under way or wait keep their version.
    """
    from agentos.api.v1.serializers import agent_detail_json

    with audited("agent.rollback", agent_id, to=version) as audit, opened() as services:
        before = services.agents.get(agent_id).version
        agent = services.agent_versions.rollback(
            agent_id, version, author=OPERATOR.id, comment=comment, by_operator=True
        )
        audit.details["version"] = agent.version
    if as_json:
        print_json(agent_detail_json(agent))
    elif agent.version == before:
        click.echo(f"Agent {agent.id} is as version {version} already; it stays version {agent.version}.")
    else:
        click.echo(f"Rolled back agent {agent.id} to version {version}; that is version {agent.version} now.")


def _version_before(services: Any, agent_id: str) -> int:
    """Return the version before the present one."""
    from agentos.storage.paging import Paging

    found = services.agent_versions.list(agent_id, Paging(limit=2)).items
    if not found:
        raise InvalidRequest(f"agent {agent_id!r} is in code: it has no versions")
    return int(found[-1].version)


def _unified(diff: dict[str, Any]) -> list[str]:
    """Return the changes as lines: each place, then the lines that went and those that came."""
    from difflib import unified_diff

    lines: list[str] = []
    for change in diff["changes"]:
        old, new = (_lines(change[name]) if name in change else [] for name in ("old", "value"))
        body = list(unified_diff(old, new, lineterm="", n=2))[3:]  # without the names of files and the first place
        lines += [f"{change['op']} {change['path']}", *("  …" if one.startswith("@@") else f"  {one}" for one in body)]
    return lines


def _lines(value: Any) -> list[str]:
    return value.split("\n") if isinstance(value, str) else json_text(value, indent=2).split("\n")
