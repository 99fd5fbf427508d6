"""Requests whose end two readers could see in two places, and what else is no HTTP: refused, and nothing smuggled.

Behind each stands a second request. Where the first one's end is in doubt it must not be served.
"""

import time

import pytest

from parts.raw import RawClient, ask

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SECOND = b"GET /api/v1/agents HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
OBJECT = b'{"agent_id": "assistant"}'
SIZE = b"%x" % len(OBJECT)
DONE = b"0\r\n\r\n"


def coded(value: bytes) -> bytes:
    """Return a POST with a transfer coding; its body is right, if the coding is `chunked`."""
    return POST + b"Transfer-Encoding: " + value + b"\r\n\r\n" + SIZE + b"\r\n" + OBJECT + b"\r\n" + DONE


def chunk(line: bytes, after: bytes = b"\r\n" + DONE) -> bytes:
    """Return a POST with one chunk of a certain size line."""
    return CHUNKED + line + b"\r\n" + OBJECT + after


def field(line: bytes) -> bytes:
    """Return a GET with a certain header field."""
    return GET + line + b"\r\n\r\n"


# --- refused: one answer, and the connection ends ------------------------------------------------------------------

REFUSED: dict[str, tuple[bytes, int]] = {
    # length and chunks
    "length and chunks": (POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + DONE, 400),
    "chunks and length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + DONE, 400),
    "chunks and length 0": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n" + DONE, 400),
    "two lengths": (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "one length twice": (POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
    "a list of lengths": (POST + b"Content-Length: 2, 2\r\n\r\n{}", 400),
    "signed length": (POST + b"Content-Length: +2\r\n\r\n{}", 400),
    "negative length": (POST + b"Content-Length: -2\r\n\r\n{}", 400),
    "hexadecimal length": (POST + b"Content-Length: 0x2\r\n\r\n{}", 400),
    "length with an underscore": (POST + b"Content-Length: 1_0\r\n\r\n{}", 400),
    "length with a space inside": (POST + b"Content-Length: 1 0\r\n\r\n{}", 400),
    "superscript length": (POST + b"Content-Length: \xb2\r\n\r\n{}", 400),
    "empty length": (POST + b"Content-Length:\r\n\r\n{}", 400),
    "length of 5000 digits": (POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}", 400),
    "Content_Length": (POST + b"Content_Length: 2\r\n\r\n{}", 400),
    "space before the colon of the length": (POST + b"Content-Length : 2\r\n\r\n{}", 400),
    # codings
    "xchunked": (coded(b"xchunked"), 501),
    "chunked in quotes": (coded(b'"chunked"'), 501),
    "chunked with a parameter": (coded(b"chunked;a=b"), 501),
    "chunked after a tab inside": (coded(b"\x0bchunked"), 400),
    "chunked, identity": (coded(b"chunked, identity"), 400),
    "identity, chunked": (coded(b"identity, chunked"), 400),
    "chunked, chunked": (coded(b"chunked, chunked"), 400),
    "chunked with a comma": (coded(b"chunked,"), 400),
    "identity": (coded(b"identity"), 400),
    "no coding": (coded(b""), 400),
    "gzip, chunked": (coded(b"gzip, chunked"), 501),
    "chunked twice": (coded(b"chunked\r\nTransfer-Encoding: chunked"), 400),
    "chunked and identity": (coded(b"chunked\r\nTransfer-Encoding: identity"), 400),
    "chunked and cow": (coded(b"chunked\r\nTransfer-encoding: cow"), 501),
    "chunked in a folded line": (coded(b"\r\n chunked"), 400),
    "chunked, NUL": (coded(b"chunked\x00"), 400),
    "Transfer_Encoding": (coded(b"x").replace(b"Transfer-Encoding: x", b"Transfer_Encoding: chunked"), 400),
    "space before the colon of the coding": (coded(b"x").replace(b"Encoding: x", b"Encoding : chunked"), 400),
    "space before the coding's name": (
        coded(b"x").replace(b"Transfer-Encoding: x", b" Transfer-Encoding: chunked"),
        400,
    ),
    "chunks of HTTP/1.0": (coded(b"chunked").replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
    # chunks
    "size that is no number": (chunk(b"xyz"), 400),
    "size with 0x": (chunk(b"0x" + SIZE), 400),
    "size with a sign": (chunk(b"+" + SIZE), 400),
    "size with an underscore": (chunk(b"1_9"), 400),
    "size after a space": (chunk(b" " + SIZE), 400),
    "size before a space": (chunk(SIZE + b" "), 400),
    "empty size": (chunk(b""), 400),
    "negative size": (chunk(b"-1"), 400),
    "size too small": (chunk(b"5"), 400),
    "size ended by LF": (CHUNKED + SIZE + b"\n" + OBJECT + b"\r\n" + DONE, 400),
    "chunk ended by LF": (chunk(SIZE, b"\n" + DONE), 400),
    "chunk ended by nothing": (chunk(SIZE, DONE), 400),
    "chunk ended by other bytes": (chunk(SIZE, b"xx" + DONE), 400),
    "extension with CR": (chunk(SIZE + b";a\rb"), 400),
    "extension with LF": (chunk(SIZE + b";a\nb"), 400),
    "extension with NUL": (chunk(SIZE + b";a=\x00"), 400),
    "extension without a name": (chunk(SIZE + b";=b"), 400),
    "extension of 9000 bytes": (CHUNKED + SIZE + b";" + b"a" * 9000, 400),
    "size line without an end": (CHUNKED + b"0" * 20_000, 400),
    "trailer that is a length": (chunk(SIZE, b"\r\n0\r\nContent-Length: 5\r\n\r\n"), 400),
    "trailer that is a host": (chunk(SIZE, b"\r\n0\r\nHost: y\r\n\r\n"), 400),
    "trailer without a colon": (chunk(SIZE, b"\r\n0\r\nabc\r\n\r\n"), 400),
    "trailer ended by LF": (chunk(SIZE, b"\r\n0\r\na: b\n\n"), 400),
    "trailer of 200 KiB": (chunk(SIZE, b"\r\n0\r\n" + b"".join(b"x%d: 1\r\n" % i for i in range(20_000))), 400),
    # the header
    "folded field": (field(b"X-A: a\r\n b"), 400),
    "folded by a tab": (field(b"X-A: a\r\n\tb"), 400),
    "field without a colon": (field(b"abc"), 400),
    "field without a name": (field(b": abc"), 400),
    "space in a name": (field(b"X A: 1"), 400),
    "space before a colon": (field(b"X-A : 1"), 400),
    "tab before a colon": (field(b"X-A\t: 1"), 400),
    "NUL in a name": (field(b"X\x00A: 1"), 400),
    "raw UTF-8 in a name": (field("X-ä: 1".encode()), 400),
    "brackets in a name": (field(b"X(A): 1"), 400),
    "NUL in a value": (field(b"X-A: a\x00b"), 400),
    "CR in a value": (field(b"X-A: a\rb"), 400),
    "LF in a value": (field(b"X-A: a\nX-B: b"), 400),
    "DEL in a value": (field(b"X-A: a\x7fb"), 400),
    "lines ended by LF": (b"GET /health HTTP/1.1\nHost: x\n\n", 400),
    "request line ended by LF": (b"GET /health HTTP/1.1\nHost: localhost\r\n\r\n", 400),
    "request line ended by CR": (b"GET /health HTTP/1.1\rHost: localhost\r\n\r\n", 400),
    "first line of a header folded": (b"GET /health HTTP/1.1\r\n Host: localhost\r\n\r\n", 400),
    "two hosts": (field(b"Host: y"), 400),
    "two types": (POST + b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", 400),
    "no host": (b"GET /health HTTP/1.1\r\n\r\n", 400),
    "unknown expectation": (POST + b"Expect: cake\r\nContent-Length: 2\r\n\r\n{}", 417),
    "long field": (field(b"X-A: " + b"a" * 8200), 431),
    "long name": (field(b"a" * 8200 + b": 1"), 431),
    "many fields": (field(b"".join(b"x%d: 1\r\n" % i for i in range(101)) + b"y: 1"), 431),
    "large header": (field(b"".join(b"x%d: " % i + b"a" * 8000 + b"\r\n" for i in range(10)) + b"y: 1"), 431),
    "endless header": (GET + b"X-A: " + b"a" * 500_000, 431),
    # the request line
    "HTTP/0.9": (b"GET /health\r\n", 400),
    "HTTP/1.2": (b"GET /health HTTP/1.2\r\nHost: localhost\r\n\r\n", 400),
    "HTTP/2.0": (b"GET /health HTTP/2.0\r\nHost: localhost\r\n\r\n", 400),
    "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "http/1.1": (b"GET /health http/1.1\r\nHost: localhost\r\n\r\n", 400),
    "HTTP/1.1.1": (b"GET /health HTTP/1.1.1\r\nHost: localhost\r\n\r\n", 400),
    "HTTP/01.1": (b"GET /health HTTP/01.1\r\nHost: localhost\r\n\r\n", 400),
    "no target": (b"GET  HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "two spaces": (b"GET  /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "space in the target": (b"GET /health x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "tabs for spaces": (b"GET\t/health\tHTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "space before the method": (b" GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "NUL in the target": (b"GET /health\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "raw UTF-8 in the target": ("GET /ä HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 400),
    "target without a slash": (b"GET health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "target of backslashes": (b"GET \\\\health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "asterisk": (b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "target of 9000 bytes": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    "request line without an end": (b"GET /" + b"a" * 500_000, 414),
    "lower-case method": (b"get /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "method of 21 letters": (b"A" * 21 + b" /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "method of 5000 letters": (b"A" * 5000 + b" /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "method with a colon": (b"GE:T /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "PROXY protocol": (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + GET + b"\r\n", 400),
    "noise": (bytes(range(256)) + b"\r\n\r\n", 400),
}


@pytest.mark.parametrize(("data", "status"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_once_in_json_and_nothing_behind_it_is_served(url, data, status):
    with RawClient(url) as client:
        client.send(data + SECOND)

        (answer,) = client.answers()

    error = answer.json()
    assert (answer.status, error["code"]) == (status, "INVALID_REQUEST")
    assert set(error) == {"error", "message", "code", "request_id"}
    assert answer.header("Content-Type") == "application/json"
    assert answer.header("X-Request-ID") == error["request_id"]
    assert answer.header("Connection") == "close"


# --- odd, but clear: the first has its answer, and so has the second -----------------------------------------------

SERVED: dict[str, tuple[bytes, int]] = {
    "chunked": (coded(b"chunked"), 201),
    "Chunked": (coded(b"Chunked"), 201),
    "chunked between spaces": (coded(b" \t chunked \t "), 201),
    "extensions": (chunk(SIZE + b' ; a = "b;c" ;d'), 201),
    "size with zeros": (chunk(b"000" + SIZE), 201),
    "size in capitals": (chunk(SIZE.upper()), 201),
    "trailers": (chunk(SIZE, b"\r\n0\r\nX-Request-ID: t\r\nX-A: b\r\n\r\n"), 201),
    "length with zeros": (POST + b"Content-Length: 0025\r\n\r\n" + OBJECT, 201),
    "a body that nobody reads": (GET + b"Content-Length: 3\r\n\r\nabc", 200),
    "a body that looks like a request": (GET + b"Content-Length: %d\r\n\r\n" % len(SECOND) + SECOND, 200),
    "an empty line before": (b"\r\n" + GET + b"\r\n", 200),
    "absolute target": (b"GET http://x/health HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
    "absolute target of another host": (b"GET http://169.254.169.254/health HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
    "fragment": (b"GET /health#a HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
    "strange host": (b"GET /health HTTP/1.1\r\nHost: a b/<c>@d:e\r\n\r\n", 200),
    "field with an underscore": (field(b"X_Request_ID: a"), 200),
    "Upgrade: h2c": (field(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk"), 200),
    "Upgrade: websocket": (field(b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x"), 400),
    "hop-by-hop fields named": (field(b"Connection: X-Request-ID, Host"), 200),
    "wrong content type": (POST.replace(b"application/json", b"text/html") + b"Content-Length: 2\r\n\r\n{}", 415),
}


@pytest.mark.parametrize(("data", "status"), SERVED.values(), ids=SERVED)
def test_it_is_served_and_the_next_request_begins_where_it_ends(url, data, status):
    with RawClient(url) as client:
        client.send(data + SECOND)

        first, second = client.answers()

    assert first.status == status
    assert second.status == 200
    assert second.json()["count"] >= 2


# --- clear, but the last of its connection -------------------------------------------------------------------------

LAST: dict[str, tuple[bytes, int]] = {
    "chunks that nobody reads": (GET + b"Transfer-Encoding: chunked\r\n\r\n" + DONE, 200),
    "bad chunks that nobody reads": (GET + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 200),
    "a large body that nobody reads": (GET + b"Content-Length: 100000\r\n\r\n" + b"x" * 100_000, 200),
    "a body over the limit": (POST + b"Content-Length: 99999999999999999999\r\n\r\n{}", 413),
    "an unending chunk": (CHUNKED + b"FFFFFFFFFFFFFFFFFFFF\r\n" + b" " * 1_100_000, 413),
    "CONNECT": (b"CONNECT x:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n", 404),
    "HTTP/1.0": (b"GET /health HTTP/1.0\r\n\r\n", 200),
    "Connection: close": (field(b"Connection: close"), 200),
}


@pytest.mark.parametrize(("data", "status"), LAST.values(), ids=LAST)
def test_it_is_answered_with_an_end_of_the_connection_that_leaves_the_answer_whole(url, data, status):
    with RawClient(url) as client:
        client.send(data + SECOND)

        (answer,) = client.answers()

    assert answer.status == status
    assert answer.header("Connection") == "close"


# --- Expect --------------------------------------------------------------------------------------------------------


def test_a_client_that_asks_first_is_told_to_go_on(url):
    with RawClient(url) as client:
        client.send(POST + b"Expect: 100-Continue\r\nContent-Length: %d\r\n\r\n" % len(OBJECT))
        asked = client.answer()
        client.send(OBJECT)

        assert (asked.status, client.answer().status) == (100, 201)


def test_a_body_that_is_refused_is_not_asked_for_and_ends_the_connection(url):
    with RawClient(url) as client:
        client.send(POST + b"Expect: 100-continue\r\nContent-Length: 999999999\r\n\r\n")

        (answer,) = client.answers()

    assert (answer.status, answer.header("Connection")) == (413, "close")


def test_a_body_that_is_there_already_is_not_asked_for(url):
    with RawClient(url) as client:
        client.send(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(OBJECT) + OBJECT)
        assert client.answer().status == 201

        client.send(SECOND[:10])
        time.sleep(0.1)
        client.send(SECOND[10:])

        assert [answer.status for answer in client.answers()] == [200]


def test_an_expectation_without_a_body_is_nothing(url):
    with RawClient(url) as client:
        client.send(field(b"Expect: 100-continue") + SECOND)

        assert [answer.status for answer in client.answers()] == [200, 200]


def test_a_field_with_an_underscore_passes_for_nothing(url):
    assert ask(url, field(b"X_Request_ID: mine")).header("X-Request-ID") != "mine"
    assert ask(url, field(b"X-Request-ID: mine")).header("X-Request-ID") == "mine"
