"""``flask agentos agents export`` and ``import``: stored agents as files, one or a whole deployment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from agentos.cli.agent_files import AgentFile, read_agents
from agentos.cli.agent_versions import comment_option
from agentos.cli.agent_yaml import agent_yaml, agents_yaml
from agentos.cli.audit import audited
from agentos.cli.opening import opened
from agentos.cli.output import as_json, error_line, print_list, printable
from agentos.cli.pages import read_pages
from agentos.cli.values import Text
from agentos.domain.principal import OPERATOR
from agentos.errors import AgentNotFound, AgentOSError, InvalidRequest

if TYPE_CHECKING:
    from agentos.services.agents import AgentService

Action = Literal["create", "update", "unchanged", "delete"]


@dataclass(frozen=True, slots=True)
class Step:
    """What an import does with one agent. ``version`` is the present one; ``None``: there is none."""

    id: str
    action: Action
    document: Any = None
    version: int | None = None


@click.command("export")
@click.argument("ids", metavar="[ID]...", type=Text(), nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Export all stored agents.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write a file ID.yaml for each, in this folder.",
)
def export(ids: Sequence[str], everything: bool, directory: Path | None) -> None:
    """Print stored agents as YAML: those named, or all with --all. 'agents import' reads it.

    Agents in code are not part of it; their code is.
    """
    if bool(ids) == everything:
        raise click.UsageError("Name the agents to export, or give --all; not both.")
    with opened() as services:
        agents = services.agents
        documents = [_document(agents, id) for id in dict.fromkeys(_stored_ids(agents) if everything else ids)]
    if directory is None:
        click.echo(agents_yaml(documents), nl=False)
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for document in documents:
            (directory / f"{document['id']}.yaml").write_text(agent_yaml(document), "utf-8")
    except OSError as error:
        raise click.UsageError(f"Folder '{directory}' cannot be written to: {error.strerror}.") from error
    click.echo(f"Exported {_agents(len(documents))} to {printable(str(directory))}.", err=True)


@click.command("import")
@click.argument("paths", metavar="FILE...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Check the files and say what would change; change nothing.")
@click.option("--prune", is_flag=True, help="Delete the stored agents that are in none of the files.")
@comment_option
@as_json
def import_agents(paths: Sequence[Path], dry_run: bool, prune: bool, comment: str | None, as_json: bool) -> None:
    """Store the agents that YAML or JSON files hold. FILE may be a folder of such files, or - for standard input.

    Everything is checked before anything is stored. An agent that is like its file already gets no new version, so an
    import can be repeated. YAML comments are not stored.
    """
    files = read_agents(paths)
    with opened() as services:
        steps = _plan(services.agents, files, comment, prune=prune)
        if not dry_run:
            steps = _carry_out(services.agents, steps, comment)
    documents = [{"id": one.id, "action": one.action, "version": one.version} for one in steps]
    rows = [(one.id, one.action, "" if one.version is None else str(one.version)) for one in steps]
    print_list("agents", documents, ("ID", "ACTION", "VERSION"), rows, as_json=as_json, dry_run=dry_run)
    if dry_run and not as_json:
        click.echo("Nothing was changed: this was a dry run.", err=True)


def _plan(agents: AgentService, files: Sequence[AgentFile], comment: str | None, *, prune: bool) -> list[Step]:
    """Return what is to be done. Raises ``InvalidRequest`` after saying of each document what is wrong with it."""
    if prune and not files:
        raise InvalidRequest("the files hold no agent, and --prune would delete all stored ones; delete them by name")
    steps: list[Step] = []
    problems: list[str] = []
    places: dict[str, str] = {}
    for file in files:
        try:
            document = agents.checked_document(file.document, comment=comment, by_operator=True)
            first = places.setdefault(document["id"], file.place)
            if first != file.place:
                raise InvalidRequest(f"agent {document['id']!r} is in {first} too")
        except AgentOSError as error:
            problems.append(f"{file.place}: {error.message}")
        else:
            steps.append(_step(agents, document))
    for problem in problems:
        click.echo(error_line(problem), err=True)
    if problems:
        raise InvalidRequest(f"nothing was imported: {len(problems)} of {_agents(len(files))} cannot be stored")
    gone = [id for id in _stored_ids(agents) if id not in places] if prune else []
    return [*steps, *(Step(id, "delete", version=agents.get(id).version) for id in gone)]


def _step(agents: AgentService, document: Any) -> Step:
    try:
        present = agents.get(document["id"])
    except AgentNotFound:
        return Step(document["id"], "create", document)
    same = json.dumps(present.document) == json.dumps(document)  # the order of keys counts, as in the storage
    return Step(present.id, "unchanged" if same else "update", document, present.version)


def _carry_out(agents: AgentService, steps: Sequence[Step], comment: str | None) -> list[Step]:
    done: list[Step] = []
    for step in steps:
        try:
            done.append(_done(agents, step, comment))
        except AgentOSError as error:  # the database is gone, or another process changed the agent since it was checked
            changed = ", ".join(one.id for one in done if one.action != "unchanged") or "none"
            raise InvalidRequest(
                f"the import stopped at agent {step.id!r}: {error.message}. Changed before it: {changed}. Import again"
            ) from error
    return done


def _done(agents: AgentService, step: Step, comment: str | None) -> Step:
    if step.action == "unchanged":
        return step
    how: dict[str, Any] = {"author": OPERATOR.id, "comment": comment, "by_operator": True}
    with audited(f"agent.{step.action}", step.id) as audit:
        if step.action == "delete":
            agents.delete(step.id, by_operator=True)
            return step
        if step.action == "create":
            version = agents.register(step.document, **how).version
        else:
            # What another process has stored since it was checked is not overwritten.
            version = agents.replace(step.id, step.document, expected_version=step.version, **how).version
        audit.details["version"] = version
    return Step(step.id, step.action, step.document, version)


def _stored_ids(agents: AgentService) -> list[str]:
    from agentos.services.agent_info import STORED

    return [agent.id for agent in read_pages(agents.list) if agent.source == STORED]


def _document(agents: AgentService, agent_id: str) -> Any:
    agent = agents.get(agent_id)
    if not agent.document:
        raise InvalidRequest(f"agent {agent_id!r} is in code; only stored agents can be exported")
    return agent.document


def _agents(count: int) -> str:
    return f"{count} agent{'s' * (count != 1)}"
