"""The load program sees what is wrong with an answer, and the stub model says what its models promise."""

import asyncio
import json
import os
import socket

import pytest

from benchmarks.answers import Answer, Seen
from benchmarks.load import Load, put
from benchmarks.stub import serve

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def _stream(*events: tuple[int, str]) -> bytes:
    frames = [b"id: %d\nevent: %b\ndata: {}\n\n" % (number, type.encode()) for number, type in events]
    return HEAD + b"".join(b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames) + b"0\r\n\r\n"


def _read(answer: bytes, *, tokens: int, piece: int = 65536) -> Seen:
    seen = Seen()
    reader = Answer("run", tokens, seen)
    pieces = [answer[place : place + piece] for place in range(0, len(answer), piece)]
    assert [reader.feed(one) for one in pieces] == [False] * (len(pieces) - 1) + [True]
    return seen


@pytest.mark.parametrize("piece", [1, 7, 65536])
def test_a_whole_stream_is_counted_however_it_is_cut(piece):
    answer = _stream((1, "run_start"), (2, "token"), (3, "token"), (4, "complete"))
    seen = _read(answer, tokens=2, piece=piece)
    assert (seen.errors, seen.lost, seen.tokens, seen.events) == ([], 0, 2, 4)
    assert (len(seen.first), len(seen.gaps), len(seen.latency)) == (1, 1, 1)
    assert seen.token_bytes == 2 * len(b"id: 2\nevent: token\ndata: {}\n\n")


@pytest.mark.parametrize(
    "events",
    [
        [(1, "run_start"), (3, "token"), (4, "complete")],
        [(1, "run_start"), (2, "token"), (2, "token"), (3, "complete")],
        [(1, "run_start"), (2, "complete")],
        [(1, "run_start"), (2, "token"), (3, "complete"), (4, "complete")],
    ],
    ids=["a number is missing", "an event comes twice", "a token is missing", "two ends"],
)
def test_what_is_lost_or_doubled_is_seen(events):
    assert _read(_stream(*events), tokens=1).lost


@pytest.mark.parametrize("events", [[(1, "token")], [(1, "token"), (2, "error")]], ids=["no end", "an error"])
def test_a_stream_that_does_not_complete_is_an_error(events):
    assert _read(_stream(*events), tokens=1).errors


def test_another_status_is_an_error():
    assert (
        "503 Service Unavailable"
        in _read(HEAD.replace(b"200 OK", b"503 Service Unavailable") + b"0\r\n\r\n", tokens=0).errors[0]
    )


def _chunked(*pieces: bytes) -> bytes:
    return HEAD + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def _read_text(answer: bytes, *, tokens: int, piece: int = 65536) -> Seen:
    seen = Seen()
    reader = Answer("text", tokens, seen, '" word"')
    assert [reader.feed(answer[place : place + piece]) for place in range(0, len(answer), piece)][-1]
    return seen


@pytest.mark.parametrize("piece", [1, 7, 65536])
def test_tokens_in_any_form_are_counted_however_they_are_cut(piece):
    seen = _read_text(_chunked(b'{"t":" word"}', b'{"t":" wo', b'rd"}', b'{"all":" word word"}'), tokens=2, piece=piece)
    assert (seen.errors, seen.lost, seen.tokens, seen.whole) == ([], 0, 2, 1)
    assert (len(seen.first), len(seen.gaps)) == (1, 1)


@pytest.mark.parametrize("said", [b'{"error":"locked"}', b'" word"" word"" word"'], ids=["too few", "too many"])
def test_a_stream_in_any_form_with_another_number_of_tokens_is_told_with_its_end(said):
    seen = _read_text(_chunked(said), tokens=2)
    assert (seen.whole, seen.lost > 0) == (0, True)
    assert said.decode() in seen.errors[0]


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nit said", 1),
        (_chunked(b"it ", b"said"), 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nerror", 0),
        (b"HTTP/1.1 500 No\r\nContent-Length: 7\r\n\r\nit said", 0),
    ],
    ids=["counted", "in chunks", "without the text", "refused"],
)
def test_a_document_counts_if_it_holds_what_the_model_said(answer, whole):
    seen = Seen()
    assert Answer("document", 0, seen, "it said").feed(answer)
    assert (seen.whole, len(seen.errors)) == (whole, 1 - whole)


@pytest.mark.parametrize(
    ("events", "whole"),
    [
        ([(1, "token"), (2, "complete")], 1),
        ([(1, "token"), (3, "complete")], 0),
        ([(1, "token"), (2, "error")], 0),
        ([(1, "complete")], 0),
    ],
    ids=["all there", "a number is missing", "an error", "a token is missing"],
)
def test_only_a_stream_without_fault_is_whole(events, whole):
    assert _read(_stream(*events), tokens=1).whole == whole


@pytest.mark.parametrize(
    ("model", "stream", "least"), [("burst-20", True, 0), ("paced-20ms-5", True, 0.1), ("burst-20", False, 0)]
)
def test_the_stub_says_its_tokens_at_its_pace(model, stream, least):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    body = json.dumps({"model": model, "stream": stream})
    load = Load(address=f"http://127.0.0.1:{port}", paths=["/v1/chat/completions"], bodies=[body], watch=[os.getpid()])
    load.connections, load.rounds, load.tokens = 3, 2, int(model.rpartition("-")[2])
    load.expect = "lines" if stream else "document"

    async def both():
        server = asyncio.create_task(serve(port))
        await asyncio.sleep(0.1)
        seen = await put(load)
        await asyncio.sleep(0.1)  # both sides close
        server.cancel()
        return seen

    seen = asyncio.run(both())
    assert (seen["errors"], seen["lost"], seen["requests"]) == (0, 0, 6)
    assert seen["tokens"] == (6 * load.tokens if stream else 0)
    assert least <= seen["latency"]["p50"] < least + 0.5
    assert seen["cpu"] > 0
