"""What a log that may not hold prompts and answers says of errors.

An exception's message may quote anything: the argument that a tool choked on, the answer that could not be parsed. Its
type and the lines of code that it came through cannot, and mostly say enough. What else it said is left out, but for
exceptions that speak of code or of the machine.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence

from agentos.errors import ConfigError, PluginError, ShuttingDown, StorageError

OURS = (ConfigError, PluginError, ShuttingDown, StorageError)
"""Errors with messages of our own words, without what users or models say."""

OF_CODE = (AttributeError, ImportError, ModuleNotFoundError, NameError, RecursionError, UnboundLocalError)
"""Exceptions that Python words, about names in the code. Subclasses are others' and may say anything."""

CAUSE = "The above exception was the direct cause of the following exception:"
CONTEXT = "During handling of the above exception, another exception occurred:"
LEFT_OUT = "(what it said is left out; AGENTOS_LOG_CONTENT=1 shows it)"

PIECE = 12  # characters that an error and what was said must have in common to count as quoted


class UntrustedText(str):
    """The message of an error of ours that may quote what others said, behind its first colon, as ours all do.

    A log without content shows ``own``: what stands before the colon, or what is known not to quote a conversation.
    """

    __slots__ = ("own",)

    own: str

    def __new__(cls, whole: str, own: str | None = None) -> UntrustedText:
        """Make one of the whole text and of what may be shown of it."""
        made = super().__new__(cls, whole)
        made.own = whole.partition(": ")[0] if own is None else own
        return made


def without_quotes(message: str, said: Sequence[str]) -> str:
    """Return the message up to where it begins to quote one of the texts."""
    for start in range(len(message) - PIECE + 1):
        if any(message[start : start + PIECE] in text for text in said):
            return f"{message[:start]}…"
    return message


def frames_and_types(error: BaseException) -> str:
    """Return a traceback of an exception and of those that led to it, the first of them first, without their words."""
    parts = [_part(error)]
    seen = {id(error)}
    while True:
        if error.__cause__ is not None:
            error, link = error.__cause__, CAUSE
        elif error.__context__ is not None and not error.__suppress_context__:
            error, link = error.__context__, CONTEXT
        else:
            break
        if id(error) in seen:  # nothing forbids a circle
            break
        seen.add(id(error))
        parts[:0] = [_part(error), link]
    return "\n\n".join(parts)


def _part(error: BaseException) -> str:
    lines = ["Traceback (most recent call last):\n", *traceback.format_tb(error.__traceback__)]
    lines.append(f"{_name(type(error))}: {_words(error)}")
    if isinstance(error, BaseExceptionGroup):
        for number, inner in enumerate(error.exceptions, 1):
            lines.append(f"\n{number}. " + frames_and_types(inner).replace("\n", "\n  "))
    return "".join(lines)


def _words(error: BaseException) -> str:
    if type(error) in OF_CODE or isinstance(error, OURS):
        return str(error)
    if isinstance(error, OSError) and error.errno is not None:
        return f"[Errno {error.errno}] {error.strerror}"  # without the file's name, which a model may have chosen
    return LEFT_OUT


def _name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
