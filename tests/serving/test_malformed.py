"""What is not HTTP, or too much of it, gets a JSON error; the server goes on."""

import json
import shutil
import socket
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from parts.server import AgentOSServer

HOST = b"Host: x\r\n"

CASES = {
    "garbage": (b"\x00\x01\x02\x03 nonsense\r\n\r\n", 400),
    "no version": (b"GET /\r\n\r\n", 400),
    "TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "lower-case method": (b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "HTTP/9.9": (b"GET / HTTP/9.9\r\n" + HOST + b"\r\n", 400),
    "raw UTF-8 in the path": ("GET /ä HTTP/1.1\r\n".encode() + HOST + b"\r\n", 400),
    "long request line": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "many fields": (b"GET / HTTP/1.1\r\n" + b"".join(b"x-%d: 1\r\n" % i for i in range(200)) + b"\r\n", 431),
    "long field": (b"GET / HTTP/1.1\r\n" + HOST + b"x: " + b"a" * 9000 + b"\r\n\r\n", 431),
    "endless header": (b"GET / HTTP/1.1\r\n" + b"x: " + b"a" * 2_000_000, 431),
    "control character in a field": (b"GET / HTTP/1.1\r\n" + HOST + b"x: a\x00b\r\n\r\n", 400),
    "field name with a space": (b"GET / HTTP/1.1\r\n" + HOST + b"x y: 1\r\n\r\n", 400),
    "folded field": (b"GET / HTTP/1.1\r\n" + HOST + b"x: a\r\n b\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "two lengths": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "length and chunks": (
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "negative length": (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400),
    "unknown coding": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: br\r\n\r\n", 501),
    "unknown expectation": (b"POST / HTTP/1.1\r\n" + HOST + b"Expect: cake\r\nContent-Length: 0\r\n\r\n", 417),
    "bad chunk size": (
        b"POST /echo HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n",
        400,
    ),
    "bad chunk end": (b"POST /echo HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n", 400),
    "crash outside of Flask": (b"GET /crash HTTP/1.1\r\n" + HOST + b"\r\n", 500),
    "header that the application made up": (b"GET /header HTTP/1.1\r\n" + HOST + b"\r\n", 500),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("malformed")
    shutil.copy(Path(__file__).with_name("standin.py"), folder)
    with AgentOSServer(cwd=folder, app="standin:app", workers=1) as server:
        yield server


def send(server, data):
    address = urllib.parse.urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(data)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.decode(), body


def alive(server):
    with urllib.request.urlopen(f"{server.url}/", timeout=5) as response:
        return response.status == 200


@pytest.mark.parametrize(("data", "status"), CASES.values(), ids=CASES)
def test_every_answer_is_a_json_error_and_the_worker_lives_on(server, data, status):
    workers = server.worker_pids()

    head, body = send(server, data)

    lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    error = json.loads(body)
    assert int(lines[0].split()[1]) == status
    assert headers["content-type"] == "application/json"
    assert set(error) == {"error", "message", "code", "request_id"}
    assert error["code"] == ("INTERNAL_ERROR" if status == 500 else "INVALID_REQUEST")
    assert headers["x-request-id"] == error["request_id"]
    assert "secret" not in body.decode()
    assert server.worker_pids() == workers
    assert alive(server)


def test_a_crash_is_logged_with_the_request_id_that_the_client_got(server):
    _, body = send(server, CASES["crash outside of Flask"][0])

    def records():
        return [one for one in server.records() if one.get("request_id") == json.loads(body)["request_id"]]

    # The log leaves the worker behind the answer, in a thread of its own.
    server.wait_for(records, what="heard of in the log")
    assert [one["level"] for one in records()] == ["error"]
    assert "the secret of the application" in records()[0]["exception"]


def test_a_client_that_never_reads_its_error_holds_nothing_up(server):
    address = urllib.parse.urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port)) as silent:
        silent.sendall(b"nonsense\r\n\r\n")
        assert alive(server)
