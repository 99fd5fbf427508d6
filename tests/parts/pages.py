"""Pages of the documentation as programs: their fenced blocks, in order, with the notes for tests before them.

A note is an HTML comment on a line of its own, which readers do not see:

    <!-- not run: REASON -->     the next block is not run
    <!-- server: NAME=VALUE -->  the reader (re)starts the server here, with these settings
    <!-- stop: -->               the reader stops the server here
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "tutorial").glob("*.md")),
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
    *sorted((ROOT / "docs" / "explanation").glob("*.md")),
    *sorted((ROOT / "plugins").glob("*/README.md")),
    ROOT / "testing" / "README.md",
]
NOTES = ("not run", "server", "stop")

_PARTS = re.compile(
    r"^<!-- (?P<kind>[a-z ]+):(?P<note>.*?)-->$"
    r"|^(?P<indent> *)```(?P<language>\S*)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
_FILE = re.compile(r"(?:#|//) ((?:[\w.-]+/)*[\w.-]+\.\w+)\n")


@dataclass(frozen=True, slots=True)
class Note:
    """What the reader does by hand."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. ``file`` is its name where its first line is a comment with one."""

    line: int
    language: str
    text: str
    file: str | None = None
    not_run: str | None = None


def name_of(page: Path) -> str:
    """Return a page's path as tests show it."""
    return page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name


def steps_of(page: Path) -> Iterator[Note | Block]:
    """Yield the blocks of a page and the notes before them, from top to bottom."""
    source = page.read_text("utf-8")
    reason = None
    for part in _PARTS.finditer(source):
        line = source.count("\n", 0, part.start()) + 1
        if kind := part["kind"]:
            assert kind in NOTES, f"{name_of(page)}:{line}: a note is one of {', '.join(NOTES)}, not {kind!r}"
            if kind == "not run":
                reason = part["note"].strip()
            else:
                yield Note(kind, part["note"].strip())
            continue
        text = re.sub(rf"^{part['indent']}", "", part["text"], flags=re.MULTILINE)
        file = _FILE.match(text)
        yield Block(line, part["language"], text, file[1] if file else None, reason)
        reason = None


def blocks_of(page: Path, language: str) -> list[Block]:
    """Return the blocks of one language."""
    return [step for step in steps_of(page) if isinstance(step, Block) and step.language == language]
