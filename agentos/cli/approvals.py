"""``flask agentos approvals``: what runs wait for, and the answers, on the database and without a server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from agentos.cli.audit import Operation, audited
from agentos.cli.group import Failure
from agentos.cli.opening import app_option, opened
from agentos.cli.output import as_json, json_text, print_fields, print_json, print_list, printable, short_time
from agentos.cli.pages import read_pages
from agentos.cli.pauses import decision_line, pending_line
from agentos.cli.rules import rules
from agentos.cli.values import JSONObject, Text, json_or_text
from agentos.domain.pending import Answer, PendingKind
from agentos.domain.principal import OPERATOR
from agentos.domain.run import RunStatus
from agentos.domain.text import one_line

if TYPE_CHECKING:
    from agentos.services.services import Services
    from agentos.storage.pauses import PendingFilter, WaitingAction

POLL = 1.0
"""Seconds between two looks at what waits."""

SHOWN = 60
"""Characters of a call's arguments in a list."""

filters = (
    click.option("--kind", type=click.Choice([kind.value for kind in PendingKind]), help="Only actions of this kind."),
    click.option("--agent", "agent_id", metavar="ID", type=Text(), help="Only what runs of this agent wait for."),
    click.option("--session", "session_id", metavar="ID", type=Text(), help="Only what runs of this session wait for."),
    click.option("--run", "run_id", metavar="ID", type=Text(), help="Only what this run waits for."),
    click.option("--tool", metavar="NAME", type=Text(), help="Only what calls of this tool wait for."),
)


def filtered(function: Any) -> Any:
    """Give a command the options that say which actions."""
    for option in reversed(filters):
        function = option(function)
    return function


@click.group("approvals")
def command() -> None:
    """List and decide what runs wait for: approvals, questions, and tools of clients.

    These commands work on the database, also while no server is running. A run continues at a server: at one that is
    running within seconds, else at the next one that starts.
    """


command.add_command(rules)


@command.command("list")
@filtered
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="List at most so many.")
@as_json
def list_approvals(limit: int, as_json: bool, **where: Any) -> None:
    """List what waits for an answer, the longest waiting first."""
    from agentos.api.v1.serializers import waiting_json

    wanted = _filter(where)
    with opened() as services:
        found = list(read_pages(lambda part: services.runs.waiting(wanted, part, OPERATOR, oldest_first=True), limit))
        total = services.runs.count_waiting(wanted, OPERATOR)
    columns = ("ID", "KIND", "CALL", "AGENT", "RUN", "OWNER", "APPROVER", "CREATED", "EXPIRES")
    documents = [waiting_json(one) for one in found]
    empty = "Nothing waits for an answer."
    print_list("approvals", documents, columns, map(_row, found), as_json=as_json, empty=empty, total=total)


@command.command("show")
@click.argument("action_id", metavar="ID", type=Text())
@as_json
def show(action_id: str, as_json: bool) -> None:
    """Show what a run waits for, or waited for, with its answer."""
    from agentos.api.v1.serializers import approval_json

    with opened() as services:
        found = approval_json(services.runs.action(action_id, OPERATOR))
    if as_json:
        print_json(found)
        return
    answer = found.pop("answer", None)
    print_fields(found, width=15, hidden=(None,))
    if answer is not None:
        click.echo("answer:")
        print_fields({f"  {name}": value for name, value in answer.items()}, width=21, hidden=(None,))


@command.command("approve")
@click.argument("action_id", metavar="ID", type=Text())
@click.option(
    "--arguments", type=JSONObject(), help="Call the tool with this JSON object, or @FILE, in place of the model's."
)
@click.option("--message", metavar="TEXT", type=Text(), help="Keep this with the decision.")
@click.option("--remember", is_flag=True, help="Let the decision hold for later calls of the session.")
@app_option
def approve(action_id: str, arguments: dict[str, Any] | None, message: str | None, remember: bool) -> None:
    """Approve a call of a tool."""
    _decide(
        action_id,
        Answer(decision="approve", arguments=arguments, message=message, remember="session" if remember else None),
    )


@command.command("reject")
@click.argument("action_id", metavar="ID", type=Text())
@click.option("--message", metavar="TEXT", type=Text(), help="Say this to the model.")
@click.option("--remember", is_flag=True, help="Let the decision hold for later calls of the session.")
@app_option
def reject(action_id: str, message: str | None, remember: bool) -> None:
    """Reject a call of a tool. The run continues, and the model reads why."""
    _decide(action_id, Answer(decision="reject", message=message, remember="session" if remember else None))


@command.command("answer")
@click.argument("action_id", metavar="ID", type=Text())
@click.argument("value", type=Text())
@app_option
def answer(action_id: str, value: str) -> None:
    """Answer a question, or give the result of a client's tool.

    VALUE is JSON, or a text. Where the question's schema asks for a string, it is taken as it is.
    """
    with audited("approval.answer", answers=[{"id": action_id, "answer": "output"}]) as audit, opened() as services:
        schema = services.runs.action(action_id, OPERATOR).action.schema or {}
        output = value if schema.get("type") == "string" else json_or_text(value)
        _give(services, action_id, Answer(output=output), audit)


@command.command("watch")
@filtered
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each.")
def watch(as_json: bool, **where: Any) -> None:
    """Print what waits for an answer, and what comes, until Ctrl-C."""
    from agentos.api.v1.serializers import waiting_json

    wanted = _filter(where)
    with opened() as services:
        try:
            for one in _follow(services, wanted):
                shown = waiting_json(one)
                line = json_text(shown) if as_json else f"{short_time(one.action.created_at)} {_line(one)}"
                click.echo(line if as_json else printable(line))
        except KeyboardInterrupt:
            return


def _follow(services: Services, where: PendingFilter) -> Iterator[WaitingAction]:
    seen: set[str] = set()
    while True:
        waiting = list(read_pages(lambda part: services.runs.waiting(where, part, OPERATOR, oldest_first=True)))
        yield from (one for one in waiting if one.action.id not in seen)
        seen = {one.action.id for one in waiting}
        time.sleep(POLL)


def _decide(action_id: str, given: Answer) -> None:
    answers = [{"id": action_id, "answer": given.decision}]
    with audited("approval.answer", answers=answers) as audit, opened() as services:
        _give(services, action_id, given, audit)


def _give(services: Services, action_id: str, given: Answer, audit: Operation) -> None:
    from agentos.api.v1.decisions import answer_json

    found = services.runs.action(action_id, OPERATOR)
    audit.object = found.run_id
    if found.action.kind is PendingKind.APPROVAL and given.decision is None:
        raise Failure(f"{action_id} waits for an approval; use 'agentos approvals approve' or 'reject'")
    if found.action.kind is not PendingKind.APPROVAL and given.decision is not None:
        raise Failure(f"{action_id} waits for an answer; use 'agentos approvals answer'")
    run = services.runs.answer(found.run_id, {action_id: given}, OPERATOR, resume_here=False)
    said = services.runs.action(action_id, OPERATOR).action
    assert said.answer is not None
    about = {"id": action_id, "tool_name": said.call.name, "arguments": said.call.arguments}
    click.echo(printable(decision_line(about | answer_json(said.kind, said.answer))))
    if run.status is RunStatus.PAUSED:
        click.echo(f"Run {printable(run.id)} waits for {len(run.pending)} more:")
        for line in map(_pending_line, run.pending):
            click.echo(f"  {printable(line)}")
    elif not run.status.finished:
        click.echo(
            f"Run {printable(run.id)} continues at a server: at one that is running within seconds, else at the next"
            " one that starts."
        )


def _filter(where: dict[str, Any]) -> PendingFilter:
    from agentos.storage.pauses import PendingFilter

    kind = where.pop("kind")
    return PendingFilter(kind=None if kind is None else PendingKind(kind), **where)


def _row(one: WaitingAction) -> tuple[str, ...]:
    action = one.action
    call = f"{action.call.name}({one_line(action.call.arguments, SHOWN)})" if action.call.name else ""
    approver = action.approver if action.kind is PendingKind.APPROVAL else ""
    times = (short_time(action.created_at), short_time(action.expires_at))
    return action.id, action.kind.value, call, one.agent_id, one.run_id, one.owner, approver, *times


def _line(one: WaitingAction) -> str:
    return f"{_pending_line(one.action)} (run {one.run_id} of agent {one.agent_id})"


def _pending_line(action: Any) -> str:
    from agentos.domain.pending import pending_json

    return pending_line(pending_json(action))
