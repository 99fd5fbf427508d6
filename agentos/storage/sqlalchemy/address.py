"""Database URLs before anything is connected to. Nothing slow is imported, so that the master can check them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

from agentos.errors import ConfigError
from agentos.storage.sqlalchemy.libpq import postgresql_address

SQLITE = ("sqlite", "sqlite+pysqlite")
POSTGRESQL = ("postgresql", "postgresql+psycopg", "postgres")


def scheme_of(url: str) -> str | None:
    """Return the scheme of a URL; ``None`` for a text that does not begin with one."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]{0,39})://", url)
    return match and match[1]


def sqlite_file(url: str) -> Path:
    """Return the file that an SQLite URL names; raises :class:`~agentos.errors.ConfigError`."""
    rest, _, parameters = url.partition("://")[2].partition("?")
    name = rest.removeprefix("/")
    if not rest.startswith("/") or not name or name == ":memory:" or name.startswith("file:"):
        raise ConfigError(
            "AGENTOS_DATABASE_URL names no file: every connection would have a database of its own; accepted:"
            " sqlite:///FILE (relative), sqlite:////DIRECTORY/FILE (absolute), or memory:// to keep nothing"
        )
    if parameters:
        raise ConfigError("AGENTOS_DATABASE_URL has parameters; accepted: sqlite:///FILE without any")
    return Path(unquote(name)).absolute()  # a process that changes directory stays with its file


def check_url(url: str) -> None:
    """Raise :class:`~agentos.errors.ConfigError` for a URL that will not be accepted, or a file that cannot be written.

    Nothing is connected to. A scheme that is not ours is left to the plugin that has it.
    """
    scheme = scheme_of(url)
    if scheme in SQLITE:
        check_writable(sqlite_file(url))
    elif scheme in POSTGRESQL:
        postgresql_address(url)


def check_writable(path: Path) -> None:
    """Raise :class:`~agentos.errors.ConfigError` unless an SQLite file can be made or written at a path.

    SQLite writes beside its file too: the log of what is not in it yet (``-wal``), and the index of that (``-shm``).
    """
    folder = path.parent
    if not folder.is_dir():
        raise ConfigError(f"AGENTOS_DATABASE_URL names a file in {folder}, which is no directory; create it")
    if path.is_dir():
        raise ConfigError(f"AGENTOS_DATABASE_URL names {path}, which is a directory; name a file in it")
    files = (path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm")))
    for place in (folder, *filter(Path.exists, files)):
        if not os.access(place, os.W_OK | (os.X_OK if place is folder else 0)):
            raise ConfigError(
                f"AGENTOS_DATABASE_URL names {path}, but {_why_not(place)}; SQLite writes to the file and beside it,"
                " so give this user the right to, or name a file on a volume that can be written to"
            )


def _why_not(place: Path) -> str:
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        return f"{place} is on a file system that is read-only"
    return f"this process (user {os.geteuid()}) may not write to {place}"
