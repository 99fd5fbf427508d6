"""Whether an SQLite file can be made and written where it is to be."""

from __future__ import annotations

import os
from pathlib import Path

from agentos.errors import ConfigError


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
