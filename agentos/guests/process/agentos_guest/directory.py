"""The files by which workers find the process. Only its user may enter their directory.

The worker that starts the process passes an open file that is locked: the lock is held from before the start until the
process is gone, however it ends, so that the worker that gets the lock knows that there is no process.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import socket
from pathlib import Path

from agentos_guest.forks import forget, keep_from_children
from agentos_guest.wire import VERSION

LOCK_FILE = "guest.lock"
"""Locked exclusively while the process exists or is being started."""
USERS_FILE = "users.lock"
"""Locked shared by every worker that uses the process; the process ends when it can lock it exclusively."""
RETIRED_FILE = "retired.lock"
"""Locked exclusively by a process that another one has taken the place of, until its last run has ended."""
STATE_FILE = "guest.json"
"""The process id. The process ends when the file is gone or is another's."""
SOCKET_FILE = "guest.sock"

BACKLOG = 512


class Directory:
    """The directory of one process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state = path / STATE_FILE
        self._socket = path / SOCKET_FILE
        self._lock: io.FileIO | None = None
        self._retired: io.FileIO | None = None

    def listen(self) -> socket.socket:
        """Return the listening socket, in place of that of a process that was killed."""
        self._socket.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listener.bind(str(self._socket))
        finally:
            os.umask(before)
        listener.listen(BACKLOG)
        listener.setblocking(False)
        return listener

    def publish(self, pid: int) -> None:
        """Have workers find a process, which listens."""
        draft = self._state.with_suffix(f".{pid}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"pid": pid, "version": VERSION}, file)
        draft.replace(self._state)

    def is_published(self) -> bool:
        """Return whether workers find this process. True while that cannot be read: there may be no free descriptor."""
        try:
            pid = json.loads(self._state.read_text("utf-8"))["pid"]
        except FileNotFoundError:
            return False
        except (OSError, ValueError, KeyError):
            return True
        return bool(pid == os.getpid()) and self._socket.exists()

    def withdraw(self) -> None:
        """Remove what workers find this process by, unless it is another's by now."""
        if self.is_published():
            self._state.unlink(missing_ok=True)
            self._socket.unlink(missing_ok=True)

    def keep_lock(self) -> None:
        """Keep the lock that the starter passed from the processes that agents start: those may live longer."""
        descriptor = _find(self._path / LOCK_FILE)
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
            self._lock = io.FileIO(descriptor, "r+")
            keep_from_children(self._lock)

    def release(self) -> None:
        """Let another process be started in place of this one."""
        if self._lock is not None:
            forget(self._lock)
            self._lock.close()
            self._lock = None

    def retire(self) -> bool:
        """Say that another process takes the place of this one; return False while another one is retired."""
        descriptor = self._open(RETIRED_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._retired = io.FileIO(descriptor, "r+")
        keep_from_children(self._retired)
        return True

    def open_users(self) -> int:
        """Return the descriptor for :meth:`has_users`."""
        return self._open(USERS_FILE)

    def has_users(self, descriptor: int) -> bool:
        """Return whether a worker uses the process. If none does, none can begin to until :meth:`welcome_users`."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False

    def welcome_users(self, descriptor: int) -> None:
        """Let workers use the process again."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _open(self, name: str) -> int:
        return os.open(self._path / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _find(path: Path) -> int | None:
    """Return the descriptor, beyond the standard ones, of an open file."""
    try:
        descriptors = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        descriptors = list(range(256))
    for descriptor in descriptors:
        try:
            if descriptor > 2 and os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except OSError:  # not open any more, or no lock file at all
            continue
    return None
