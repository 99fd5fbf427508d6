"""A guest process that misbehaves as it is asked to, in place of an interpreter: ``python`` of a Guest.

It is started as the real one is, and understands the same arguments. ``interpreter(folder, mode)`` makes what a Guest
is given as its ``python``.
"""

import argparse
import fcntl
import json
import os
import socket
import struct
import sys
import threading
import time
from pathlib import Path

if __name__ != "__main__":  # the tests' side
    import shlex

    def interpreter(folder: Path, mode: str) -> str:
        """Return the path of an executable that behaves in this way, in place of what it is asked to run."""
        path = folder / f"guest-{mode}"
        command = shlex.join([sys.executable, __file__, mode])
        path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        path.chmod(0o700)
        return str(path)


def frame(**fields: object) -> bytes:
    payload = json.dumps(fields).encode()
    return struct.pack(">I", len(payload)) + payload


def read(connection: socket.socket) -> dict[str, object]:
    reader = connection.makefile("rb")
    (length,) = struct.unpack(">I", reader.read(4))
    return json.loads(reader.read(length))


HEARTBEAT = frame(kind="heartbeat", lag=0.0, runs=0, memory=10**7, state="ready")


class FakeGuest:
    def __init__(self, mode: str, directory: Path, grace: float) -> None:
        self.mode, self.directory, self.grace = mode, directory, grace
        self.given: list[str] = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(directory / "guest.sock"))
        if mode == "stranger":
            os.seteuid(65534)  # the user that listens is the other side, to those that connect
        self.listener.listen(100)
        if mode == "stranger":
            os.seteuid(0)

    def publish(self) -> None:
        draft = self.directory / "guest.json.new"
        draft.write_text(json.dumps({"pid": os.getpid(), "version": 1}))
        draft.replace(self.directory / "guest.json")

    def serve(self) -> None:
        threading.Thread(target=self.wait_until_unused, daemon=True).start()
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def wait_until_unused(self) -> None:
        users = os.open(self.directory / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        while (self.directory / "guest.json").exists():
            time.sleep(0.1)
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            time.sleep(self.grace)
            break
        os._exit(0)

    def answer(self, connection: socket.socket) -> None:
        first = read(connection)
        if first["kind"] == "control":
            connection.sendall(frame(kind="hello", version=2 if self.mode == "version" else 1, pid=os.getpid()))
            if self.mode == "hangup":
                return
            while True:
                time.sleep(0.5)
                if self.mode != "silent":
                    connection.sendall(HEARTBEAT)
        getattr(self, f"run_{self.mode}")(connection, first["run"])
        connection.close()

    def run_words(self, connection: socket.socket, run: dict[str, str]) -> None:
        connection.sendall(frame(kind="later", what="a kind that only a later version knows"))
        connection.sendall(frame(kind="events", events=["You said: "], later=1))
        connection.sendall(frame(kind="events", events=[run["input"], "."]) + frame(kind="end"))

    def run_pieces(self, connection: socket.socket, run: dict[str, str]) -> None:
        for byte in frame(kind="events", events=["é" * 20]) + frame(kind="end"):
            connection.sendall(bytes([byte]))
            time.sleep(0.001)

    def run_large(self, connection: socket.socket, run: dict[str, str]) -> None:
        connection.sendall(frame(kind="events", events=["x" * 300_000, "y"]) + frame(kind="end"))

    def run_garbage(self, connection: socket.socket, run: dict[str, str]) -> None:
        connection.sendall(frame(kind="events", events=["begun"]) + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    def run_nojson(self, connection: socket.socket, run: dict[str, str]) -> None:
        connection.sendall(frame(kind="events", events=["begun"]) + struct.pack(">I", 4) + b"nope")

    def run_badevent(self, connection: socket.socket, run: dict[str, str]) -> None:
        connection.sendall(frame(kind="events", events=["begun", {"type": "tool_call", "id": 7}]))

    def run_badpause(self, connection: socket.socket, run: dict[str, str]) -> None:
        actions = [{"key": "k", "kind": "client_tool", "tool_name": "x"}]
        connection.sendall(frame(kind="events", events=["begun"]) + frame(kind="paused", actions=actions))

    def run_emptypause(self, connection: socket.socket, run: dict[str, str]) -> None:
        connection.sendall(frame(kind="events", events=["begun"]) + frame(kind="paused", actions=[]))

    def run_closes(self, connection: socket.socket, run: dict[str, str]) -> None:
        connection.sendall(frame(kind="events", events=["begun"]))

    def run_half(self, connection: socket.socket, run: dict[str, str]) -> None:
        connection.sendall(frame(kind="events", events=["begun"]) + frame(kind="end")[:-3])

    def run_version(self, connection: socket.socket, run: dict[str, str]) -> None:
        connection.sendall(frame(kind="refused", reason="this is version 2, and the worker's is 1", code="version"))

    def run_silent(self, connection: socket.socket, run: dict[str, str]) -> None:
        connection.sendall(frame(kind="events", events=["begun"]))
        time.sleep(60)

    run_hangup = run_silent

    def run_deaf(self, connection: socket.socket, run: dict[str, str]) -> None:
        """A task that does not end when it is cancelled."""
        connection.sendall(frame(kind="events", events=["begun"]))
        time.sleep(60)

    def run_busy(self, connection: socket.socket, run: dict[str, str]) -> None:
        """The process takes runs only a second after it started."""
        if time.monotonic() - self.begun < 1:
            connection.sendall(frame(kind="refused", reason="no more runs now", code="busy"))
        else:
            self.run_words(connection, run)

    def run_attached(self, connection: socket.socket, run: dict[str, list[dict[str, str]]]) -> None:
        """The process takes a run when it comes the third time, and says which files it was given."""
        self.given += [one["path"] for one in run["media"]]
        if len(self.given) < 3:
            connection.sendall(frame(kind="refused", reason="no more runs now", code="busy"))
        else:
            connection.sendall(frame(kind="events", events=[" ".join(set(self.given))]) + frame(kind="end"))

    begun = time.monotonic()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("mode")
    parser.add_argument("script")
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--grace", type=float)
    options, _ = parser.parse_known_args()
    if options.mode == "fails":
        sys.exit("this interpreter has no future")
    if os.fork():
        os._exit(0)
    if options.mode == "dies":
        sys.exit("it is not my day")
    guest = FakeGuest(options.mode, options.directory, options.grace)
    guest.publish()
    guest.serve()


if __name__ == "__main__":
    main()
