"""An OpenAI-compatible model server for tests: real sockets, and every fault that a real one was seen to have.

The model's name chooses the behaviour (see model_behaviours.py), so that server processes under test can use it too.

    with ModelServer() as server:
        client = ChatCompletions(server.url, token_timeout=5)
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from parts.model_behaviours import BEHAVIOURS, MODELS, behave

__all__ = ["BEHAVIOURS", "MODELS", "ModelServer"]


class ClientGone(Exception):
    """The client closed its connection in the middle of an answer."""


class ModelServer:
    """Listens on a free port of 127.0.0.1 from construction until :meth:`stop`.

    ``requests`` are the bodies received by chat completions, ``headers`` those requests' headers (lower case names),
    ``connections_cut`` counts the answers that a client did not wait for, ``connections`` all that were accepted.
    """

    def __init__(self, *, api_key: str | None = None, tls: Any = None) -> None:
        self.api_key = api_key
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.targets: list[str] = []
        self.connections = 0
        self.connections_cut = 0
        self.script: list[Any] = []
        self.calls: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}/v1"
        self._spawn(self._accept)

    def answer(self, *turns: str | Sequence[dict[str, Any]]) -> None:
        """Set what the model ``scripted`` says, call by call: a text, or a list of ``delta`` objects."""
        with self.lock:
            self.script = list(turns)

    def wait_for_cuts(self, count: int = 1, *, timeout: float = 5.0) -> bool:
        """Wait until so many answers were cut; return whether they were."""
        end = time.monotonic() + timeout
        while self.connections_cut < count and time.monotonic() < end:
            time.sleep(0.01)
        return self.connections_cut >= count

    def drop_idle(self) -> None:
        """Close every connection, as a server does that restarts."""
        with self.lock:
            open_now = list(self._open)
        for sock in open_now:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Close everything and wait for the threads."""
        self.stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_idle()
        for thread in list(self._threads):
            thread.join(5)

    def __enter__(self) -> ModelServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _spawn(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self._open.add(sock)
            self._spawn(self._serve, sock)

    def _serve(self, plain: socket.socket) -> None:
        sock = plain
        try:
            plain.settimeout(30)
            sock = self._tls.wrap_socket(plain, server_side=True) if self._tls else plain
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for exchange in _requests(self, sock):
                try:
                    behave(exchange)
                except (ClientGone, OSError):
                    with self.lock:
                        self.connections_cut += not self.stopping.is_set()
                    return
                if exchange.closes:
                    return
        except OSError:
            pass
        finally:
            with self.lock:
                self._open.discard(plain)
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
            plain.close()


def _requests(server: ModelServer, sock: socket.socket) -> Iterator[Exchange]:
    buffer = b""
    while True:
        while b"\r\n\r\n" not in buffer:
            piece = sock.recv(65536)
            if not piece:
                return
            buffer += piece
        head, _, buffer = buffer.partition(b"\r\n\r\n")
        start, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(buffer) < length:
            piece = sock.recv(65536)
            if not piece:
                return
            buffer += piece
        body, buffer = buffer[:length], buffer[length:]
        method, target, _ = start.split(" ")
        yield Exchange(server, sock, method, target, headers, json.loads(body) if body else {})


class Exchange:
    """One request and the means to answer it, well or badly."""

    def __init__(
        self,
        server: ModelServer,
        sock: socket.socket,
        method: str,
        target: str,
        headers: dict[str, str],
        body: dict[str, Any],
    ) -> None:
        self.server = server
        self.sock = sock
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.closes = headers.get("connection") == "close"
        self._chunked = False

    @property
    def model(self) -> str:
        return str(self.body.get("model"))

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(data)

    def head(self, status: int, content_type: str, *, extra: str = "", length: int | None = None) -> None:
        """Send a status and headers; the body is chunked unless its length is given, or -1 for until-close."""
        self._chunked = length is None
        framing = "Transfer-Encoding: chunked\r\n" if length is None else f"Content-Length: {length}\r\n"
        if length == -1:
            framing, self.closes = "Connection: close\r\n", True
        self.send(f"HTTP/1.1 {status} Status\r\nContent-Type: {content_type}\r\n{framing}{extra}\r\n".encode())

    def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        self.send(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def end(self) -> None:
        """End the body in order."""
        if self._chunked:
            self.send(b"0\r\n\r\n")

    def json(self, status: int, value: Any, *, extra: str = "") -> None:
        """Answer with a JSON document."""
        data = json.dumps(value).encode()
        self.head(status, "application/json", extra=extra, length=len(data))
        self.write(data)

    def pause(self, seconds: float) -> None:
        """Wait, and notice when the client closes."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self.server.stopping.is_set():
            self.sock.settimeout(min(left, 0.2))
            try:
                if not self.sock.recv(1):
                    raise ClientGone
            except TimeoutError:
                continue
            finally:
                self.sock.settimeout(30)

    def half_close(self) -> None:
        """End what we send with a FIN, and nothing else."""
        self.closes = True
        self.sock.shutdown(socket.SHUT_WR)
        self.pause_until_closed()

    def pause_until_closed(self) -> None:
        """Wait for the client to close, which is no cut once everything was sent."""
        with suppress(ClientGone, OSError):
            self.pause(5)

    def reset(self) -> None:
        """End the connection with a RST."""
        self.closes = True
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
