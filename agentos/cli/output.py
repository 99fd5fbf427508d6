"""What commands write: JSON for programs, tables and lines for people."""

from __future__ import annotations

import codecs
import io
import json
import os
import shutil
import sys
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TextIO

import click

from agentos.domain.text import CONTROL, escape_controls, one_line

NARROWEST = 14
"""Characters, the gap included, below which a column of a table is not squeezed: a narrow terminal wraps it instead."""

GAP = "  "

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def printable(text: str) -> str:
    """Return the text with characters that a terminal would obey written as escapes; tabs and line feeds stay."""
    return escape_controls(text.replace("\r\n", "\n"), keep="\t\n")


def error_line(message: str) -> str:
    """Return the message of an error on one line that a terminal may be shown, without secrets."""
    from agentos.observability.redaction import redact

    return one_line(redact(message))


def is_coloured(stream: TextIO) -> bool:
    """Tell whether the stream is a terminal and its user did not ask for plain text (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON that a terminal may be shown: what it would obey is escaped, which JSON allows."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return CONTROL.sub(lambda match: match[0] if match[0] == "\n" else f"\\u{ord(match[0]):04x}", text)


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(json_text(value, indent=2))


def print_fields(document: Mapping[str, Any], *, width: int, hidden: Container[Any]) -> None:
    """Print each member of a document on a line; not those with a hidden value."""
    for key, value in document.items():
        if value not in hidden:
            click.echo(f"{key + ':':<{width}}{one_line(value if isinstance(value, str) else json_text(value))}")


def print_list(
    name: str,
    documents: Sequence[Any],
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    as_json: bool,
    empty: str | None = None,
    **more: Any,
) -> None:
    """Print documents as JSON under their name, their count, and ``more``; or rows of a table, or ``empty`` on stderr.

    A terminal wraps what is too wide, but not the first column, which is there to be copied. Where the output is not a
    terminal nothing is wrapped or cut: a row is a line.
    """
    if as_json:
        print_json({name: documents, "count": len(documents), **more})
        return
    lines = [[one_line(cell) for cell in row] for row in rows]
    if not lines:
        click.echo(empty or f"No {name}.", err=True)
    elif sys.stdout.isatty():
        _print_table(columns, lines)
    else:
        _print_aligned([columns, *lines])


def _print_table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    widest = max(len(line[0]) for line in lines)
    needed = widest + NARROWEST * (len(columns) - 1)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", min_width=None if number else widest)
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    buffer = io.StringIO()
    Console(
        file=buffer,
        width=max(shutil.get_terminal_size().columns, needed),
        color_system="standard" if is_coloured(sys.stdout) else None,
    ).print(table)
    for line_of_table in buffer.getvalue().splitlines():
        click.echo(line_of_table.rstrip())


def _print_aligned(lines: Sequence[Sequence[str]]) -> None:
    """Print lines with their cells below one another: many, which a table for people takes a long time for."""
    from rich.cells import cell_len

    sizes = [[cell_len(cell) for cell in line] for line in lines]
    widths = [max(column) for column in zip(*sizes, strict=True)]
    for line, taken in zip(lines, sizes, strict=True):
        padded = (cell + " " * (width - size) for cell, size, width in zip(line, taken, widths, strict=True))
        click.echo(GAP.join(padded).rstrip())


def escape_unencodable() -> None:
    """Write characters that the encoding of standard output lacks as JSON escapes; else each ends with a traceback."""
    codecs.register_error("agentos.escape", _escaped)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="agentos.escape")


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(rf"\u{units[place : place + 4]}" for place in range(0, len(units), 4)), error.end


def discard_output() -> None:
    """Discard what standard output still holds: Python would try to write it at its end, and fail again."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def short_time(time: datetime | None) -> str:
    """Return a time as tables show it: UTC, to the second."""
    return "" if time is None else f"{time:%Y-%m-%d %H:%M:%S}Z"
