"""A proxy for tests: whatever host it is asked for, it connects to one port of 127.0.0.1."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from parts.socket_server import SocketServer


class Proxy(SocketServer):
    """``requests`` are the request lines it was given, each with its ``Proxy-Authorization``."""

    def __init__(self, port: int) -> None:
        self.requests: list[tuple[str, str | None]] = []
        self._port = port
        super().__init__()
        self.url = f"http://me:pw@{self.authority}"

    def serve(self, client: socket.socket) -> None:
        """Connect a client to the port."""
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        line, *headers = head.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        named = {name.lower(): value for name, value in (header.split(": ", 1) for header in headers)}
        self.requests.append((line, named.get("proxy-authorization")))
        with socket.create_connection(("127.0.0.1", self._port)) as upstream:
            if line.startswith("CONNECT"):
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:
                upstream.sendall(head)
            thread = threading.Thread(target=_pump, args=(client, upstream), daemon=True)
            thread.start()
            _pump(upstream, client)
            thread.join(5)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
