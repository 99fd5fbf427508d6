"""Frames, on sockets that cut them anywhere."""

import itertools
import json
import os
import socket
import struct
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentos.guests.wire import LARGEST, FrameReader, ProtocolError, encode, peer_of

JSON = (
    st.none()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(max_size=50)
    | st.lists(st.text(max_size=5) | st.booleans(), max_size=3)
)


def read(*pieces: bytes) -> list[dict[str, Any]]:
    """Return the frames of what arrives in these pieces."""
    ours, theirs = socket.socketpair()
    with ours:

        def send() -> None:
            with theirs:
                for piece in pieces:
                    theirs.sendall(piece)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            return [frame for frames in FrameReader(ours) for frame in frames]
        finally:
            sender.join()


@settings(max_examples=50, deadline=None)
@given(st.lists(JSON, max_size=5), st.lists(st.integers(0, 200), max_size=5))
def test_frames_come_back_as_they_were_wherever_they_are_cut(values: Sequence[Any], cuts: Sequence[int]) -> None:
    sent = [{"kind": "x", "value": value} for value in values]
    data = b"".join(map(encode, sent))
    places = [0, *sorted(cuts), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(places)]
    assert read(*pieces) == json.loads(json.dumps(sent))


def test_the_state_of_a_pause_keeps_its_large_integers() -> None:
    sent = {"kind": "paused", "state": [2**70, -(2**63) - 1]}
    assert read(encode(sent)) == [sent]


def test_large_frames_come_back_between_small_ones() -> None:
    sent = [{"kind": "x", "value": "é" * size} for size in (1, 16 * 1024, 100_000, 3, 1_000_000, 0)]
    assert read(b"".join(map(encode, sent))) == sent


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "is announced; the largest has 16777216"),
        (struct.pack(">I", LARGEST + 1), "is announced"),
        (struct.pack(">I", 4) + b"nope", "no JSON"),
        (struct.pack(">I", 2) + b"[]", "no object with a 'kind'"),
        (struct.pack(">I", 10) + b'{"kind":1}', "no object with a 'kind'"),
        (struct.pack(">I", 4) + b"\xff\xfe{}", "no JSON"),
        (struct.pack(">I", 100) + b'{"kind"', "ended within a frame"),
        (struct.pack(">I", 100_000) + b'{"kind"', "ended within a frame"),
        (b"\0\0", "ended within a frame"),
    ],
)
def test_what_is_no_frame_is_refused_after_the_frames_before_it(data: bytes, words: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(encode({"kind": "first"}) + data)
        theirs.shutdown(socket.SHUT_WR)
        frames = iter(FrameReader(ours))
        assert next(frames) == [{"kind": "first"}]
        with pytest.raises(ProtocolError, match=words):
            next(frames)


def test_a_frame_that_is_too_large_is_not_sent() -> None:
    with pytest.raises(ProtocolError, match="is larger than 16777216"):
        encode({"kind": "x", "value": "x" * LARGEST})


def test_the_other_side_of_a_connection_is_known() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_of(ours) == (os.getpid(), os.getuid())
