"""Starts a guest process and speaks its protocol as a worker does, so that it is tested without a server.

with GuestProcess(path=[folder]) as guest:
    assert guest.run("agents:words", "say 3 a").text == "a-0 a-1 a-2 "
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import agentos.guests
from parts.waiting import until

PROGRAM = Path(agentos.guests.__file__).with_name("process") / "agentos_guest" / "__main__.py"
LAST = ("end", "failed", "paused", "cancelled", "refused", "result", "description")


@dataclass
class Outcome:
    """All that came on one connection."""

    events: list[Any] = field(default_factory=list)
    logs: list[dict[str, Any]] = field(default_factory=list)
    dropped: int = 0
    frames: int = 0
    last: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The answer."""
        return "".join(event for event in self.events if isinstance(event, str))

    @property
    def kind(self) -> str:
        """How it ended."""
        return str(self.last.get("kind"))

    def of(self, type: str) -> list[dict[str, Any]]:
        """Return the events of one type."""
        return [event for event in self.events if not isinstance(event, str) and event["type"] == type]

    def add(self, frame: dict[str, Any]) -> None:
        """Take one frame in."""
        self.frames += 1
        match frame["kind"]:
            case "events":
                self.events += frame["events"]
            case "log":
                self.logs += frame["lines"]
                self.dropped += frame["dropped"]
            case kind if kind in LAST:
                self.last = frame


class Connection:
    """One connection, with blocking reads."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))

    def send(self, frame: Mapping[str, Any]) -> None:
        """Send a frame."""
        data = json.dumps(frame).encode()
        self.socket.sendall(len(data).to_bytes(4, "big") + data)

    def receive(self) -> dict[str, Any] | None:
        """Return the next frame, ``None`` at the end."""
        head = self._read(4)
        if head is None:
            return None
        data = self._read(int.from_bytes(head, "big"))
        assert data is not None
        frame = json.loads(data)
        assert isinstance(frame, dict)
        return frame

    def frames(self) -> Iterator[dict[str, Any]]:
        """Yield what comes until the end."""
        while (frame := self.receive()) is not None:
            yield frame

    def outcome(self) -> Outcome:
        """Return all that comes until the end."""
        outcome = Outcome()
        for frame in self.frames():
            outcome.add(frame)
        return outcome

    def cancel(self) -> None:
        """Say that the work is not wanted any more."""
        self.send({"kind": "cancel"})
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection as a worker does that is killed: what it has not read makes it a reset."""
        assert self.socket.recv(1, socket.MSG_PEEK)
        self.socket.close()

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def _read(self, count: int) -> bytes | None:
        data = b""
        while len(data) < count:
            piece = self.socket.recv(min(count - len(data), 1 << 20))
            if not piece:
                return None
            data += piece
        return data


class GuestProcess:
    """A guest process with this process as its only user. ``adapters`` are (name, path, framework)."""

    def __init__(
        self,
        *,
        path: Sequence[Path | str] = (),
        adapters: Sequence[tuple[str, Path | str, str]] = (),
        python: Path | str = sys.executable,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="guest-")
        self.directory = Path(self._folder.name)
        registered = [{"name": name, "path": str(file), "framework": module} for name, file, module in adapters]
        newer = "import sys; print(sys.version_info >= (3, 11))"
        safe = subprocess.run([python, "-c", newer], capture_output=True, text=True, check=True).stdout
        self._command = [str(python), *(["-P"] if "True" in safe else []), str(PROGRAM)]
        self._command += ["--directory", str(self.directory), "--adapters", json.dumps(registered)]
        self._command += [word for folder in path for word in ("--path", str(folder))]
        self._command += ["--grace", "1", *arguments]
        kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
        self._environment = {name: os.environ[name] for name in kept if name in os.environ} | dict(environment or {})
        self._users = -1
        self._connections: list[Connection] = []

    @property
    def socket_path(self) -> Path:
        """Where the process listens."""
        return self.directory / "guest.sock"

    @property
    def pid(self) -> int:
        """The process."""
        return int(json.loads((self.directory / "guest.json").read_text())["pid"])

    @property
    def log(self) -> str:
        """What the process wrote to where its starter sent its output."""
        return (self.directory / "guest.log").read_text()

    def start(self) -> None:
        """Start the process; it listens when this returns."""
        self._users = os.open(self.directory / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._users, fcntl.LOCK_SH)
        lock = os.open(self.directory / "guest.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with (self.directory / "guest.log").open("a+b") as log:
            started = subprocess.run(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,
                timeout=30,
                check=False,
            )
        os.close(lock)
        assert started.returncode == 0, self.log

    def is_running(self) -> bool:
        """Return whether the process is there: it holds its lock."""
        lock = os.open(self.directory / "guest.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def leave(self) -> None:
        """Use the process no more."""
        os.close(self._users)
        self._users = -1

    def stop(self) -> None:
        """Kill the process, if it is still there."""
        for connection in self._connections:
            connection.close()
        if self._users >= 0:
            self.leave()
        if self.is_running():
            with suppress(OSError, ValueError):
                os.kill(self.pid, signal.SIGKILL)
            until(lambda: not self.is_running())
        self._folder.cleanup()

    def connect(self) -> Connection:
        """Return a new connection."""
        self._connections.append(Connection(self.socket_path))
        return self._connections[-1]

    def open(self, first: Mapping[str, Any]) -> Connection:
        """Return a new connection with its first frame sent."""
        connection = self.connect()
        connection.send({"version": 1, **first})
        return connection

    def begin(self, target: str, input: str = "hello", **run: Any) -> Connection:
        """Start a run; ``run`` are further fields of it."""
        given = {"id": "run_1", "agent_id": "agent", "input": input, "seconds": 60, **run}
        return self.open({"kind": "run", "target": target, "run": given})

    def run(self, target: str, input: str = "hello", **run: Any) -> Outcome:
        """Return all of a run."""
        return self._all(self.begin(target, input, **run))

    def call(self, target: str, **call: Any) -> Outcome:
        """Return the outcome of a call of a function."""
        return self._all(self.open({"kind": "call", "target": target, "seconds": 60, **call}))

    def describe(self, target: str) -> dict[str, Any]:
        """Return the last frame of a description."""
        return self._all(self.open({"kind": "describe", "target": target})).last

    def _all(self, connection: Connection) -> Outcome:
        try:
            return connection.outcome()
        finally:
            connection.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
