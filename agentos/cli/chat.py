"""``flask agentos chat``: talk to an agent in a session."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from agentos.api.kit.pending import pending_actions
from agentos.cli.group import Failure
from agentos.cli.opening import app_option, opened_for_runs
from agentos.cli.output import printable
from agentos.cli.pages import read_transcript
from agentos.cli.pauses import say_paused
from agentos.cli.running import Screen, end_at_pause, execute
from agentos.cli.values import Text
from agentos.domain.principal import OPERATOR
from agentos.domain.run import Run, RunError, RunStatus
from agentos.domain.text import clean
from agentos.errors import AgentOSError

if TYPE_CHECKING:
    from agentos.services.services import Services

HELP = "/history shows the conversation, /quit (or Ctrl-D) leaves, Ctrl-C stops an answer."


@click.command("chat")
@click.argument("agent", type=Text())
@click.option("--session", "session_id", metavar="ID", type=Text(), help="Continue this session, not a new one.")
@app_option
def command(agent: str, session_id: str | None) -> None:
    """Talk to AGENT in a session, line by line.

    The session's ID is printed at the start; '--session ID' continues it later. /history shows the conversation,
    /quit leaves, Ctrl-C stops an answer and keeps what was written. A run that pauses says what it waits for; the
    session takes no other line until that is answered. Where standard input is not a terminal, each of its lines is a
    turn, and the first run that fails ends the command with exit code 1, one that pauses with 3.
    """
    with opened_for_runs() as services:
        services.agents.resolve(agent)  # An agent that cannot run is refused before there is a session.
        if session_id is None:
            session_id = services.sessions.create(agent, caller=OPERATOR)[0].id
        else:
            services.sessions.get(session_id, OPERATOR)
        click.echo(f"Session {printable(session_id)}", err=True)
        _Conversation(services, agent, session_id).hold()


class _Conversation:
    """One session at the terminal, from the first line to the last."""

    def __init__(self, services: Services, agent: str, session_id: str) -> None:
        self._services = services
        self._agent = agent
        self._session_id = session_id
        self._interactive = sys.stdin.isatty()

    def hold(self) -> None:
        """Read lines and act on each, until there are no more."""
        if self._interactive:
            click.echo(HELP, err=True)
        while (line := self._read()) is not None:
            if line == "/quit":
                return
            if line == "/history":
                self._show_history()
            elif line.startswith("/"):
                click.echo(f"There is no {printable(line.split()[0])}. {HELP}", err=True)
            elif line:
                self._say(line)

    def _read(self) -> str | None:
        if not self._interactive:
            line = sys.stdin.readline()
            return clean(line.strip()) if line else None
        import readline  # noqa: F401 - makes input() edit lines and remember them

        try:
            return clean(input("> ").strip())
        except EOFError:
            click.echo(err=True)
            return None

    def _say(self, text: str) -> None:
        from agentos.domain.run_request import RunRequest
        from agentos.domain.stored_request import RunMode

        request = RunRequest(
            caller=OPERATOR, agent_id=self._agent, input=text, session_id=self._session_id, mode=RunMode.STREAMED
        )
        error: AgentOSError | RunError | None
        try:
            run = execute(self._services, request, Screen().show)
            if run.status is RunStatus.PAUSED:
                self._pause(run)
            error = run.error
        except AgentOSError as refusal:
            error = refusal
        if error is not None:
            failure = Failure(error.message)
            if not self._interactive:
                raise failure
            failure.show()

    def _pause(self, run: Run) -> None:
        if not self._interactive:
            end_at_pause(run.id, pending_actions(run))
        say_paused(run.id, pending_actions(run))

    def _show_history(self) -> None:
        for stored in read_transcript(self._services, self._session_id).messages:
            if stored.message.content:
                click.echo(f"{stored.message.role}: {printable(stored.message.content)}")
