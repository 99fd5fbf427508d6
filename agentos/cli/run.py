"""``flask agentos run``: run an agent once."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from agentos.api.kit.pending import pending_actions
from agentos.cli.opening import app_option, opened_for_runs
from agentos.cli.output import print_json
from agentos.cli.running import Screen, end, end_at_pause, execute, print_lines
from agentos.cli.values import Image, Text
from agentos.domain.media import Media
from agentos.domain.principal import OPERATOR
from agentos.domain.run import RunStatus


@click.command("run")
@click.argument("agent", type=Text())
@click.argument("text", type=Text(), default="")
@click.option("--session", "session_id", metavar="ID", type=Text(), help="Run in this session, with its history.")
@click.option("--image", "images", type=Image(), multiple=True, help="Attach an image (a file or a URL); repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print nothing but the finished or paused run, as JSON.")
@click.option("--events", "as_events", is_flag=True, help="Print nothing but the run's events, a line of JSON each.")
@app_option
def command(
    agent: str, text: str, session_id: str | None, images: Sequence[Media], as_json: bool, as_events: bool
) -> None:
    """Run AGENT with TEXT and print the answer.

    The answer is printed as it arrives; thoughts and tool calls go to standard error. TEXT is read from standard input
    where it is '-'. Ctrl-C cancels the run and keeps what was written. The exit code is 0 when the run completed, 130
    when it was cancelled, 3 when it paused, and 1 when it failed or was refused. What a paused run waits for is printed
    to standard error.
    """
    if as_json and as_events:
        raise click.UsageError("--json and --events exclude each other.")
    if text == "-":
        text = Text()(sys.stdin.read())
    from agentos.api.v1.serializers import run_detail_json, run_json
    from agentos.domain.run_request import RunRequest
    from agentos.domain.stored_request import RunMode

    show = print_lines if as_events else (lambda _: None) if as_json else Screen().show
    request = RunRequest(
        caller=OPERATOR, agent_id=agent, input=text, media=tuple(images), session_id=session_id, mode=RunMode.STREAMED
    )
    with opened_for_runs() as services:
        run = execute(services, request, show)
    paused = run.status is RunStatus.PAUSED
    if as_json:
        print_json(run_detail_json(run, ()) if paused else run_json(run))
    if paused:
        end_at_pause(run.id, pending_actions(run))
    end(run.error)
