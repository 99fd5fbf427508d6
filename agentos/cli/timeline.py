"""Draws a run's timeline in a terminal: a tree of its calls, each with a bar on one axis of time."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

import click

from agentos.cli.output import is_coloured
from agentos.domain.pending import EXPIRY, PendingAction
from agentos.domain.text import one_line
from agentos.services.timeline import Span

WIDTH = 100
"""Columns where the output is no terminal and ``COLUMNS`` is not set."""

MOST_NAME = 36
LEAST_BAR, MOST_BAR = 10, 32
NARROW = 50
"""Columns below which there are no bars."""

SECONDS = 10
"""Columns of the seconds."""

SHOWN = 160
"""Characters that are shown of an error."""

COLOURS = {"queue": "yellow", "model_call": "blue", "tool_call": "green", "pause": "yellow"}


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of a drawing."""

    branch: str
    last: str
    line: str
    bar: str
    first: str
    """The part of a model call before its first token."""
    wait: str
    empty: str


UNICODE = Glyphs("├─ ", "└─ ", "│  ", "█", "▒", "░", "·")
ASCII = Glyphs("|- ", "`- ", "|  ", "#", "+", "~", ".")


@dataclass(frozen=True, slots=True)
class Screen:
    """What the output can show: its columns, its characters, colour, and how a text is made one that it can write."""

    width: int
    glyphs: Glyphs
    coloured: bool
    writable: Callable[[str], str]

    @classmethod
    def of(cls, stream: TextIO) -> Screen:
        """Return what a stream can show."""
        terminal = stream.isatty()
        given = os.environ.get("COLUMNS", "")
        width = shutil.get_terminal_size().columns if terminal or given.isdecimal() else WIDTH
        encoding = getattr(stream, "encoding", None) or "ascii"

        def writable(text: str) -> str:
            return text.encode(encoding, "backslashreplace").decode(encoding)

        try:
            "├└│█▒░·".encode(encoding)
        except (UnicodeError, LookupError):
            return cls(
                max(width, 20),
                ASCII,
                is_coloured(stream),
                lambda text: text.encode("ascii", "backslashreplace").decode(),
            )
        return cls(max(width, 20), UNICODE, is_coloured(stream), writable)


def draw(spans: Sequence[Span], length: float, errors: Mapping[int, str], screen: Screen) -> Iterator[str]:
    """Yield the lines. ``length`` is the run's in seconds; ``errors`` are of tool calls, by the numbers of their steps.

    Tool calls are below the model call that asked for them. Long waits are drawn shorter than they were.
    """
    from rich.cells import cell_len

    rows = list(_rows(spans, screen.glyphs))
    widest = max((cell_len(prefix) + cell_len(screen.writable(_name(span))) for prefix, _, span in rows), default=0)
    name = min(widest, MOST_NAME, screen.width // 2 - 2)
    bar = min(MOST_BAR, screen.width - name - SECONDS - 2) if screen.width >= NARROW else 0
    axis = _Axis(spans, length, bar if bar >= LEAST_BAR else 0)
    for prefix, below, span in rows:
        yield from _lines(prefix, below, span, name, axis, length, errors, screen)


def _rows(spans: Sequence[Span], glyphs: Glyphs) -> Iterator[tuple[str, str, Span]]:
    """Yield each span with what stands before its name, and before the lines below it."""
    groups: list[tuple[Span, list[Span]]] = []
    for span in spans:
        if span.kind == "tool_call" and groups and groups[-1][0].kind in ("model_call", "pause"):
            groups[-1][1].append(span)
        else:
            groups.append((span, []))
    for place, (span, calls) in enumerate(groups):
        is_last = place == len(groups) - 1
        rest = "   " if is_last else glyphs.line
        yield glyphs.last if is_last else glyphs.branch, rest + (glyphs.line if calls else "   "), span
        for number, call in enumerate(calls):
            ends = number == len(calls) - 1
            yield rest + (glyphs.last if ends else glyphs.branch), rest + ("   " if ends else glyphs.line), call


def _lines(
    prefix: str,
    below: str,
    span: Span,
    name: int,
    axis: _Axis,
    length: float,
    errors: Mapping[int, str],
    screen: Screen,
) -> Iterator[str]:
    from rich.cells import cell_len, set_cell_size

    shown = prefix + screen.writable(_name(span))
    if cell_len(shown) > name:
        shown = set_cell_size(shown, name - 1) + screen.writable("…")[:1]
    took = span.duration if span.duration is not None else max(0.0, length - span.start)
    seconds = f"{_seconds(took)}{'' if span.duration is not None else '+'}"
    drawn = axis.bar(span, took, screen.glyphs)
    if screen.coloured:
        drawn = click.style(drawn, fg="red" if span.status == "failed" else COLOURS[span.kind])
    line = f"{set_cell_size(shown, name)} {drawn}{seconds:>{SECONDS}}"
    words = screen.writable(", ".join(_words(span, errors)))
    used = name + 1 + axis.width + SECONDS
    if not words:
        yield line
    elif used + 2 + cell_len(words) <= screen.width:
        yield f"{line}  {words}"
    else:
        yield line
        room = max(10, screen.width - len(below) - 2)
        for part in textwrap.wrap(words, room, break_on_hyphens=False):
            yield f"{below}  {part}"


def _name(span: Span) -> str:
    if span.kind in ("queue", "pause"):
        return "waits for its turn" if span.kind == "queue" else "paused"
    assert span.step is not None
    return f"{span.step.number}. {one_line(span.name or span.kind.removesuffix('_call'))}"


def _words(span: Span, errors: Mapping[int, str]) -> Iterator[str]:
    """Yield what is said behind the bar."""
    for action in span.actions:
        yield _decided(action)
    step = span.step
    if step is None:
        return
    if span.status == "failed":
        yield "failed"
    elif span.status == "started":
        yield "under way" if span.duration is None else "not ended"
    if (step.attempt or 1) > 1:
        yield f"attempt {step.attempt}"
    if step.time_to_first_token is not None:
        yield f"first token {_seconds(step.time_to_first_token)}"
    if step.usage is not None:
        yield f"{step.usage.prompt_tokens} + {step.usage.completion_tokens} tokens"
    yield from (one_line(word) for word in (step.finish_reason, step.cause) if word)
    if step.remembered is not None:
        yield "decided before"
    if (error := errors.get(step.number)) is not None:
        yield one_line(error, SHOWN)


def _decided(action: PendingAction) -> str:
    about = one_line(action.call.name or action.kind.value)
    answer = action.answer
    if answer is None:
        return f"{about}: no answer yet"
    said = {"approve": "approved", "reject": "rejected"}.get(answer.decision or "", "answered")
    if answer.answered_by == EXPIRY:
        return f"{about}: {said}, as nobody did in time"
    who = f" by {one_line(answer.answered_by)}" if answer.answered_by else ""
    took = (
        ""
        if answer.answered_at is None
        else f" after {_seconds((answer.answered_at - action.created_at).total_seconds())}"
    )
    return f"{about}: {said}{who}{took}"


def _seconds(seconds: float) -> str:
    """Return a duration in at most nine characters."""
    if seconds < 100:
        return f"{seconds:.3f} s"
    if seconds < 10_000:
        return f"{seconds:.0f} s"
    return f"{seconds / 3600:.1f} h" if seconds < 360_000 else f"{seconds / 86400:.0f} d"


class _Axis:
    """Where a moment of a run stands in a bar. Waits that take more than half of the time get a fifth of the width."""

    def __init__(self, spans: Sequence[Span], length: float, width: int) -> None:
        self.width = width
        self._waits = [
            (span.start, length if span.duration is None else span.start + span.duration)
            for span in spans
            if span.kind in ("queue", "pause")
        ]
        waited = sum(end - start for start, end in self._waits)
        busy = max(0.0, length - waited)
        self._factor = busy / waited / 4 if waited > length / 2 and busy > 0 else 1.0
        self._total = (busy + waited * self._factor) or 1.0

    def _place(self, at: float) -> float:
        waited = sum(max(0.0, min(at, end) - start) for start, end in self._waits)
        return self.width * (max(0.0, at - waited) + waited * self._factor) / self._total

    def bar(self, span: Span, took: float, glyphs: Glyphs) -> str:
        """Return the bar of a span that took so many seconds: at least one character."""
        if not self.width:
            return ""
        first = min(self.width - 1, int(self._place(span.start)))
        last = max(first + 1, min(self.width, round(self._place(span.start + took))))
        body = (glyphs.wait if span.kind in ("queue", "pause") else glyphs.bar) * (last - first)
        if span.kind == "model_call" and span.step is not None and span.step.time_to_first_token is not None:
            until = min(last - 1, round(self._place(span.start + span.step.time_to_first_token)))
            body = glyphs.first * max(0, until - first) + body[max(0, until - first) :]
        return glyphs.empty * first + body + glyphs.empty * (self.width - last)
