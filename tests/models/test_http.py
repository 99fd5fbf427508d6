"""HTTP/1.1 as the model client speaks it: what it takes, what it refuses, and how little it asks of the machine."""

from __future__ import annotations

import gzip
import socket
import sys
import threading
import time
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos._version import __version__
from agentos.errors import ProviderError, ProviderUnavailable
from agentos.http.deadline import EVERY, IDLE_LOOKS
from agentos.http.failures import NotHTTP
from agentos.http.parser import ResponseParser
from agentos.models.chat_completions import ChatCompletions
from agentos.models.deltas import Finish, TextDelta, each
from parts.model_behaviours import TEXT, chunk, events, words
from parts.socket_server import SocketServer
from parts.waiting import until

ANSWER = b"".join(events(words(TEXT)))
STREAM = b"Content-Type: text/event-stream\r\n"
SIZED = STREAM + b"Content-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER
IN_CHUNKS = STREAM + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(ANSWER), ANSWER)
OK = b"HTTP/1.1 200 OK\r\n"


class Script(SocketServer):
    """A server that answers every request with the same bytes, whatever they are, piece by piece."""

    def __init__(self, pieces: Sequence[bytes], *, pause: float = 0.0) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self._pieces = pieces
        self._pause = pause
        super().__init__()

    def serve(self, sock: socket.socket) -> None:
        self.connections += 1
        while request := sock.recv(65536):
            self.requests.append(request)
            for piece in self._pieces:
                sock.sendall(piece)
                time.sleep(self._pause)


@pytest.fixture
def script() -> Iterator[Callable[..., Script]]:
    made: list[Script] = []

    def script(*pieces: bytes, pause: float = 0.0) -> Script:
        made.append(Script(pieces, pause=pause))
        return made[-1]

    yield script
    for one in made:
        one.stop()


@pytest.fixture
def client_of() -> Iterator[Callable[..., ChatCompletions]]:
    made: list[ChatCompletions] = []

    def client_of(script: Script, **options: Any) -> ChatCompletions:
        made.append(ChatCompletions(f"http://{script.authority}/v1", **{"token_timeout": 0.5, **options}))
        return made[-1]

    yield client_of
    for one in made:
        one.close()


def text(client: ChatCompletions, request: Any) -> str:
    return "".join(delta.text for delta in each(client.stream(request)) if isinstance(delta, TextDelta))


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Count the calls of this thread that leave Python, by name."""
    calls: Counter[str] = Counter()

    def note(_frame: object, what: str, function: Any) -> None:
        if what == "c_call":
            calls[function.__name__] += 1

    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)


GOOD = {
    "sized": OK + SIZED,
    "in chunks": OK + IN_CHUNKS,
    "no reason": b"HTTP/1.1 200\r\n" + SIZED,
    "names in any case": OK + SIZED.replace(b"Content-Length", b"CONTENT-length"),
    "space around values": OK + b"X-Odd: \t a b \t\r\nX-Empty:\r\n" + SIZED,
    "bytes beyond ASCII": OK + b"X-Odd: \xe9\xff\r\n" + SIZED,
    "interim answers first": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + SIZED,
    "chunk extensions": OK + IN_CHUNKS.replace(b"\r\ndata", b' ;a="b"\r\ndata', 1),
    "trailers": OK + IN_CHUNKS.replace(b"\r\n0\r\n", b"\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n"),
}


@pytest.mark.parametrize("answer", GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("cut", [False, True])
def test_an_answer_is_read_to_its_end_and_the_connection_kept(script, client_of, ask, answer: bytes, cut: bool) -> None:
    pieces = [answer[place : place + 40] for place in range(0, len(answer), 40)] if cut else [answer]
    server = script(*pieces)
    client = client_of(server)
    assert [text(client, ask("m")) for _ in range(3)] == [TEXT] * 3
    assert server.connections == 1


LAST = {
    "http 1.0": b"HTTP/1.0 200 OK\r\n" + SIZED,
    "close": OK + b"Connection: close\r\n" + SIZED,
    "close among others": OK + b"Connection: x, Close\r\n" + SIZED,
    "more than the length": OK + SIZED + b"HTTP/1.1 200 OK\r\n",
    "more than the chunks": OK + IN_CHUNKS + b"HTTP/1.1 200 OK\r\n",
}


@pytest.mark.parametrize("answer", LAST.values(), ids=LAST)
def test_a_connection_that_may_not_be_used_again_is_not(script, client_of, ask, answer: bytes) -> None:
    server = script(answer)
    client = client_of(server)
    assert [text(client, ask("m")) for _ in range(3)] == [TEXT] * 3
    assert server.connections == 3


def test_a_connection_that_broke_behind_the_finish_is_not_used_again(script, client_of, ask) -> None:
    said = b"".join(events(words(TEXT))[:-1])
    head = OK + STREAM + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b" % (len(said), said)
    server = script(head, b"nonsense\r\n", b"\r\n0\r\n\r\n", pause=0.03)
    client = client_of(server)
    assert [text(client, ask("m")) for _ in range(2)] == [TEXT] * 2
    assert server.connections == 2


def test_what_was_said_before_a_failure_is_handed_on(script, client_of, ask) -> None:
    body = chunk({"content": "Hm"}) + b"data: {nonsense\n\n"
    stream = client_of(script(OK + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))).stream(ask("m"))
    assert next(stream) == [TextDelta("Hm")]
    with pytest.raises(ProviderError, match="not a chat completion"):
        next(stream)


BAD = {
    "another protocol": b"HTTP/2.0 200 OK\r\n" + SIZED,
    "no number": b"HTTP/1.1 2x0 OK\r\n" + SIZED,
    "a switch of protocols": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
    "bare line feeds": (OK + SIZED).replace(b"\r\n", b"\n"),
    "a bare line feed": OK + b"X-Odd: a\nContent-Length: 5\r\n" + SIZED,
    "a bare carriage return": OK + b"X-Odd: a\rb\r\n" + SIZED,
    "a folded header": OK + b"X-Odd: a\r\n b\r\n" + SIZED,
    "a nameless header": OK + b": a\r\n" + SIZED,
    "no colon": OK + b"X-Odd\r\n" + SIZED,
    "space before the colon": OK + SIZED.replace(b"Content-Length:", b"Content-Length :"),
    "a zero byte": OK + b"X-Odd: a\0b\r\n" + SIZED,
    "too many headers": OK + b"X-Odd: a\r\n" * 101 + SIZED,
    "headers without an end": OK + b"X-Odd: " + b"a" * 70_000,
    "length and chunks": OK + b"Content-Length: 5\r\n" + IN_CHUNKS,
    "two lengths": OK + b"Content-Length: 5\r\n" + SIZED,
    "a length below zero": OK + b"Content-Length: -5\r\n\r\n",
    "a length with a sign": OK + SIZED.replace(b"Length: ", b"Length: +"),
    "chunks twice": OK + b"Transfer-Encoding: chunked\r\n" + IN_CHUNKS,
    "an encoding that nobody asked for": OK + IN_CHUNKS.replace(b": chunked", b": gzip, chunked"),
    "a compression that nobody knows": OK + b"Content-Encoding: br\r\n" + SIZED,
    "compressed, but not": OK + b"Content-Encoding: gzip\r\n" + SIZED,
}


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
def test_an_answer_that_leaves_anything_in_doubt_is_none(script, client_of, ask, answer: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(ProviderError, match="not HTTP"):
        text(client_of(script(answer), token_timeout=3), ask("m"))
    assert time.monotonic() - began < 2


WIRE = b'5;x="y"\r\nHello\r\n00000A\r\n, my world\r\n1\r\n!\r\n0\r\nX-Trailer: 1\r\n\r\n'


def in_chunks() -> ResponseParser:
    parser = ResponseParser()
    parser.feed(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    return parser


@given(st.lists(st.integers(0, len(WIRE)), max_size=8))
def test_chunks_are_the_same_wherever_the_bytes_are_cut(cuts: list[int]) -> None:
    parser = in_chunks()
    places = [0, *sorted(cuts), len(WIRE)]
    assert b"".join(parser.feed(WIRE[start:end]) for start, end in pairwise(places)) == b"Hello, my world!"
    assert (parser.ended, parser.reusable) == (True, True)


@given(st.integers(0, len(WIRE) - 1))
def test_chunks_have_no_end_before_their_end(place: int) -> None:
    parser = in_chunks()
    parser.feed(WIRE[:place])
    assert not parser.ended


@pytest.mark.parametrize(
    "wire",
    [
        b"\r\n",
        b"0x5\r\nHello\r\n",
        b"-5\r\nHello\r\n",
        b"+5\r\nHello\r\n",
        b"5_0\r\nHello\r\n",
        b" 5\r\nHello\r\n",
        b"5\nHello\r\n",
        b"5\r\nHello!\r\n0\r\n\r\n",
        b"5\r\nHello0\r\n\r\n",
        b"1" * 17 + b"\r\n",
        b"5;" + b"x" * 5000,
        b"0\r\n" + b"X: y\r\n" * 5000,
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_what_is_no_chunk_is_refused(wire: bytes, size: int) -> None:
    parser = in_chunks()
    with pytest.raises(NotHTTP):
        [parser.feed(wire[place : place + size]) for place in range(0, len(wire), size)]


@pytest.mark.parametrize(("coding", "compress"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress)])
def test_a_compressed_answer_is_read_though_nobody_asked_for_it(script, client_of, ask, coding, compress) -> None:
    packed = compress(ANSWER)
    head = OK + STREAM + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (coding, len(packed))
    server = script(head, *(packed[place : place + 20] for place in range(0, len(packed), 20)))
    client = client_of(server)
    assert text(client, ask("m")) == TEXT
    assert text(client, ask("m")) == TEXT
    assert server.connections == 1
    assert b"Accept-Encoding: identity\r\n" in server.requests[0]


@pytest.mark.parametrize("begin", [b"", b"data: "])
def test_a_compressed_answer_that_would_fill_the_memory_is_refused(script, client_of, ask, begin: bytes) -> None:
    packed = gzip.compress(begin + bytes(100_000_000))
    head = OK + STREAM + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    client = client_of(script(head, packed), token_timeout=5)
    tracemalloc.start()
    try:
        with pytest.raises(ProviderError, match=r"of more than 4194304 bytes|not a chat completion"):
            text(client, ask("m"))
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_a_header_stands_once_and_ours_frame_the_body(script, client_of, ask) -> None:
    server = script(OK + SIZED)
    given = {"user-agent": "mine", "ACCEPT": "x", "Content-Length": "7", "transfer-encoding": "chunked", "X-Id": "a b"}
    client = client_of(server, headers=given)
    text(client, ask("m"))
    line, *fields = server.requests[0].partition(b"\r\n\r\n")[0].decode().split("\r\n")
    named = dict(field.split(": ") for field in fields)
    body = server.requests[0].partition(b"\r\n\r\n")[2]
    assert line == "POST /v1/chat/completions HTTP/1.1"
    assert named == {
        "Host": server.authority,
        "User-Agent": f"agentos/{__version__}",
        "Accept": "text/event-stream",
        "X-Id": "a b",
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "Content-Length": str(len(body)),
    }


@pytest.mark.parametrize("name", ["X Id", "X-Id:", "X\r\nId", ""])
def test_a_header_that_http_cannot_carry_is_not_sent(script, client_of, ask, name: str) -> None:
    server = script(OK + SIZED)
    with pytest.raises(ProviderError, match="does not allow"):
        text(client_of(server, headers={name: "1"}), ask("m"))
    assert server.requests == []


# --- what it costs, in calls: this does not depend on the machine ----------------------------------------------------


def test_a_call_is_one_send_and_what_arrives_together_one_receive(script, client_of, ask) -> None:
    client = client_of(script(OK + IN_CHUNKS))
    text(client, ask("m"))
    with counting() as calls:
        arrived = list(client.stream(ask("m")))
    # The third receive is the look whether the kept connection still stands.
    assert (calls["sendall"], calls["send"], calls["recv"]) == (1, 0, 2)
    assert len(arrived) == 2
    assert isinstance(arrived[0], list)
    assert isinstance(arrived[1], list)
    assert [type(delta) for delta in arrived[0]] == [TextDelta] * 3
    assert arrived[1][-1] == Finish("stop")


def test_a_token_costs_one_receive_and_no_timer(script, client_of, ask) -> None:
    def calls_for(tokens: int) -> Counter[str]:
        pieces = [chunk({"content": "word "})] * tokens
        head = OK + STREAM + b"Content-Length: %d\r\n\r\n" % (len(pieces[0]) * tokens + len(ANSWER))
        client = client_of(script(head, *pieces, ANSWER, pause=0.02))
        with counting() as calls:
            text(client, ask("m"))
        return calls

    few, many = calls_for(5), calls_for(15)
    # The head, the tokens, the end; a machine that is late puts some together.
    assert 15 // 2 < many["recv"] <= 1 + 15 + 1
    for name in ("settimeout", "setsockopt", "allocate_lock", "poll", "select"):
        assert many[name] == few[name], name


# --- time ------------------------------------------------------------------------------------------------------------


def test_what_the_consumer_needs_is_not_the_servers_silence(client: ChatCompletions, ask) -> None:
    stream = client.stream(ask("slow-3x0.1", seconds=10))
    said = [next(stream)]
    time.sleep(0.8)
    said += stream
    assert "".join(delta.text for delta in each(said) if isinstance(delta, TextDelta)) == "word0 word1 word2 "


def test_a_server_that_takes_no_request_is_silent(ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        client = ChatCompletions(f"http://127.0.0.1:{mute.getsockname()[1]}/v1", token_timeout=0.3)
        with pytest.raises(ProviderUnavailable, match=r"silent for 0\.3 s"):
            text(client, ask("m", "x" * 20_000_000))


def test_a_proxy_that_drips_its_answer_has_the_time_of_a_connection(monkeypatch, script, ask) -> None:
    drips = script(*[b"HTTP/1.1 200 OK\r\nX: "], *[b"x"] * 300, pause=0.05)
    monkeypatch.setenv("https_proxy", f"http://{drips.authority}")
    client = ChatCompletions("https://model.example/v1", token_timeout=5, connect_timeout=0.4)
    began = time.monotonic()
    with pytest.raises(ProviderUnavailable, match=r"silent for 0\.4 s"):
        text(client, ask("m"))
    assert time.monotonic() - began < 8  # of the 15 s that it drips


def test_nothing_runs_on_after_the_last_call(client: ChatCompletions, ask) -> None:
    def watches() -> bool:
        return "http-timeouts" in {thread.name for thread in threading.enumerate()}

    text(client, ask("text"))
    assert watches()
    until(lambda: not watches(), 3 * IDLE_LOOKS * EVERY)
    assert text(client, ask("text")) == TEXT
