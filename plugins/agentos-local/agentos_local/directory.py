"""The private directory in which the processes of a deployment find each other's server."""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agentos import ProviderUnavailable
from agentos_local.server import LOCK_FILE, STATE_FILE, USERS_FILE


@dataclass(frozen=True, slots=True)
class ServerState:
    """A server that is there, and the key that it wants."""

    pid: int
    url: str
    key: str
    model: str
    context: int
    started: float

    def __repr__(self) -> str:
        return f"ServerState(pid={self.pid}, url={self.url!r}, model={self.model!r})"


class RuntimeDirectory:
    """Locks and the server's state, in a directory that is ours alone.

    Raises :class:`~agentos.errors.ProviderUnavailable` where the directory is not: on a shared ``/tmp`` another user
    may have made it, or put a link in its place, to read the key or to have a file overwritten.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def named(cls, name: str, environ: Mapping[str, str] = os.environ) -> RuntimeDirectory:
        """Return the directory of this name, below ``XDG_RUNTIME_DIR`` or the place for temporary files."""
        private = environ.get("XDG_RUNTIME_DIR")
        if private and os.access(private, os.W_OK | os.X_OK):
            return cls(Path(private) / f"agentos-local-{name}")
        return cls(Path(tempfile.gettempdir()) / f"agentos-local-{os.getuid()}-{name}")

    def make(self) -> None:
        """Create the directory where it is missing, and refuse one that others own or may enter."""
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            status = self.path.lstat()
        except OSError as error:
            raise ProviderUnavailable(
                f"the local model has no place for its locks: {error.strerror}; set XDG_RUNTIME_DIR to a directory that"
                " is yours"
            ) from error
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise ProviderUnavailable(
                "the local model's runtime directory is a link, another user's, or open to others; remove it, or set"
                " XDG_RUNTIME_DIR to a directory that is yours"
            )

    def try_server_lock(self) -> int | None:
        """Return the locked descriptor that a server is to hold, or ``None`` while there is one."""
        return self._try_lock(LOCK_FILE, fcntl.LOCK_EX)

    def try_users_lock(self) -> int | None:
        """Return a descriptor that keeps the server alive while it is open, or ``None`` while the server decides."""
        return self._try_lock(USERS_FILE, fcntl.LOCK_SH)

    def is_users_lock(self, descriptor: int) -> bool:
        """Whether the descriptor still is of the file that the server looks at: temporary files get cleaned up."""
        try:
            return os.path.samestat(os.fstat(descriptor), (self.path / USERS_FILE).lstat())
        except OSError:
            return False

    def read_state(self) -> ServerState | None:
        """Return what the server published; ``None`` before that, and after it was asked to stop."""
        try:
            return ServerState(**json.loads((self.path / STATE_FILE).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def remove_state(self) -> None:
        """Forget the server; one that still runs sees this and ends."""
        (self.path / STATE_FILE).unlink(missing_ok=True)

    def users(self) -> list[int] | None:
        """Return the processes that keep the server alive; ``None`` where the system does not tell."""
        try:
            inode = (self.path / USERS_FILE).stat().st_ino
            locks = Path("/proc/locks").read_text("ascii")
        except OSError:
            return None
        return sorted({int(pid) for pid in re.findall(rf"FLOCK +ADVISORY +READ +(\d+) +\S+:{inode} ", locks)})

    def _try_lock(self, name: str, kind: int) -> int | None:
        descriptor = os.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            # Never a lock that waits: under gevent that would stop the whole worker.
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor
