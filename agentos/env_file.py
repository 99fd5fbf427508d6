"""Reads ``.env`` of the working directory into the environment. What a line may hold is in :func:`parse`."""

from __future__ import annotations

import os
import re
from collections.abc import MutableMapping
from pathlib import Path

from agentos.errors import ConfigError

ENV_FILE = ".env"
SKIP = "FLASK_SKIP_DOTENV"
"""Flask's own switch: with ``1``, no such file is read. Containers set it, as their settings come from outside."""

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_QUOTED = re.compile(r"""(?:'([^']*)'|"((?:[^"\\]|\\.)*)")\s*(?:#.*)?""")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}

_loaded: dict[str, str] = {}
"""What came from the file, so that a later load can replace it when the file has changed."""


def load_env_file(environ: MutableMapping[str, str] = os.environ, *, path: Path | None = None) -> None:
    """Add the variables of ``.env`` that the environment does not have yet: the environment is stronger.

    Raises :class:`~agentos.errors.ConfigError` naming file and line, never what the line holds: it may be a secret.
    """
    if environ.get(SKIP, "").strip().lower() not in ("", "0", "false", "no"):
        return
    found = _read(path or Path(ENV_FILE))
    for name, value in _loaded.items():
        if environ.get(name) == value:
            del environ[name]
    _loaded.clear()
    for name, value in found.items():
        if name not in environ:
            environ[name] = _loaded[name] = value


def outside_environment() -> dict[str, str]:
    """Return the process's environment without what came from the file: for a process that reads it itself."""
    return {name: value for name, value in os.environ.items() if _loaded.get(name) != value}


def _read(path: Path) -> dict[str, str]:
    try:
        text = path.read_text("utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):  # a directory of this name is a virtual environment
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(
            f"the file {path} cannot be read: {reason}. Repair it, or set {SKIP}=1 to start without it"
        ) from None
    return parse(text, str(path))


def parse(text: str, source: str) -> dict[str, str]:
    r"""Return the variables of a text of lines ``NAME=value``.

    ``export`` may stand before a name, and a comment begins with ``#``. A value in single quotes is taken as it is; in
    double quotes, ``\n``, ``\r``, ``\t``, ``\"``, ``\\`` and ``\$`` are escapes. Nothing is substituted.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        value = None if match is None else _value(match[2])
        if match is None or value is None or "\0" in value:
            raise ConfigError(
                f"line {number} of {source} is not accepted; accepted: NAME=value, NAME='value', NAME=\"value\", and"
                " comments that begin with #"
            )
        values[match[1]] = value
    return values


def _value(text: str) -> str | None:
    """Return the value, or ``None`` if its quotes are not in order."""
    if not text.startswith(("'", '"')):
        return "" if text.startswith("#") else re.split(r"\s#", text, maxsplit=1)[0].strip()
    match = _QUOTED.fullmatch(text)
    if match is None:
        return None
    if match[1] is not None:
        return match[1]
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[0]), match[2])
