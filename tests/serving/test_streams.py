"""Streams of runs over real connections: what is delivered directly arrives, to whoever reads, however they read."""

import json
import shutil
import socket
import ssl
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from agentos.testing.sse import SSEReader
from parts.client import Client
from parts.raw import RawClient
from parts.server import ROOT, AgentOSServer
from serving.test_responses import segments

SETTINGS = {
    "AGENTOS_MAX_OUTPUT_SIZE": "32MiB",
    "AGENTOS_PLUGINS": "none",
    "AGENTOS_ALLOW_ANONYMOUS": "1",
}
LITTLE = 16 * 1024
"""What the system of a client takes that does not read, about."""

CERTIFICATE = str(ROOT / "tests" / "parts" / "tls" / "server.pem")


def start(folder, *options, **settings):
    """Start a server of the agents in streaming_app.py."""
    shutil.copy(Path(__file__).with_name("streaming_app.py"), folder)
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), *options, "streaming_app:app"]
    server = AgentOSServer({**SETTINGS, **settings}, cwd=folder, workers=1, command=command, wait=False)
    try:
        server.wait_for(lambda: "worker ready" in server.log(), 60, "ready")
    except BaseException:
        server.kill()
        raise
    return server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with start(tmp_path_factory.mktemp("streams")) as server:
        yield server
    assert "Traceback" not in server.log()
    assert '"level":"error"' not in server.log()


@pytest.fixture
def url(server):
    return server.url


def request(path, version="1.1", **body):
    """Return a request for a run, with this in its body."""
    data = json.dumps({"input": "go", **body}).encode()
    head = f"POST /api/v1/agents/{path} HTTP/{version}\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


def follow(run_id):
    return f"GET /api/v1/runs/{run_id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def begun(client):
    """Wait for the beginning of an answer, without taking it; return its run's id."""
    head = ""
    while "\r\n\r\n" not in head:
        head = client.socket.recv(1000, socket.MSG_PEEK).decode()
    assert head.startswith("HTTP/1.1 200")
    return head.split("X-Run-ID: ")[1].split("\r\n")[0]


def events(answer):
    """Return the events of a stream that came to its end, whole and in order."""
    fields = {line.partition(b": ")[0] for line in answer.body.split(b"\n") if line}
    assert fields <= {b"id", b"event", b"data", b"retry"}
    found = list(SSEReader().feed(answer.body))
    assert [int(event.id) for event in found] == list(range(1, len(found) + 1))
    assert [event.type in ("complete", "error") for event in found] == [False] * (len(found) - 1) + [True]
    return found


def test_who_does_not_read_for_a_while_gets_everything_when_it_reads(url):
    with ExitStack() as stack:
        sleepy, late = (stack.enter_context(RawClient(url, receive_buffer=LITTLE, timeout=30)) for _ in range(2))
        sleepy.send(request("large/run/stream"))
        run_id = begun(sleepy)
        late.send(follow(run_id))
        begun(late)
        assert Client(url).ended(run_id)["status"] == "completed"

        for client in (sleepy, late):
            tokens = [event.json()["data"]["token"] for event in events(client.answer()) if event.type == "token"]
            assert len(tokens) == 128
            assert set(tokens) == {"0123456789abcdef" * 4096}


@pytest.mark.parametrize("leave", [RawClient.reset, RawClient.close], ids=["reset", "close"])
def test_who_leaves_in_the_middle_harms_neither_the_run_nor_the_others_who_follow_it(url, leave):
    with ExitStack() as stack:
        stays, other, leaver, starter = (stack.enter_context(RawClient(url)) for _ in range(4))
        starter.send(request("talker/run/stream"))
        run_id = begun(starter)
        for client in (stays, other, leaver):
            client.send(follow(run_id))
            begun(client)
        for client in (starter, leaver):
            client.receive()
            leave(client)

        assert len(events(stays.answer())) == 102
        assert len(events(other.answer())) == 102
        assert Client(url).get(f"/runs/{run_id}")["status"] == "completed"


def test_a_client_of_http_1_0_has_its_stream_to_the_end_of_the_connection(url):
    with RawClient(url) as client:
        answer = client.send(request("talker/run/stream", version="1.0")).answer()

    assert answer.header("Transfer-Encoding") is None
    assert len(events(answer)) == 102


def test_types_are_filtered_on_a_connection_too(url):
    with RawClient(url) as client:
        answer = client.send(request("talker/run/stream?types=run_start,complete")).answer()

    assert [(event.id, event.type) for event in SSEReader().feed(answer.body)] == [
        ("1", "run_start"),
        ("102", "complete"),
    ]


def test_the_connection_goes_on_behind_a_stream(url):
    with RawClient(url) as client:
        for _ in range(2):
            assert len(events(client.send(request("talker/run/stream")).answer())) == 102


def test_a_run_that_its_client_shall_not_outlive_is_cancelled_when_it_leaves_the_stream(url):
    with RawClient(url) as client:
        client.send(request("endless/run/stream", on_disconnect="cancel"))
        run_id = begun(client)

    assert Client(url).ended(run_id)["status"] == "cancelled"


def test_a_token_wakes_nobody_who_follows(url):
    with RawClient(url) as client:
        last = events(client.send(request("counting/run/stream")).answer())[-1]

    woken = int(last.json()["data"]["output"].rpartition(" ")[2])
    assert woken < 50  # of a hundred; the log may be woken a few times


@pytest.mark.skipif(sys.platform != "linux", reason="no other system counts segments")
def test_a_token_is_one_write(url):
    with RawClient(url) as client:
        client.send(request("talker/run/stream"))
        found = events(client.answer())
        writes = segments(client.socket)

    assert len(found) == 102
    assert writes <= 103  # the end of the answer is one more


def test_a_stream_over_tls_is_whole(tmp_path):
    context = ssl.create_default_context(cafile=CERTIFICATE)
    context.check_hostname = False
    with (
        start(tmp_path, "--certfile", CERTIFICATE, "--keyfile", CERTIFICATE) as server,
        RawClient(server.url) as client,
    ):
        client.socket = context.wrap_socket(client.socket)
        found = events(client.send(request("talker/run/stream")).answer())
        client.close()

    assert len(found) == 102
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_body_that_does_not_arrive_in_time_is_not_waited_for(tmp_path, tls):
    context = ssl.create_default_context(cafile=CERTIFICATE)
    context.check_hostname = False
    options = ("--certfile", CERTIFICATE, "--keyfile", CERTIFICATE) if tls else ()
    with start(tmp_path, *options, AGENTOS_REQUEST_TIMEOUT="1") as server, RawClient(server.url) as client:
        if tls:
            client.socket = context.wrap_socket(client.socket)
        client.send(request("talker/run")[:-5])
        if tls:  # OpenSSL takes the end of reading for a broken connection, so there is no response
            with pytest.raises(OSError, match="alert"):
                client.answer()
        else:
            answer = client.answer()
            assert answer.status == 400
            assert b"did not arrive within 1 s" in answer.body

    assert "Traceback" not in server.log()
