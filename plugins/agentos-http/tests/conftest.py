"""Servers on loopback: one that does what it is told, and a canary that must never be asked."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from agentos_http.client import HttpClient
from agentos_http.guard import HostPolicy

CERTIFICATES = Path(__file__).parent / "certificates"


def _pack(size: int) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(bytes(10**6)) for _ in range(size // 10**6)) + packer.flush()


PACKED = _pack(200_000_000)


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
        self.url = f"http{'s' if tls else ''}://{address}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

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

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    def _hello(self, _argument: str) -> None:
        self._send(b"hello")

    def _echo(self, _argument: str) -> None:
        self._send(json.dumps(self.site.requests[-1]).encode(), "application/json")

    def _status(self, argument: str) -> None:
        self._send(b"so it is", status=int(argument))

    def _redirect(self, argument: str) -> None:
        status, _, url = argument.partition(",")
        self._send(b"x" * 100_000, status=int(status), Location=url)

    def _type(self, argument: str) -> None:
        self._send(b"caf\xe9\0", argument)

    def _bytes(self, argument: str) -> None:
        self._send(b"x" * int(argument))

    def _bomb(self, argument: str) -> None:
        packed, encoding = (PACKED, "gzip") if argument == "gzip" else (gzip.compress(PACKED), "gzip, gzip")
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

    def _send(self, body: bytes, content_type: str = "text/plain", *, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None: ...


@pytest.fixture
def serve() -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def one(*arguments: Any, **options: Any) -> Site:
        try:
            made.append(Site(*arguments, **options))
        except OSError as error:
            pytest.skip(f"only 127.0.0.1 is this machine's here: {error}")
        return made[-1]

    yield one
    for site in made:
        site.close()


@pytest.fixture
def site(serve: Callable[..., Site]) -> Site:
    return serve()


@pytest.fixture
def client() -> HttpClient:
    """One that may reach the servers here, and nothing else of this machine."""
    return HttpClient(policy=HostPolicy(ports=None, allow_networks=(ip_network("127.0.0.1/32"),)), timeout=5)


@pytest.fixture
def outsider() -> HttpClient:
    """One with the policy of a deployment, but for the ports, so that only the addresses keep it out."""
    return HttpClient(policy=HostPolicy(ports=None), timeout=3)


class Names:
    """A resolver that says what it is told, one answer after the other, and keeps what it was asked."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name.replace("_", "."): list(answer) for name, answer in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self._answers.get(host)
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def names() -> type[Names]:
    return Names


@contextmanager
def within(seconds: float) -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


@pytest.fixture(name="within")
def within_fixture() -> Callable[[float], Any]:
    return within


@pytest.fixture(scope="session")
def authority() -> str:
    return str(CERTIFICATES / "ca.pem")
