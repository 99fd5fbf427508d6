"""The life of the process: it listens, works while workers use it, and ends itself when none does.

The worker that starts it passes an open, locked file: the lock is held from before the start until the process is gone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import faulthandler
import fcntl
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from agentos_guest.adapters import Adapters, read_registrations
from agentos_guest.control import TICK, memory
from agentos_guest.server import Server, exit_now
from agentos_guest.wire import VERSION

USERS_FILE = "users.lock"
"""Locked shared by every worker that uses the process; the process ends when it can lock it exclusively."""
STATE_FILE = "guest.json"
"""The process id. The process ends when the file is gone or is another's."""
SOCKET_FILE = "guest.sock"

BACKLOG = 512
MEMORY_HARD = 1.5
"""Times the memory limit at which the process ends at once, with its runs."""

logger = logging.getLogger("agentos_guest")


def main(arguments: Sequence[str]) -> None:
    """Serve until no worker uses the process, then end it. The caller returns when the socket listens."""
    options = _options(arguments)
    sys.path[:0] = options.path
    registrations = read_registrations(options.adapters)
    listener = _listen(options.directory / SOCKET_FILE)
    child = os.fork()  # the starter waits for its own child alone: the guest has no parent and leaves no zombie
    if child:
        _publish(options.directory / STATE_FILE, child)
        os._exit(0)
    faulthandler.enable()
    asyncio.run(_Process(options, Adapters(registrations)).serve(listener))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="agentos_guest", description="Run agents for the workers of one deployment.")
    parser.add_argument("--directory", type=Path, required=True, help="where locks, state and socket are")
    parser.add_argument("--number", type=int, default=0, help="which of the guest's processes this is")
    parser.add_argument("--adapters", default="[]", help="JSON: a list of name, path and framework")
    parser.add_argument("--path", action="append", default=[], help="a folder to import from; may be repeated")
    parser.add_argument("--grace", type=float, default=5.0, help="seconds to stay without a user")
    parser.add_argument("--stop-grace", type=float, default=20.0, help="seconds that runs may take after SIGTERM")
    parser.add_argument("--most-runs", type=int, help="runs at once")
    parser.add_argument("--memory-limit", type=int, help="bytes")
    return parser.parse_args(arguments)


class _Process:
    def __init__(self, options: argparse.Namespace, adapters: Adapters) -> None:
        self._options = options
        self._directory: Path = options.directory
        self._adapters = adapters
        self._ending = asyncio.Event()

    async def serve(self, listener: socket.socket) -> None:
        """Serve, and end the process: it never returns, since threads of agents may never end."""
        self._loop = asyncio.get_running_loop()
        self._server = Server(self._adapters, most_runs=self._options.most_runs, give_up=self._give_up)
        self._loop.add_signal_handler(signal.SIGTERM, self._stop, "the process was asked to stop")
        threading.Thread(target=self._watch, name="watch", daemon=True).start()
        accepting = await self._server.listen(listener)
        await self._ending.wait()
        accepting.close()
        (self._directory / SOCKET_FILE).unlink(missing_ok=True)
        give_up = time.monotonic() + self._options.stop_grace
        while self._server.runs and time.monotonic() < give_up:
            await asyncio.sleep(0.05)
        await self._server.cancel_all()
        await self._adapters.close()
        exit_now(0)

    def _stop(self, reason: str) -> None:
        self._server.take_no_more(f"{reason}; it takes no new runs")
        self._ending.set()

    def _give_up(self, reason: str) -> None:
        sys.stderr.write(f"the guest process ends: {reason}\n")
        sys.stderr.flush()
        exit_now(1)

    def _watch(self) -> None:
        """Send heartbeats, and look whether the process is still wanted. In a thread: the loop may be busy."""
        users = os.open(self._directory / USERS_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        used = time.monotonic()
        while True:
            time.sleep(TICK)
            self._server.control.tick()
            self._check_memory()
            if not _is_published(self._directory / STATE_FILE):
                self._loop.call_soon_threadsafe(self._stop, "the process is not published any more")
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                used = time.monotonic()
                continue
            if time.monotonic() - used > self._options.grace and not self._server.runs:
                (self._directory / STATE_FILE).unlink(missing_ok=True)
                (self._directory / SOCKET_FILE).unlink(missing_ok=True)
                exit_now(0)  # still holding the lock: no worker can come back before this process is gone
            fcntl.flock(users, fcntl.LOCK_UN)

    def _check_memory(self) -> None:
        limit = self._options.memory_limit
        if limit is None or (used := memory()) <= limit:
            return
        if used > limit * MEMORY_HARD:
            self._give_up(f"it has {used} bytes of memory, and may have {limit}")
        self._loop.call_soon_threadsafe(self._stop, f"the process has {used} bytes of memory, and may have {limit}")


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)  # of a process that was killed: the lock says that there is none
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def _publish(path: Path, pid: int) -> None:
    draft = path.with_suffix(f".{pid}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"pid": pid, "version": VERSION}, file)
    draft.replace(path)


def _is_published(path: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return bool(json.loads(path.read_text("utf-8"))["pid"] == os.getpid())
    return False
