"""TLS begins in time and fails in JSON; after that all is as without it."""

import json
import shutil
import socket
import ssl
import sys
import time
import urllib.parse
from pathlib import Path

import pytest

from parts.server import ROOT, AgentOSServer

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CERTIFICATE = str(ROOT / "tests" / "parts" / "tls" / "server.pem")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    shutil.copy(Path(__file__).with_name("standin.py"), folder)
    options = ["--certfile", CERTIFICATE, "--keyfile", CERTIFICATE]
    server = AgentOSServer(
        {"AGENTOS_HEADER_TIMEOUT": "1"},
        cwd=folder,
        workers=1,
        command=[sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), *options, "standin:app"],
        wait=False,
    )
    server.wait_for(lambda: "worker ready" in server.log(), 30, "ready")
    with server:
        yield server
    assert "Traceback" not in server.log()


@pytest.fixture
def connection(server):
    address = urllib.parse.urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        yield connection


def test_a_connection_is_kept_and_a_malformed_request_on_it_is_answered(connection):
    context = ssl.create_default_context(cafile=CERTIFICATE)
    context.check_hostname = False
    with context.wrap_socket(connection) as client:
        for _ in range(2):
            client.sendall(GET)
            answer = b""
            while b"pid" not in answer:
                answer += client.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
        client.sendall(b"nonsense\r\n\r\n")

        assert client.recv(65536).startswith(b"HTTP/1.1 400")


def test_who_does_not_speak_tls_is_told_so(connection):
    connection.sendall(GET)

    head, _, body = connection.recv(65536).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400")
    assert json.loads(body)["message"] == "this port speaks TLS; use https"


@pytest.mark.parametrize("hello", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "half"])
def test_a_handshake_that_does_not_end_is_given_up(connection, hello):
    start = time.monotonic()
    connection.sendall(hello)

    assert connection.recv(65536) == b""
    assert 0.8 < time.monotonic() - start < 3


def test_a_handshake_that_is_none_leaves_no_trace_in_the_log(server, connection):
    connection.sendall(b"\x16\x03\x01\x00\x05hello")

    connection.recv(65536)

    assert '"level":"error"' not in server.log()
