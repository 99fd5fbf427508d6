"""Clients that take their time, by the hundred: each is given up in its time, and nobody else notices."""

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from parts.client import Client
from parts.raw import RawClient, ask
from parts.server import AgentOSServer
from parts.soak import full

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
JSON = b"Content-Type: application/json\r\n"
SLOW = full(200, 900)
SLEEPY = 4096
"""What the system of a client that does not read takes of an answer, at least."""


def run(agent: str, path: str, **body: object) -> bytes:
    """Return a request for a run."""
    data = json.dumps({"input": "go", **body}).encode()
    head = f"POST /api/v1/agents/{agent}/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n"
    return head.encode() + JSON + b"\r\n" + data


def quick(url: str) -> float:
    """Return how long the server takes to say that it is well."""
    start = time.monotonic()
    assert ask(url, GET + b"\r\n").status == 200
    return time.monotonic() - start


def connections(server: AgentOSServer) -> int:
    """Return how many clients the server holds a connection for."""
    (worker,) = server.worker_pids()
    return sum(one.status != psutil.CONN_LISTEN for one in psutil.Process(worker).net_connections("tcp"))


def sockets(server: AgentOSServer) -> int:
    """Return how many sockets the worker has open: also those whose client is gone, which are no connections."""
    (worker,) = server.worker_pids()
    found = 0
    for file in Path(f"/proc/{worker}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += os.readlink(file).startswith("socket:")
    return found


def drip(clients: list[RawClient], data: bytes, seconds: float) -> None:
    """Send to each client a byte every tenth of a second, until they are cut off or the time is over."""
    deadline = time.monotonic() + seconds
    position = 0
    while time.monotonic() < deadline:
        for client in clients:
            client.send_until_refused([data[position % len(data) :][:1]])
        position += 1
        time.sleep(0.1)


# --- what arrives slowly -------------------------------------------------------------------------------------------


def test_a_header_that_does_not_end_is_refused_in_time_however_it_drips(url):
    with RawClient(url) as client:
        start = time.monotonic()
        dripping = threading.Thread(target=drip, args=([client], b"X-A: b\r\n", 3))
        client.send(GET)
        dripping.start()

        (answer,) = client.answers()

        assert (answer.status, answer.json()["code"]) == (408, "INVALID_REQUEST")
        assert answer.header("Connection") == "close"
        assert 0.8 < time.monotonic() - start < 2.5
        dripping.join()


def test_a_connection_that_says_nothing_at_all_is_closed_without_a_word(url):
    with RawClient(url) as client:
        start = time.monotonic()

        assert client.rest() == b""

        # The client is listened to for a moment longer, but hears at once that the server is done.
        assert 0.8 < time.monotonic() - start < 2


def test_the_time_for_a_header_begins_anew_with_each_request_and_not_before(url):
    with RawClient(url) as client:
        assert client.send(GET + b"\r\n").answer().status == 200
        time.sleep(1.5)  # longer than a header may take: between two requests nothing is due
        assert client.send(GET + b"\r\n").answer().status == 200
        client.send(GET)

        (answer,) = client.answers()

    assert answer.status == 408


def test_hundreds_of_slow_headers_do_not_keep_others_waiting(url):
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient(url)) for _ in range(SLOW)]
        for client in clients:
            client.send(GET)
        dripping = threading.Thread(target=drip, args=(clients, b"X-A: b\r\n", 1.5))
        dripping.start()

        waits = [quick(url) for _ in range(20)]

        dripping.join()
        assert max(waits) < 1
        assert {client.answer().status for client in clients} == {408}


@pytest.mark.parametrize(
    ("head", "piece"),
    [(b"Content-Length: 1000\r\n\r\n", b" "), (b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n")],
    ids=["length", "chunks"],
)
def test_fifty_slow_bodies_end_in_time_and_do_not_keep_others_waiting(url, head, piece):
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient(url)) for _ in range(50)]
        for client in clients:
            client.send(POST + head)
        start = time.monotonic()
        dripping = threading.Thread(target=drip, args=(clients, piece, 3.5))
        dripping.start()

        waits = [quick(url) for _ in range(20)]
        answers = [client.answer() for client in clients]

        assert time.monotonic() - start < 5
        dripping.join()
        assert max(waits) < 1
        assert {(answer.status, answer.json()["code"]) for answer in answers} == {(400, "INVALID_REQUEST")}
        assert {answer.header("Connection") for answer in answers} == {"close"}


def test_fast_bodies_of_tiny_chunks_leave_the_worker_to_others(url):
    body = POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 90_000 + b"0\r\n\r\n"
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient(url)) for _ in range(8)]
        sending = [threading.Thread(target=client.send, args=(body,)) for client in clients]
        for thread in sending:
            thread.start()

        waits = [quick(url) for _ in range(10)]

        assert max(waits) < 1
        assert {client.answer().status for client in clients} == {400}
        for thread in sending:
            thread.join()


def test_the_rest_of_a_body_that_was_refused_is_not_read_for_ever(url):
    with RawClient(url) as client:
        client.send(POST + b"Content-Length: 10000000000\r\n\r\n")

        sent = client.send_until_refused([b" " * 65536] * 4096)

        assert sent < 256 * 1024**2


def test_a_client_that_sends_all_of_its_refused_body_before_it_reads_is_heard(url):
    body = b" " * 8 * 1024**2
    with RawClient(url) as client:
        client.send(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)

        (answer,) = client.answers()

    assert (answer.status, answer.header("Connection")) == (413, "close")


def test_a_client_that_stays_after_its_last_answer_is_let_go(server, url):
    before = connections(server)
    with RawClient(url) as client:
        assert client.send(b"nonsense\r\n\r\n").answer().status == 400

        server.wait_for(lambda: connections(server) <= before, 5, "rid of the connection")


# --- what is taken slowly ------------------------------------------------------------------------------------------


def test_a_stream_that_nobody_reads_is_given_up_while_its_run_and_the_other_streams_go_on(server, url):
    before, logged = connections(server), len(server.records())
    path = "/agents/flood/run/stream"
    with RawClient(url, receive_buffer=SLEEPY) as client:
        client.send(run("flood", "run/stream"))
        head = client.socket.recv(1000, socket.MSG_PEEK).decode()
        run_id = head.split("X-Run-ID: ")[1].split("\r\n")[0]

        def told(name, value):
            return [one for one in server.records()[logged:] if one.get(name) == value]

        *_, last = Client(url).stream(path, {"input": "go"}, headers={"Connection": "close"})
        server.wait_for(lambda: told("message", "a client was given up"), what="tired of waiting")

        assert last.type == "complete"
        # What is done when a stream is closed was done for both of them: the line that says so is written there.
        server.wait_for(lambda: len(told("path", f"/api/v1{path}")) == 2, what="rid of both streams")
        assert [one["status"] for one in told("path", f"/api/v1{path}")] == [200, 200]
        assert Client(url).ended(run_id)["status"] == "completed"
    server.wait_for(lambda: connections(server) <= before, what="rid of the connection")


def test_an_answer_that_nobody_reads_is_given_up(server, url):
    given_up = server.log().count("a client was given up")
    with RawClient(url, receive_buffer=SLEEPY) as client:
        client.send(run("flood", "run"))

        server.wait_for(lambda: server.log().count("a client was given up") > given_up, 15, "tired of waiting")

        assert len(client.rest()) < 8 * 1024**2


def test_a_slow_reader_is_served_to_the_end(url):
    with RawClient(url, receive_buffer=256 * 1024) as client:
        client.send(run("flood", "run"))
        start = time.monotonic()
        while time.monotonic() - start < 3:  # three times the time that it may take nothing
            client.receive()
            time.sleep(0.1)

        answer = client.answer()

    assert answer.json()["status"] == "completed"


def test_a_silent_stream_is_not_taken_for_one_that_nobody_reads(url):
    client = Client(url)
    agent = client.register(model="scripted:slow-2x1.3")

    events = list(client.stream(f"/agents/{agent}/run/stream", {"input": "go"}))

    assert events[-1].type == "complete"
    assert events[-1].data["duration"] > 2.5


def test_clients_that_never_read_any_of_many_answers_hold_nobody_up(url):
    with ExitStack() as stack:
        for _ in range(20):
            client = stack.enter_context(RawClient(url, receive_buffer=SLEEPY))
            client.send((GET + b"\r\n") * 2000)

        assert max(quick(url) for _ in range(10)) < 1


# --- who leaves ----------------------------------------------------------------------------------------------------

HALVES = {
    "request line": b"GET /hea",
    "header": GET + b"X-A: b\r\n",
    "body": POST + b"Content-Length: 100\r\n\r\n{",
    "chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{",
    "chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\nf",
    "stream": run("babble", "run/stream"),
    "run": run("babble", "run"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("data", HALVES.values(), ids=HALVES)
@pytest.mark.parametrize("leave", [RawClient.reset, RawClient.close], ids=["reset", "close"])
def test_clients_that_leave_in_the_middle_leave_nothing_behind(server, url, data, leave):
    before = sockets(server)

    for _ in range(full(10, 300)):
        client = RawClient(url)
        client.send(data)
        leave(client)

    assert quick(url) < 1  # and those that came before it have been let in, too
    server.wait_for(lambda: sockets(server) <= before, 20, "rid of the connections")


# --- too many ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentOSServer]:
    """A server for ten connections."""
    settings = {"AGENTOS_WORKER_CONNECTIONS": "10", "AGENTOS_PLUGINS": "none"}
    with AgentOSServer(settings, cwd=tmp_path_factory.mktemp("narrow"), workers=1) as server:
        yield server


def test_clients_that_keep_their_connections_do_not_keep_others_out(narrow):
    with ExitStack() as stack:
        for _ in range(30):
            client = stack.enter_context(RawClient(narrow.url))
            assert client.send(GET + b"\r\n").answer().status == 200

        assert quick(narrow.url) < 1


def test_nor_do_they_when_the_last_one_that_came_is_busy(narrow):
    with ExitStack() as stack:
        for _ in range(9):
            client = stack.enter_context(RawClient(narrow.url))
            assert client.send(GET + b"\r\n").answer().status == 200
        stack.enter_context(RawClient(narrow.url)).send(GET)

        assert quick(narrow.url) < 1


def test_nor_do_those_that_all_come_before_the_first_of_them_says_something(narrow):
    with ExitStack() as stack:
        clients = [stack.enter_context(RawClient(narrow.url)) for _ in range(10)]
        narrow.wait_for(lambda: connections(narrow) == 10, what="full")
        for client in clients:
            assert client.send(GET + b"\r\n").answer().status == 200

        assert quick(narrow.url) < 1
