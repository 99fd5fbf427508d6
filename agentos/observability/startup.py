"""How a start that failed is reported: one line on standard error, without a traceback."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from agentos.domain.text import one_line
from agentos.errors import AgentOSError, ConfigError
from agentos.observability.redaction import redact

_OURS = str(Path(__file__).parents[1]) + os.sep


def error_line(message: str) -> str:
    """Return the line that a failed start ends in: no secrets, no characters that a terminal obeys."""
    return f"Error: {one_line(redact(message))}"


@contextmanager
def one_line_exit() -> Iterator[None]:
    """End the program with one line on standard error where what is done within raises ``ConfigError``."""
    try:
        yield
    except ConfigError as error:
        raise SystemExit(error_line(error.message_to_operator)) from error


def place_of(error: BaseException) -> str:
    """Return where a user's own code raised, as `` (server.py, line 12)``; empty if only ours and Python's did."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        installed = frame.filename.startswith((_OURS, "<", sys.prefix + os.sep, sys.base_prefix + os.sep))
        if not installed and "site-packages" not in frame.filename:
            return f" ({Path(frame.filename).name}, line {frame.lineno})"
    return ""


def report_errors_in_one_line() -> None:
    """Make a program that ends with an error of ours say so in one line. Other errors keep their traceback.

    An interactive session and ``AGENTOS_DEBUG`` keep all tracebacks.
    """
    if getattr(sys.excepthook, "agentos", False) or hasattr(sys, "ps1") or sys.flags.interactive:
        return
    before = sys.excepthook

    def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, AgentOSError) and not os.environ.get("AGENTOS_DEBUG"):
            sys.stdout.flush()
            print(error_line(f"{error.message_to_operator}{place_of(error)}"), file=sys.stderr, flush=True)  # noqa: T201
        else:
            before(kind, error, trace)

    report.agentos = True  # type: ignore[attr-defined]  # so that it is set once
    sys.excepthook = report
