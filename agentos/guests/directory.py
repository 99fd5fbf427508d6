"""The private directory in which the workers of a deployment find a guest process."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
import tempfile
from pathlib import Path

from agentos.deployment_directory import generation, shared_directory

LOCK_FILE = "guest.lock"
"""Locked exclusively while the process exists or is being started: the process inherits the lock."""
USERS_FILE = "users.lock"
"""Locked shared by every worker that uses the process; the process ends when it can lock it exclusively."""
STATE_FILE = "guest.json"
"""There once the process listens; a process ends when its state file is gone or is of another process."""
SOCKET_FILE = "guest.sock"
RUN_FILE = "run.lock"
"""Locked by the run that has an exclusive process for itself."""


class DirectoryRefused(Exception):
    """The directory cannot be made, or is not this user's alone."""


class GuestDirectory:
    """Locks, the socket and the files of one guest process, in a directory that is this user's alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = path / SOCKET_FILE

    def make(self) -> None:
        """Make the directory; refuse one that others own or may enter: they could answer in the guest's place."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = self.path.lstat()
        except OSError as error:
            raise DirectoryRefused(f"{self.path} cannot be made: {error.strerror}") from error
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise DirectoryRefused(f"{self.path} is a link, another user's, or open to others")

    def try_process_lock(self) -> int | None:
        """Return the locked descriptor that a process is to inherit; ``None`` while there is a process."""
        return self._try_lock(LOCK_FILE, fcntl.LOCK_EX)

    def has_process(self) -> bool:
        """Whether a process exists, or is being started."""
        try:
            lock = self.try_process_lock()
        except OSError:  # the directory is gone
            return False
        if lock is not None:
            os.close(lock)
        return lock is None

    def try_users_lock(self) -> int | None:
        """Return a descriptor that keeps the process alive while it is open; ``None`` while the process ends."""
        return self._try_lock(USERS_FILE, fcntl.LOCK_SH)

    def try_run_lock(self) -> int | None:
        """Return a descriptor that has an exclusive process while it is open; ``None`` while another run has it."""
        return self._try_lock(RUN_FILE, fcntl.LOCK_EX)

    def is_users_lock(self, descriptor: int) -> bool:
        """Whether the descriptor is still of the file that the process looks at: temporary files get cleaned up."""
        try:
            return os.path.samestat(os.fstat(descriptor), (self.path / USERS_FILE).lstat())
        except OSError:
            return False

    def process_id(self) -> int | None:
        """Return the id of the process that listens; ``None`` before it does."""
        try:
            return int(json.loads((self.path / STATE_FILE).read_text("utf-8"))["pid"])
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def clear(self) -> None:
        """Take away what an ended process left, before another is started."""
        for name in (STATE_FILE, SOCKET_FILE):
            (self.path / name).unlink(missing_ok=True)

    def _try_lock(self, name: str, kind: int) -> int | None:
        descriptor = os.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            # Never a lock that waits: under gevent that would stop the whole worker.
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor


class GuestsDirectory:
    """The folder of all guest processes: of the deployment, or of this process where it is no worker of one."""

    def __init__(self, path: Path | None = None) -> None:
        self._own = path is None and shared_directory() is None
        self._path = path or shared_directory()

    def of(self, key: str, number: int) -> GuestDirectory:
        """Return the directory of one process of the guests with a key, of this generation of workers."""
        if self._path is None:
            self._path = Path(tempfile.mkdtemp(prefix="agentos-", dir=_short_folder()))
        # Workers after a reload run the code that is there now, and so do their guests.
        return GuestDirectory(self._path / "guests" / f"{generation()}-{key}" / str(number))

    def close(self) -> None:
        """Remove the folder if it is this process's own: its guests end."""
        if self._own and self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
            self._path = None


def _short_folder() -> str:
    """Return a folder for temporary files. A socket's path has at most 107 bytes, of which ours are about 60."""
    folder = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return folder if len(os.fsencode(folder)) <= 45 and os.access(folder, os.W_OK | os.X_OK) else "/tmp"  # noqa: S108
