"""Draws a run's timeline in a terminal: a tree of its calls, each with a bar on one axis of time."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TextIO

import click

from agentos.cli.output import is_coloured
from agentos.cli.run_tree import Node, seconds_text

WIDTH = 100
"""Columns where the output is no terminal and ``COLUMNS`` is not set."""

MOST_NAME = 36
LEAST_BAR, MOST_BAR = 10, 32
NARROW = 50
"""Columns below which there are no bars."""

SECONDS = 10
"""Columns of the seconds."""

COLOURS = {"queue": "yellow", "model_call": "blue", "tool_call": "green", "pause": "yellow", "run": "cyan"}


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
    cut: str
    """Behind a name that is cut."""


UNICODE = Glyphs("├─ ", "└─ ", "│  ", "█", "▒", "░", "·", "…")
ASCII = Glyphs("|- ", "`- ", "|  ", "#", "+", "~", ".", ">")


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
        encoding, glyphs = getattr(stream, "encoding", None) or "ascii", UNICODE
        try:
            "├└│█▒░·".encode(encoding)
        except (UnicodeError, LookupError):
            encoding, glyphs = "ascii", ASCII

        def writable(text: str) -> str:
            return text.encode(encoding, "backslashreplace").decode(encoding)

        return cls(max(width, 20), glyphs, is_coloured(stream), writable)


def draw(nodes: Sequence[Node], length: float, screen: Screen) -> Iterator[str]:
    """Yield the lines. ``length`` is the run's in seconds. Long waits are drawn shorter than they were."""
    from rich.cells import cell_len

    rows = list(_rows(nodes, screen.glyphs, ""))
    widest = max((cell_len(row.prefix) + cell_len(screen.writable(row.node.name)) for row in rows), default=0)
    name = min(widest, MOST_NAME, screen.width // 2 - 2)
    bar = min(MOST_BAR, screen.width - name - SECONDS - 2) if screen.width >= NARROW else 0
    axis = _Axis(nodes, length, bar if bar >= LEAST_BAR else 0)
    for row in rows:
        yield from _lines(row, name, axis, length, screen)


class _Row(NamedTuple):
    prefix: str
    """What stands before the name."""
    below: str
    """What stands before the lines below it."""
    node: Node


def _rows(nodes: Sequence[Node], glyphs: Glyphs, before: str) -> Iterator[_Row]:
    for place, node in enumerate(nodes):
        is_last = place == len(nodes) - 1
        rest = before + ("   " if is_last else glyphs.line)
        branch = before + (glyphs.last if is_last else glyphs.branch)
        yield _Row(branch, rest + (glyphs.line if node.below else "   "), node)
        yield from _rows(node.below, glyphs, rest)


def _lines(row: _Row, name: int, axis: _Axis, length: float, screen: Screen) -> Iterator[str]:
    from rich.cells import cell_len, set_cell_size

    node = row.node
    shown = row.prefix + screen.writable(node.name)
    if cell_len(shown) > name:
        shown = set_cell_size(shown, name - 1) + screen.glyphs.cut
    took = node.duration if node.duration is not None else max(0.0, length - node.start)
    seconds = f"{seconds_text(took)}{'' if node.duration is not None else '+'}"
    drawn = axis.bar(node, took, screen.glyphs)
    if screen.coloured:
        drawn = click.style(drawn, fg="red" if node.failed else COLOURS[node.kind])
    line = f"{set_cell_size(shown, name)} {drawn}{seconds:>{SECONDS}}"
    words = screen.writable(", ".join(node.words))
    used = name + 1 + axis.width + SECONDS
    if not words:
        yield line
    elif used + 2 + cell_len(words) <= screen.width:
        yield f"{line}  {words}"
    else:
        yield line
        room = max(10, screen.width - len(row.below) - 2)
        for part in textwrap.wrap(words, room, break_on_hyphens=False):
            yield f"{row.below}  {part}"


class _Axis:
    """Where a moment of a run stands in a bar. Waits that take more than half of the time get a fifth of the width."""

    def __init__(self, nodes: Sequence[Node], length: float, width: int) -> None:
        self.width = width
        self._waits = [
            (node.start, length if node.duration is None else node.start + node.duration)
            for node in nodes
            if node.kind in ("queue", "pause")
        ]
        waited = sum(end - start for start, end in self._waits)
        busy = max(0.0, length - waited)
        self._factor = busy / waited / 4 if waited > length / 2 and busy > 0 else 1.0
        self._total = (busy + waited * self._factor) or 1.0

    def _place(self, at: float) -> float:
        waited = sum(max(0.0, min(at, end) - start) for start, end in self._waits)
        return self.width * (max(0.0, at - waited) + waited * self._factor) / self._total

    def bar(self, node: Node, took: float, glyphs: Glyphs) -> str:
        """Return the bar of what took so many seconds: at least one character."""
        if not self.width:
            return ""
        first = min(self.width - 1, int(self._place(node.start)))
        last = max(first + 1, min(self.width, round(self._place(node.start + took))))
        body = (glyphs.wait if node.kind in ("queue", "pause") else glyphs.bar) * (last - first)
        if node.first is not None:
            light = max(0, min(last - 1, round(self._place(node.start + node.first))) - first)
            body = glyphs.first * light + body[light:]
        return glyphs.empty * first + body + glyphs.empty * (self.width - last)
