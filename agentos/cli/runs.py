"""``flask agentos runs``: look at runs, follow them and stop them, wherever they execute."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING

import click

from agentos.cli.group import Failure
from agentos.cli.opening import opened
from agentos.cli.output import as_json, json_text, print_fields, print_json, print_list, printable, short_time
from agentos.cli.pages import delete_command, read_pages
from agentos.cli.pauses import decision_line, pending_line
from agentos.cli.running import HEARTBEAT, INTERRUPTED, Screen, data_of, end, end_at_pause, error_of, print_lines
from agentos.cli.values import PointInTime, Text
from agentos.domain.pending import PendingAction
from agentos.domain.principal import OPERATOR
from agentos.domain.run import Run, RunStatus
from agentos.domain.text import one_line
from agentos.domain.times import utc_now

if TYPE_CHECKING:
    from agentos.cli.run_tree import RunRecord
    from agentos.services.services import Services
    from agentos.services.tool_calls import ToolCallRecord

INPUT_SHOWN = 60
"""Characters of a run's input that a list shows."""

SHOWN = 200
"""Characters that are shown of a tool call's arguments, and of its error."""

DEEPEST = 4
"""Runs below runs that are shown."""

CANCEL_WAIT = 5.0
"""Seconds to wait for a run after the request to stop it; a live worker needs about one."""

POLL = 0.1


@click.group("runs")
def command() -> None:
    """List, show, follow, cancel and delete runs."""


@command.command("list")
@click.option("--session", "session_id", metavar="ID", type=Text(), help="Only runs in this session.")
@click.option("--agent", "agent_id", metavar="ID", type=Text(), help="Only runs of this agent.")
@click.option(
    "--status",
    type=click.Choice([status.value for status in RunStatus]),
    help="Only runs that stand there.",
)
@click.option(
    "--since",
    type=PointInTime(ahead=False),
    help="Only runs that were created in the last 2h (s, m, h, d, w), since 2027-01-31 began in UTC, or since"
    " 2027-01-31T12:00:00Z.",
)
@click.option("--until", type=PointInTime(ahead=False), help="Only runs that were created before such a time.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="List at most so many.")
@as_json
def list_runs(
    session_id: str | None,
    agent_id: str | None,
    status: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """List runs, the newest first."""
    from agentos.api.v1.serializers import run_json
    from agentos.storage.runs import RunFilter

    where = RunFilter(
        session_id=session_id,
        agent_id=agent_id,
        status=None if status is None else RunStatus(status),
        since=since,
        until=until,
    )
    with opened() as services:
        runs = list(read_pages(lambda part: services.runs.list(where, part, OPERATOR), limit))
    columns = ("ID", "AGENT", "STATUS", "SESSION", "CREATED", "SECONDS", "INPUT")
    print_list("runs", [run_json(run) for run in runs], columns, map(_row, runs), as_json=as_json)


@command.command("show")
@click.argument("run_id", metavar="ID", type=Text())
@as_json
def show(run_id: str, as_json: bool) -> None:
    """Show a run: what it was asked, where it stands, what it waits for, what it called and what it said.

    The timeline has a bar for each call, pause and wait, on one axis. Tool calls stand below the call to the model that
    asked for them. It is drawn as wide as the terminal is.
    """
    from agentos.api.v1.serializers import run_detail_json
    from agentos.services.tool_calls import tool_calls_of

    with opened() as services:
        handle = services.runs.open(run_id, OPERATOR)
        found, actions = handle.with_actions()
        calls = tool_calls_of(services.storage, found)
        record = _record(services, found, actions, calls)
        run = run_detail_json(record.run, actions, [child.run for child in record.children])
    if as_json:
        print_json(run | {"tool_calls": [asdict(call) for call in calls]})
        return
    content = run.pop("content")
    pending, decisions = run.pop("pending"), run.pop("decisions")
    del run["steps"], run["timeline"], run["timing"], run["children"]
    print_fields(run, width=15, hidden=(None, {}, []))
    if pending:
        click.echo("pending:")
    for action in pending:
        click.echo(f"  {printable(pending_line(action))}")
    if decisions:
        click.echo("decisions:")
    for decision in decisions:
        click.echo(f"  {printable(decision_line(decision))}")
    _draw(record)
    if calls:
        click.echo("tool_calls:")
    for call in calls:
        click.echo(f"  {_tool_call(call)}")
    if content:
        click.echo(f"\n{printable(content)}")


@command.command("follow")
@click.argument("run_id", metavar="ID", type=Text())
@click.option("--after", type=click.IntRange(0), default=0, help="Leave out the events up to this number.")
@click.option("--events", "as_events", is_flag=True, help="Print nothing but the events, a line of JSON each.")
def follow(run_id: str, after: int, as_events: bool) -> None:
    """Show a run from its beginning to its end, or to its pause, wherever it executes.

    Ctrl-C ends the following, not the run. The exit code is that of 'agentos run': 0 when the run completed, 130
    when it was cancelled, 3 when it paused, and 1 when it failed.
    """
    show = print_lines if as_events else Screen().show
    last = None
    with opened() as services:
        try:
            for frames in services.runs.open(run_id, OPERATOR).follow(after, heartbeat=HEARTBEAT):
                show(frames)
                last = frames[-1] if frames else last
        except KeyboardInterrupt:
            click.echo(f"\nThe run goes on; 'flask agentos runs cancel {printable(run_id)}' stops it.", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        if last is not None and last.type == "paused":
            end_at_pause(run_id, data_of(last)["pending"])
        # A session that is deleted takes its runs with it: then only the last event knows how they ended.
        error = services.runs.open(run_id, OPERATOR).get().error if last is None else error_of(last)
    end(error)


@command.command("cancel")
@click.argument("run_id", metavar="ID", type=Text())
@click.option("--no-wait", is_flag=True, help="Ask for it and do not wait for the run's end.")
def cancel(run_id: str, no_wait: bool) -> None:
    """Stop a run, wherever it executes.

    The worker that executes it stops it within a second; a paused one ends at once. What it had written is kept.
    """
    with opened() as services:
        run = services.runs.open(run_id, OPERATOR).cancel()
        if no_wait:
            click.echo(f"Asked run {printable(run_id)} to stop.")
            return
        run = _await_end(services, run)
    if not run.status.finished:
        raise Failure(
            f"run {run_id} was asked to stop, but is still {run.status.value} after {CANCEL_WAIT:g} s; if its worker is"
            " gone, a server ends it once its lease has run out"
        )
    click.echo(f"Run {printable(run_id)} ended as {run.status.value}.")


command.add_command(
    delete_command("run", "Delete runs that have ended or are paused, with their events, messages and attachments.")
)


def _await_end(services: Services, run: Run) -> Run:
    deadline = time.monotonic() + CANCEL_WAIT
    while not run.status.finished and time.monotonic() < deadline:
        time.sleep(POLL)
        run = services.runs.open(run.id, OPERATOR).get()
    return run


def _tool_call(call: ToolCallRecord) -> str:
    arguments = call.arguments if isinstance(call.arguments, str) else json_text(call.arguments)
    took = "" if call.duration is None else f" in {call.duration:.3f} s"
    outcome = "ended, its events are not kept any more" if call.status is None else f"{call.status}{took}"
    why = "" if call.error is None else f": {one_line(call.error, SHOWN)}"
    return f"{one_line(call.name)}({one_line(arguments, SHOWN)}) {outcome}{why}"


def _record(
    services: Services,
    run: Run,
    actions: Sequence[PendingAction],
    calls: Sequence[ToolCallRecord],
    *,
    depth: int = 0,
) -> RunRecord:
    """Return all that is drawn of a run, with the runs that it made, and theirs."""
    from agentos.cli.run_tree import RunRecord
    from agentos.services.live_steps import live_steps
    from agentos.services.tool_calls import tool_calls_of

    if run.status is RunStatus.RUNNING:
        run = replace(run, steps=live_steps(services.storage, run))
    children: list[RunRecord] = []
    for child in services.runs.open(run.id, OPERATOR).children() if depth < DEEPEST else ():
        found, waited = services.runs.open(child.id, OPERATOR).with_actions()
        called = tool_calls_of(services.storage, found)
        children.append(_record(services, found, waited, called, depth=depth + 1))
    return RunRecord(run=run, actions=actions, errors=_errors(run, calls), children=children)


def _draw(record: RunRecord) -> None:
    """Draw what the run did with its time."""
    from agentos.cli import timeline
    from agentos.cli.run_tree import tree_of

    nodes = tree_of(record)
    if not nodes:
        return
    length = ((record.run.ended_at or utc_now()) - record.run.created_at).total_seconds()
    screen = timeline.Screen.of(sys.stdout)
    click.echo("timeline:")
    for line in timeline.draw(nodes, length, screen):
        click.echo(line.rstrip(), color=screen.coloured or None)


def _errors(run: Run, calls: Sequence[ToolCallRecord]) -> dict[int, str]:
    """Return the errors of tool calls by the numbers of their steps. Models use the id of a call again."""
    left = list(calls)
    found: dict[int, str] = {}
    for step in run.steps:
        call = next((one for one in left if step.type == "tool_call" and one.id == step.tool_call_id), None)
        if call is not None:
            left.remove(call)
            if call.error is not None:
                found[step.number] = call.error
    return found


def _row(run: Run) -> tuple[str, ...]:
    took = "" if run.duration is None else f"{run.duration:.1f}"
    asked = one_line(run.input, INPUT_SHOWN)
    return run.id, run.agent_id, run.status.value, run.session_id or "", short_time(run.created_at), took, asked
