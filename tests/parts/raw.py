"""A client that sends exactly the bytes it is given, and reads exactly what comes back."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """One answer; names of headers in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the one header of a name; raises where there are several."""
        values = [value for given, value in self.headers if given == name.lower()]
        assert len(values) <= 1, f"{name} is there {len(values)} times: {values}"
        return values[0] if values else None

    def json(self) -> Any:
        return json.loads(self.body)


class RawClient:
    """One connection to a server at ``url``. ``receive_buffer`` makes the system take little that is not read."""

    def __init__(self, url: str, *, receive_buffer: int | None = None, timeout: float = 10) -> None:
        address = urlsplit(url)
        self.socket = socket.socket()
        self.socket.settimeout(timeout)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect((address.hostname, address.port))
        self._received = b""

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> RawClient:
        self.socket.sendall(data)
        return self

    def send_until_refused(self, pieces: Iterable[bytes]) -> int:
        """Send until the server takes no more; return how many bytes went out."""
        sent = 0
        try:
            for piece in pieces:
                self.socket.sendall(piece)
                sent += len(piece)
        except OSError:
            pass
        return sent

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Leave without a word."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def answer(self, method: str = "GET") -> Answer:
        """Return the next answer."""
        while b"\r\n\r\n" not in self._received:
            if not self.receive():
                raise AssertionError(f"the connection ended in a header: {self._received!r}")
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]
        status = int(first.split(" ")[1])
        return Answer(status, headers, self._body(method, status, dict(headers)))

    def answers(self, method: str = "GET") -> list[Answer]:
        """Return all answers until the server ends the connection; fails when it does not end it."""
        answers = []
        while self._received or self.receive():
            answers.append(self.answer(method))
        return answers

    def rest(self) -> bytes:
        """Return what comes until the connection ends, as it is."""
        while self.receive():
            pass
        rest, self._received = self._received, b""
        return rest

    def _body(self, method: str, status: int, headers: dict[str, str]) -> bytes:
        if method == "HEAD" or status in (204, 304) or status < 200:
            return b""
        if "transfer-encoding" in headers:
            assert "content-length" not in headers
            return self._chunks()
        if "content-length" in headers:
            return self._take(int(headers["content-length"]))
        return self.rest()

    def _chunks(self) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self._received:
                assert self.receive(), "the connection ended in a chunk"
            size, _, self._received = self._received.partition(b"\r\n")
            body += self._take(int(size, 16))
            assert self._take(2) == b"\r\n"
            if size == b"0":
                return body

    def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            assert self.receive(), f"the connection ended in a body, {size - len(self._received)} bytes early"
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    def receive(self) -> bool:
        """Receive what is there, at most 64 KiB; return whether the connection goes on."""
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self._received += piece
        return bool(piece)


def ask(url: str, data: bytes, method: str = "GET") -> Answer:
    """Send bytes on a connection of their own, and return the first answer."""
    with RawClient(url) as client:
        return client.send(data).answer(method)
