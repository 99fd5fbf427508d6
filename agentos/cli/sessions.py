"""``flask agentos sessions``: look at sessions, copy them, take them out, clear them away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TextIO

import click

from agentos.cli.audit import audited
from agentos.cli.opening import opened
from agentos.cli.output import as_json, json_text, print_fields, print_json, print_list, printable, short_time
from agentos.cli.pages import delete_command, read_pages, read_transcript
from agentos.cli.values import Duration, Text
from agentos.domain.message import Message
from agentos.domain.principal import OPERATOR
from agentos.domain.text import one_line
from agentos.domain.times import rfc3339, utc_now


@click.group("sessions")
def command() -> None:
    """List, show, export, fork, delete and prune sessions."""


@command.command("list")
@click.option("--agent", "agent_id", metavar="ID", type=Text(), help="Only sessions of this agent.")
@click.option("--user", "user_id", metavar="ID", type=Text(), help="Only sessions of this user.")
@click.option("--team", "team_id", metavar="ID", type=Text(), help="Only sessions of this team.")
@click.option("--workflow", "workflow_id", metavar="ID", type=Text(), help="Only sessions of this workflow.")
@click.option("--query", "name_contains", metavar="TEXT", type=Text(), help="Only sessions with this in their name.")
@click.option(
    "--text", metavar="TEXT", type=Text(), help="Only sessions in which this was said: words, and phrases in quotes."
)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="List at most so many.")
@as_json
def list_sessions(limit: int, as_json: bool, text: str | None, **where: Any) -> None:
    """List sessions, the newest activity first."""
    from agentos.api.v1.serializers import session_json
    from agentos.storage.sessions import SessionFilter
    from agentos.storage.text_query import phrases_of

    with opened() as services:
        wanted = SessionFilter(**where, said=None if text is None else phrases_of(text))
        sessions = list(read_pages(lambda part: services.sessions.list(wanted, part, OPERATOR), limit))
    print_list(
        "sessions",
        [session_json(session) for session in sessions],
        ("ID", "AGENT", "USER", "NAME", "RUNS", "UPDATED"),
        [
            (one.id, one.agent_id, one.user_id or "", one.name or "", str(one.run_count), short_time(one.updated_at))
            for one in sessions
        ],
        as_json=as_json,
    )


@command.command("show")
@click.argument("session_id", metavar="ID", type=Text())
@click.option("--messages", type=click.IntRange(0), default=20, show_default=True, help="Show the last so many.")
@as_json
def show(session_id: str, messages: int, as_json: bool) -> None:
    """Show a session and its last messages."""
    from agentos.api.v1.serializers import message_json, session_json

    with opened() as services:
        session = services.sessions.get(session_id, OPERATOR)
        said = services.sessions.history(session_id, OPERATOR, limit=messages).messages if messages else ()
    if as_json:
        print_json({**session_json(session), "messages": [message_json(stored) for stored in said]})
        return
    print_fields(session_json(session), width=14, hidden=(None, {}))
    for stored in said:
        click.echo(f"\n[{stored.sequence}] {stored.message.role}: {printable(stored.message.content)}")
        for call in stored.message.tool_calls:
            click.echo(f"    → {one_line(call.name)} {one_line(call.arguments)}")


@command.command("export")
@click.argument("session_id", metavar="ID", type=Text())
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "jsonl"]),
    default="json",
    show_default=True,
    help="One document; or a line for the session, then one for each run and message.",
)
@click.option(
    "--output", type=click.File("w", "utf-8", lazy=True), default="-", help="Write to this file.  [default: stdout]"
)
def export(session_id: str, form: str, output: TextIO) -> None:
    """Write a session's complete transcript, attachments included."""
    from agentos.api.v1.serializers import message_json, run_json, session_json

    with opened() as services:
        found = services.sessions.get(session_id, OPERATOR)
        transcript = read_transcript(services, session_id)
        messages = [
            {**message_json(stored), **_media_whole(services.sessions.with_data(stored.message, found))}
            for stored in transcript.messages
        ]
    session = session_json(found)
    runs = [run_json(run) for run in transcript.runs]
    if form == "json":
        output.write(json_text({**session, "runs": runs, "messages": messages}, indent=2) + "\n")
        return
    lines: list[dict[str, Any]] = [{"type": "session", **session}]
    lines += [{"type": "run", **run} for run in runs]
    lines += [{"type": "message", **message} for message in messages]
    output.writelines(json_text(line) + "\n" for line in lines)


@command.command("fork")
@click.argument("session_id", metavar="ID", type=Text())
@click.option("--before-run", "before_run_id", metavar="ID", type=Text(), help="Copy what was said before this run.")
@click.option("--name", type=Text(), help="Name the new session.  [default: as the other]")
@click.option("--user", "user_id", metavar="ID", type=Text(), help="The new session's user.  [default: as the other]")
@as_json
def fork(session_id: str, before_run_id: str | None, as_json: bool, **given: Any) -> None:
    """Copy what was said in a session into a new one.

    The two are independent: a message or a deletion in one does not change the other.
    """
    from agentos.api.v1.serializers import session_json
    from agentos.storage.sessions import SessionChanges

    changes = SessionChanges(**{name: value for name, value in given.items() if value is not None})
    with opened() as services:
        made, _ = services.sessions.fork(session_id, changes, before_run_id=before_run_id, caller=OPERATOR)
    if as_json:
        print_json(session_json(made))
    else:
        click.echo(f"Forked session {printable(session_id)} as {made.id}.")


command.add_command(delete_command("session", "Delete sessions with their messages, runs and events."))


@command.command("prune")
@click.option(
    "--older-than",
    type=Duration(),
    required=True,
    help="Delete sessions without activity for so long: a number and one of s, m, h, d, w, as in 30d.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune(older_than: timedelta, yes: bool) -> None:
    """Delete sessions without recent activity.

    All that is in them goes too: messages, runs, events.
    """
    from agentos.storage.sessions import SessionFilter

    before = utc_now() - older_than
    with opened() as services:
        if not yes:
            count = services.sessions.count(SessionFilter(updated_before=before), OPERATOR)
            if count:
                click.confirm(
                    f"Delete {count} sessions without activity since {short_time(before)}?", abort=True, err=True
                )
        with audited("data.prune", updated_before=rfc3339(before)) as audit:
            audit.details["sessions"] = deleted = services.housekeeping.prune_sessions(before)
        click.echo(f"Deleted {deleted} sessions.")


def _media_whole(message: Message) -> dict[str, Any]:
    """Return a message's attachments with their bytes, which the API does not show."""
    whole = [{**one.describe(), **({} if one.data is None else {"data": one.data})} for one in message.media]
    return {"media": whole} if whole else {}
