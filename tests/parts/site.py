"""Servers on loopback: one that does what it is told, and a canary that must never be asked."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

CERTIFICATES = Path(__file__).parents[1] / "http" / "certificates"

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
EMPTY_GZIP = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


@cache
def _packed(size: int = 200_000_000) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(bytes(10**6)) for _ in range(size // 10**6)) + packer.flush()


class Site:
    """A server that keeps what it was asked. ``/redirect?URL`` and friends say what it does."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0, *, tls: bool = False) -> None:
        self.requests: list[dict[str, Any]] = []
        self.connections = 0
        self.cut_off = threading.Event()
        site = self

        class Handler(_Handler):
            def setup(self) -> None:
                site.connections += 1
                super().setup()

        Handler.site = self
        self._server = _Server((address, port), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATES / "server.pem")
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        host = f"[{address}]" if ":" in address else address
        self.url = f"http{'s' if tls else ''}://{host}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def handle_error(self, *_arguments: Any) -> None:
        """Say nothing: clients that break off are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        said = {"method": self.command, "path": self.path, "headers": dict(self.headers.items())}
        self.site.requests.append({**said, "body": self.rfile.read(length).decode()})
        path, _, argument = self.path.partition("?")
        with suppress(ConnectionError):
            getattr(self, f"_{path.strip('/') or 'hello'}")(argument)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    def _hello(self, _argument: str) -> None:
        self._send(b"hello")

    def _echo(self, _argument: str) -> None:
        self._send(json.dumps(self.site.requests[-1]).encode(), "application/json")

    def _status(self, argument: str) -> None:
        self._send(b"so it is", status=int(argument))

    def _redirect(self, argument: str) -> None:
        status, _, url = argument.partition(",")
        self._send(b"x" * 100_000, status=int(status), Location=url)

    def _moved(self, argument: str) -> None:
        # As it is in the header's bytes, which are UTF-8 in practice: names and spaces are not always encoded.
        self.wfile.write(f"HTTP/1.1 302 Found\r\nLocation: {unquote(argument)}\r\n\r\n".encode())

    def _raw(self, argument: str) -> None:
        self.wfile.write(unquote(argument).encode())

    def _type(self, argument: str) -> None:
        self._send(b"caf\xe9\0", argument)

    def _bytes(self, argument: str) -> None:
        self._send(b"x" * int(argument))

    def _bomb(self, argument: str) -> None:
        packed, encoding = _packed(), "gzip"
        if argument != "gzip":
            packed, encoding = gzip.compress(packed), "gzip, gzip"
        self._send(packed, **{"Content-Encoding": encoding})

    def _bad(self, _argument: str) -> None:
        self._send(b"this is not gzip", **{"Content-Encoding": "gzip"})

    def _cut(self, _argument: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"a part")

    def _trickle(self, argument: str) -> None:
        try:
            self.wfile.write(b"HTTP/1.0 200 OK\r\n" + (b"" if argument == "headers" else b"\r\n"))
            for _ in range(200):
                self.wfile.write(b"X" if argument != "headers" else b"X-A: b\r\n")
                self.wfile.flush()
                time.sleep(0.05)
        except OSError:
            self.site.cut_off.set()

    def _picture(self, argument: str) -> None:
        self._send(PICTURE, argument or "image/png")

    def _silent(self, _argument: str) -> None:
        self.rfile.read(1)  # nothing comes until the other side goes away
        self.site.cut_off.set()

    def _flood(self, argument: str) -> None:
        head = b"HTTP/1.1 200 OK\r\n"
        begin, more = {
            "body": (head + b"\r\n", b"x" * 65536),
            "line": (head + b"X: ", b"x" * 65536),
            "headers": (head, b"X: y\r\n" * 10_000),
            "continues": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2_000),
            "trailers": (head + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"X: y\r\n" * 10_000),
            "chunks": (head + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 10_000),
            # Empty blocks (RFC 1951, section 3.2.4): a body that is sent for ever and inflates to nothing.
            "nothing": (head + b"Content-Encoding: gzip\r\n\r\n" + EMPTY_GZIP, b"\0\0\0\xff\xff" * 10_000),
        }[argument]
        try:
            self.wfile.write(begin)
            for _ in range(10_000):
                self.wfile.write(more)
        except OSError:
            self.site.cut_off.set()

    def _send(self, body: bytes, content_type: str = "text/plain", *, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None: ...


class Names:
    """A resolver that says what it is told, one answer after the other, and keeps what it was asked."""

    def __init__(
        self, answers: Mapping[str, Sequence[Sequence[str]]] | None = None, **more: Sequence[Sequence[str]]
    ) -> None:
        named = {**(answers or {}), **{name.replace("_", "."): answer for name, answer in more.items()}}
        self._answers = {name: list(answer) for name, answer in named.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self._answers.get(host)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return answers.pop(0) if len(answers) > 1 else answers[0]
