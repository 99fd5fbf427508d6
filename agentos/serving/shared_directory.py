"""A directory for the files that the workers of one deployment share: made by the master, removed at its end."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

IN_MEMORY = "/dev/shm"  # noqa: S108  # on a slow disk, a write to a mapped file blocks a worker
PREFIX = "agentos-deployment-"
LOCK = "lock"
"""A file that the master holds locked, and the workers that inherit it: so a directory without a process is known."""

log = logging.getLogger(__name__)


class SharedDirectory:
    """One directory with mode 0700. ``path`` is ``None`` if it cannot be made; the server works without it."""

    def __init__(self, base: Path | None = None) -> None:
        self._base = base or (Path(IN_MEMORY) if os.access(IN_MEMORY, os.W_OK) else Path(tempfile.gettempdir()))
        self._pid = os.getpid()
        self._lock: int | None = None
        self.path: Path | None = None
        for left in _left_behind(self._base):
            shutil.rmtree(left, ignore_errors=True)
        try:
            self.path = self._make()
        except OSError as error:
            log.warning(
                "no directory for the files that workers share; what plugins keep there is each worker's own",
                extra={"directory": str(self._base), "reason": error.strerror},
            )

    def remove(self) -> None:
        """Remove it, if this is the process that made it."""
        if self.path is not None and self._pid == os.getpid():
            shutil.rmtree(self.path, ignore_errors=True)

    def _make(self) -> Path:
        made = Path(tempfile.mkdtemp(prefix=f"new-{PREFIX}", dir=self._base))
        self._lock = os.open(made / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # It gets its name once it is locked: before, another server would take it for one that was left behind.
        return made.rename(self._base / made.name.removeprefix("new-"))


def _left_behind(base: Path) -> Iterator[Path]:
    """Yield the directories of this user's deployments that have no process any more: they were killed."""
    for found in base.glob(f"{PREFIX}*"):
        with suppress(OSError):  # another user's, or just removed
            if found.lstat().st_uid != os.getuid() or not _is_free(found / LOCK):
                continue
            yield found


def _is_free(lock: Path) -> bool:
    descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
