"""``flask agentos register``: store an agent that every worker then serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentos.cli.agent_files import read_agent
from agentos.cli.agent_versions import comment_option
from agentos.cli.audit import audited
from agentos.cli.guest_options import guest_options, take_guest_options
from agentos.cli.opening import opened
from agentos.cli.output import as_json, print_json
from agentos.cli.values import JSONObject, Pair, Text, TextOrFile, json_or_text
from agentos.domain.principal import OPERATOR
from agentos.errors import AgentNotFound, InvalidRequest

if TYPE_CHECKING:
    from agentos.services.agent_info import AgentInfo
    from agentos.services.agents import AgentService


@click.command("register")
@click.argument("agent_id", metavar="[ID]", type=Text(), required=False)
@click.option("--from-file", type=click.Path(path_type=Path), help="Read the agent from this YAML or JSON file.")
@click.option("--name", type=Text(), help="Give the agent a name to show.")
@click.option("--description", type=Text(), help="Say what the agent is for.")
@click.option("--model", type=Text(), help="Use this model, as in openai:gpt-5-mini; 'agentos models' lists some.")
@click.option("--instructions", type=TextOrFile(), help="Tell the model this at the start of every run.")
@click.option(
    "--tool", "tools", metavar="NAME", type=Text(), multiple=True, help="Offer an installed tool; repeatable."
)
@click.option(
    "--approve",
    metavar="NAME",
    type=Text(),
    multiple=True,
    help="Call this tool of the agent only after a person approved the call; repeatable.",
)
@click.option(
    "--param",
    "parameters",
    type=Pair(),
    multiple=True,
    help="Hand this to the model (a value that is JSON counts as JSON); repeatable.",
)
@click.option("--output-schema", type=JSONObject(), help="Make every answer follow this JSON schema.")
@click.option(
    "--output-retries",
    type=click.IntRange(0, 3),
    help="Ask so many times again for an answer that does not follow the schema.",
)
@click.option("--history-turns", type=click.IntRange(0), help="Give the model so many turns of a session.")
@click.option(
    "--max-turns", "--max-steps", "max_turns", type=click.IntRange(1), help="Let a run call the model at most so often."
)
@click.option(
    "--concurrency",
    type=click.Choice(["enqueue", "reject", "interrupt", "rollback"]),
    help="Do this with a run whose session has another one under way, where the request does not say.",
)
@click.option(
    "--retry-on-crash/--no-retry-on-crash",
    default=None,
    help="Continue a run after its last finished step when its worker is lost; tools may then act twice.",
)
@click.option(
    "--allow-override",
    "allow_overrides",
    metavar="NAME",
    type=Text(),
    multiple=True,
    help="Let a run override this, and nothing that is not named; repeatable.  [default: temperature and the like]",
)
@guest_options
@click.option("--update", is_flag=True, help="Replace the agent's whole definition if it is registered already.")
@comment_option
@as_json
def command(
    agent_id: str | None,
    from_file: Path | None,
    parameters: Sequence[tuple[str, str]],
    update: bool,
    comment: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Register the agent ID, or replace it with --update, which adds a version unless nothing changed.

    Every worker of the deployment serves it within two seconds, and after restarts. An ID and a model are needed, from
    the command line or from the file; what the command line says wins.

    With --guest in place of a model, the agent is code: an object in a Python module, of any framework, which runs in a
    process of its own. The module is on the server's machine; over HTTP no such agent is accepted.

    --param extra_headers='{"X-Title": "Support"}' adds headers to the model's requests; extra_query and extra_body add
    to their address and body. Secrets are not accepted there: they belong into the settings of the provider.
    """
    document = {} if from_file is None else read_agent(from_file)
    take_guest_options(document, given)
    if agent_id is not None:
        document["id"] = agent_id
    if not document.get("id"):
        raise click.UsageError("Missing the agent's ID: give it on the command line or in the file.")
    document |= {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in given.items()
        if value not in (None, ())
    }
    if parameters:
        document["parameters"] = _parameters(document) | {key: json_or_text(text) for key, text in parameters}
    from agentos.api.v1.serializers import agent_detail_json

    action = "agent.update" if update else "agent.create"
    with audited(action, str(document["id"])) as audit, opened() as services:
        agent, done = _store(services.agents, document, comment, update=update)
        audit.details["version"] = agent.version
    if as_json:
        print_json(agent_detail_json(agent))
    else:
        click.echo(f"{done} agent {agent.id}.")


def _store(
    agents: AgentService, document: Mapping[str, Any], comment: str | None, *, update: bool
) -> tuple[AgentInfo, str]:
    how: dict[str, Any] = {"author": OPERATOR.id, "comment": comment, "by_operator": True}
    if update:
        # Another process may delete the agent meanwhile; it is then registered anew, as was wanted.
        try:
            before = agents.get(str(document["id"])).version
            agent = agents.replace(str(document["id"]), document, **how)
            return agent, "Unchanged:" if agent.version == before else "Updated"
        except AgentNotFound:
            pass
    return agents.register(document, **how), "Registered"


def _parameters(document: Mapping[str, Any]) -> dict[str, Any]:
    parameters = document.get("parameters", {})
    if not isinstance(parameters, dict):
        raise InvalidRequest(f"the agent's 'parameters' are {parameters!r:.100}; accepted is an object")
    return parameters
