"""An answer leaves in as few writes as there can be: each of them costs more than what is written."""

import http.client
import socket
import struct
import sys
import threading
import urllib.parse
from contextlib import closing

import gevent
import gevent.socket
import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser

from agentos.serving.connection import connection_of
from agentos.serving.responses import Response
from agentos.serving.write_coalescer import WriteCoalescer

DATA_SEGS_IN = 152
"""Where ``TCP_INFO`` says how many segments with data have come (Linux, ``tcp.h``)."""


@pytest.fixture
def connection(serve):
    """Connect to the stand-in application."""
    server = serve()
    address = urllib.parse.urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
    connection.connect()
    connection.server = server
    yield connection
    connection.close()


def ask(connection, path, method="GET"):
    """Return the answer's status, its body, and how many segments it came in; on loopback, a write makes one."""
    before = segments(connection.sock)
    sock = connection.sock
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, answer.read(), segments(sock) - before


def segments(sock):
    return struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256), DATA_SEGS_IN)[0]


@pytest.mark.skipif(sys.platform != "linux", reason="no other system counts segments")
def test_a_plain_answer_is_one_write_and_a_stream_one_for_each_frame_and_one_for_its_end(connection):
    for _ in range(3):
        status, body, writes = ask(connection, "/")
        assert (status, bool(body), writes) == (200, True, 1)

    assert ask(connection, "/", method="HEAD") == (200, b"", 1)
    assert ask(connection, "/stream/2") == (200, b"0\n1\ncomplete\n", 4)


def test_an_empty_piece_sends_the_head_ahead_of_the_body(connection):
    connection.sock.settimeout(0.4)
    connection.request("GET", "/ahead")
    answer = connection.getresponse()
    connection.sock.settimeout(10)

    assert answer.status == 200
    assert answer.read() == b"the body"


def test_an_answer_that_breaks_off_can_be_told_from_one_that_ended(connection):
    connection.request("GET", "/broken")
    answer = connection.getresponse()

    with pytest.raises(http.client.IncompleteRead) as cut:
        answer.read()

    assert cut.value.partial == b"the beginning"
    assert connection.sock is None or connection.sock.recv(1) == b""
    connection.server.wait_for(lambda: "an answer broke off" in connection.server.log())


# --- what is sent without waiting ----------------------------------------------------------------------------------

MUCH = b"0123456789abcdef" * 2**17


class Exchange:
    """An answer to a request, and the client's end of its connection, which takes little that it does not read."""

    def __init__(self, version="1.1"):
        self.client, server = socket.socketpair()
        self.client.settimeout(10)
        self.connection = connection_of(gevent.socket.socket(fileno=server.detach()), write_timeout=10)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        config = Config()
        asked = RequestParser(config, iter([f"GET / HTTP/{version}\r\nHost: x\r\n\r\n".encode()]), ("127.0.0.1", 1))
        self.answer = Response(next(asked), self.connection, config)
        self.answer.writes = WriteCoalescer()

    def begin(self, *headers):
        self.answer.start_response("200 OK", list(headers))

    def close(self):
        self.connection.close()
        self.client.close()

    def waits(self):
        """Return whether the client has nothing to read."""
        self.client.setblocking(False)
        try:
            return self.client.recv(1, socket.MSG_PEEK) == b"never"
        except BlockingIOError:
            return True
        finally:
            self.client.settimeout(10)

    def reading(self):
        """Begin to read, in a thread of its own, until the server closes; a function returns what has come then."""
        came = []

        def read():
            while piece := self.client.recv(65536):
                came.append(piece)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()

        def all_that_came():
            self.connection.close()
            reader.join(10)
            assert not reader.is_alive()
            return b"".join(came).partition(b"\r\n\r\n")[2]

        return all_that_came


@pytest.fixture
def exchange():
    exchange = Exchange()
    yield exchange
    exchange.close()


def turn():
    """Let the event loop do what is due."""
    gevent.sleep(0)


def chunks(*pieces):
    return b"".join(b"%X\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


def test_nothing_is_sent_soon_before_the_body_has_begun(exchange):
    assert not exchange.answer.push(b"early")
    exchange.begin()
    assert not exchange.answer.push(b"early")
    turn()
    assert exchange.waits()

    exchange.answer.write(b"first")
    assert exchange.answer.push(b"soon")
    exchange.answer.write(b"then")
    exchange.answer.close()

    assert exchange.reading()() == chunks(b"first", b"soon", b"then", b"")


def test_what_is_sent_soon_leaves_with_the_turn_of_the_loop_and_needs_no_write(exchange):
    exchange.begin()
    exchange.answer.write(b"first")
    exchange.client.recv(65536)
    pieces = [b"one", b"two", b"three"]
    for piece in pieces:
        assert exchange.answer.push(piece)
    turn()

    assert exchange.client.recv(65536) == chunks(*pieces)


@pytest.mark.parametrize(("version", "headers"), [("1.1", [("Content-Length", "9")]), ("1.0", [])])
def test_nothing_is_sent_soon_of_a_body_that_is_not_in_chunks(version, headers):
    with closing(Exchange(version)) as exchange:
        exchange.begin(*headers)
        exchange.answer.write(b"first")
        assert not exchange.answer.push(b"soon")
        exchange.answer.write(b"then")

        assert exchange.reading()() == b"firstthen"


@pytest.mark.parametrize("then", [b"then", b""], ids=["a piece", "the end"])
def test_what_is_sent_in_part_is_finished_before_anything_else(exchange, then):
    exchange.begin()
    exchange.answer.write(b"first")
    assert exchange.answer.push(MUCH)
    turn()
    assert not exchange.answer.push(b"too early")
    came = exchange.reading()
    if then:
        exchange.answer.write(then)
        assert exchange.answer.push(b"soon")
    exchange.answer.close()

    assert came() == chunks(b"first", MUCH, *((then, b"soon") if then else ()), b"")


def test_what_is_taken_while_nobody_reads_arrives_and_what_is_refused_does_not(exchange):
    exchange.begin()
    exchange.answer.write(b"first")
    taken = []
    while exchange.answer.push(piece := b"%d" % len(taken)):
        taken.append(piece)
        turn()
    came = exchange.reading()
    exchange.answer.write(b"then")
    exchange.answer.close()

    assert taken
    assert came() == chunks(b"first", *taken, b"then", b"")


def test_what_waits_for_the_end_of_a_turn_is_bounded(exchange):
    exchange.begin()
    exchange.answer.write(b"first")
    taken = 0
    while taken < 10_000 and exchange.answer.push(b"x" * 200):
        taken += 1
    came = exchange.reading()
    exchange.answer.write(b"then")
    exchange.answer.close()

    assert 10 < taken < 10_000
    assert came() == chunks(b"first", *[b"x" * 200] * taken, b"then", b"")


@pytest.mark.parametrize("piece", [b"piece", MUCH], ids=["nothing of it sent", "some of it sent"])
def test_a_write_finds_out_that_the_client_is_gone(exchange, piece):
    exchange.begin()
    exchange.answer.write(b"first")
    if piece is not MUCH:
        exchange.client.close()
    exchange.answer.push(piece)
    turn()
    exchange.client.close()
    for step in (lambda: exchange.answer.write(b"then"), exchange.answer.close):
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            step()
    assert not exchange.answer.push(b"soon")


def test_a_write_finds_out_that_the_client_takes_nothing(exchange):
    exchange.connection.write_timeout = 0.2
    exchange.begin()
    exchange.answer.write(b"first")
    assert exchange.answer.push(MUCH)
    with pytest.raises(TimeoutError, match="nothing was taken"):
        exchange.answer.write(b"then")
