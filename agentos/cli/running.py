"""Executes a run in this process and shows it as it happens; for the commands that talk to agents."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click

from agentos.cli.group import Failure
from agentos.cli.output import error_line, is_coloured, json_text, printable
from agentos.cli.pauses import PAUSED, say_paused
from agentos.domain.event import Frame
from agentos.domain.run import Run, RunError
from agentos.domain.text import one_line
from agentos.errors import RunCancelled, RunFinished, RunNotFound, StorageError

if TYPE_CHECKING:
    from agentos.domain.run_request import RunRequest
    from agentos.execution.run_handle import RunHandle
    from agentos.services.services import Services

HEARTBEAT = 60.0
SAVE_WAIT = 10.0
"""Seconds that a cancelled run may take to be saved."""

INTERRUPTED = 130
"""What shells report for a program that SIGINT ended: 128 + 2."""

SHOWN = 300
"""Characters that are shown of a tool's arguments and of its result."""

UNUSUAL = {
    "length": "The output limit cut the answer (finish reason: length).",
    "content_filter": "The provider's content filter cut the answer (finish reason: content_filter).",
    "other": "The model stopped for a reason that is not known (finish reason: other).",
}
"""What is said of an answer that may lack its end."""

Show = Callable[["Sequence[Frame]"], None]


def execute(services: Services, request: RunRequest, show: Show) -> Run:
    """Run an agent, hand its frames to ``show`` as they come, and return the run as it is saved: ended, or paused.

    Ctrl-C cancels the run, keeps what it had written, and returns it. Any other failure while showing it, such as a
    closed pipe, cancels it too and is raised.
    """
    handle = services.runs.start(request)
    shown = 0
    try:
        for frames in handle.follow(heartbeat=HEARTBEAT):
            shown += len(frames)
            show(frames)
    except KeyboardInterrupt:
        if _cancel(services, handle) is not None:
            for frames in handle.follow(heartbeat=HEARTBEAT):
                show([frame for frame in frames if frame.number > shown])
    except BaseException:
        _cancel(services, handle)
        raise
    run = handle.wait(SAVE_WAIT)
    if run is None:
        raise Failure(f"run {handle.run_id} was told to stop, but has not ended within {SAVE_WAIT:g} s")
    return run


def _cancel(services: Services, handle: RunHandle) -> Run | None:
    try:
        handle.cancel()
    except (RunFinished, RunNotFound):
        pass
    except StorageError:  # the run is ours and no longer wanted, even if that cannot be saved
        services.worker.cancel(handle.run_id, RunCancelled("the run was cancelled"))
    return handle.wait(SAVE_WAIT)


def end_at_pause(run_id: str, pending: Sequence[Mapping[str, Any]]) -> NoReturn:
    """End the command because its run has paused: with exit code 3, and the way to answer on standard error."""
    say_paused(run_id, pending)
    raise click.exceptions.Exit(PAUSED)


def end(error: RunError | None) -> None:
    """End the command as its run ended: with exit code 0, 130 if it was cancelled, or 1."""
    if error is None:
        return
    if error.code == RunCancelled.code:
        click.echo(f"Cancelled: {error_line(error.message)}", err=True)
        raise click.exceptions.Exit(INTERRUPTED)
    raise Failure(error.message)


def data_of(frame: Frame) -> dict[str, Any]:
    """Return what an event carries."""
    data: dict[str, Any] = json.loads(frame.data)["data"]
    return data


def error_of(frame: Frame) -> RunError | None:
    """Return the error that a run's last event tells of."""
    return RunError(**data_of(frame)) if frame.type == "error" else None


def print_lines(frames: Sequence[Frame]) -> None:
    """Print events as lines of JSON."""
    for frame in frames:
        click.echo(json_text(json.loads(frame.data)))


class Screen:
    """Shows a run to a person: the answer on standard output, thoughts and tool calls dimly on standard error.

    On a terminal, what it would obey is escaped; elsewhere the answer is written to the byte.
    """

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._dim = is_coloured(sys.stderr)
        self._line_open = False
        self._thinking = False

    def show(self, frames: Sequence[Frame]) -> None:
        """Show what these frames say; tokens that arrived together are written together."""
        text: list[str] = []
        for frame in frames:
            data = data_of(frame)
            if frame.type == "token":
                text.append(data["token"])
                continue
            self._answer("".join(text))
            text.clear()
            if frame.type == "reasoning":
                self._think(data["content"])
            elif frame.type == "tool_call":
                self._aside(_tool_call(data))
            elif frame.type == "custom":
                self._aside(f"{data['name']}: {one_line(json_text(data['data']), SHOWN)}")
            elif frame.type == "state":
                self._aside(f"state: {one_line(json_text(data['delta']), SHOWN)}")
            elif frame.type == "run_start" and "attempt" in data:
                self._aside(_takeover(data))
            elif frame.type == "resumed":
                self._aside(f"Resumed, with {len(data['answers'])} answers.")
            elif frame.stops:
                self._end_lines()
                if reason := UNUSUAL.get(data.get("finish_reason", "")):
                    self._aside(reason)
        self._answer("".join(text))

    def _answer(self, text: str) -> None:
        if not text:
            return
        if self._thinking:
            self._end_lines()
        click.echo(printable(text) if self._terminal else text, nl=False)
        self._line_open = not text.endswith("\n")

    def _think(self, text: str) -> None:
        if self._line_open and not self._thinking:
            self._end_lines()
        self._thinking = self._thinking or bool(text)
        self._whisper(text, nl=False)

    def _aside(self, line: str) -> None:
        self._end_lines()
        self._whisper(line)

    def _end_lines(self) -> None:
        if self._thinking:
            click.echo(err=True)
        elif self._line_open:
            click.echo()
        self._thinking = self._line_open = False

    def _whisper(self, text: str, *, nl: bool = True) -> None:
        text = printable(text)
        click.echo(click.style(text, dim=True) if self._dim else text, err=True, nl=nl)


def _takeover(data: dict[str, Any]) -> str:
    kept = data.get("kept_turns", 0)
    how = f"continues after turn {kept}" if kept else "starts over"
    return f"Its worker was lost: the run {how} (attempt {data['attempt']})."


def _tool_call(data: dict[str, Any]) -> str:
    name = one_line(data["tool_name"], SHOWN)
    if data["status"] == "started":
        arguments = data["arguments"]
        text = arguments if isinstance(arguments, str) else json_text(arguments)
        return f"→ {name} {one_line(text, SHOWN)}"
    took = f" ({data['duration']:.2f} s)" if "duration" in data else ""
    if data["status"] == "failed":
        return f"← {name} failed{took}: {one_line(data.get('error', ''), SHOWN)}"
    return f"← {name}{took}: {one_line(data.get('result', ''), SHOWN)}"
