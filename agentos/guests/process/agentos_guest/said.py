"""What is said of an error that others raised: all of it, and what a log without prompts and answers shows of it."""

from __future__ import annotations

import traceback

LONGEST_TRACEBACK = 16_000

_OF_CODE = (AttributeError, ImportError, ModuleNotFoundError, NameError, RecursionError, UnboundLocalError)
"""Errors that Python words, about names in the code. Subclasses are others' and may say anything."""


def said_of(error: BaseException) -> dict[str, str]:
    """Return the class of an error, its traceback, and ``places``: the traceback without what others said."""
    return {"error": type(error).__name__, "traceback": _traceback(error), "places": _places(error)}


def _places(error: BaseException) -> str:
    """Return where an error came from: its class and the places in the code, mostly without its words."""
    lines: list[str] = []
    seen: set[int] = set()
    now: BaseException | None = error
    while now is not None and id(now) not in seen:  # nothing forbids a circle
        seen.add(id(now))
        lines.append(": ".join(filter(None, (type(now).__name__, _words(now)))))
        lines += [
            f"  {place.filename}:{place.lineno} in {place.name}" for place in traceback.extract_tb(now.__traceback__)
        ]
        now = now.__cause__ or (None if now.__suppress_context__ else now.__context__)
    return _shortened("\n".join(lines))


def _words(error: BaseException) -> str:
    """Return the words of an error that Python makes, about code or the machine."""
    if isinstance(error, OSError) and error.errno is not None:
        return f"[Errno {error.errno}] {error.strerror}"  # without the file's name, which a model may have chosen
    return str(error) if type(error) in _OF_CODE and all(isinstance(one, str) for one in error.args) else ""


def _traceback(error: BaseException) -> str:
    try:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    except Exception:  # noqa: BLE001  # an error's own __str__ may raise
        text = f"{type(error).__name__} (it has no text)"
    return _shortened(text)


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_TRACEBACK:
        return text
    half = LONGEST_TRACEBACK // 2
    return f"{text[:half]}\n  ...\n{text[-half:]}"
