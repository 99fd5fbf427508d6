"""An answer leaves in as few writes as there can be: each of them costs more than what is written."""

import http.client
import socket
import struct
import sys
import urllib.parse

import pytest

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
