from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.errors import ProviderError
from agentos.models.wire.sse import EventParser

STREAM = b'data: {"a":"\xf0\x9f\x8e\x89"}\r\n\r\n: comment\nevent: x\ndata:1\ndata: 2\n\ndata: \n\n\ndata:[DONE]\n\n'
EVENTS = [b'{"a":"\xf0\x9f\x8e\x89"}', b"1\n2", b"[DONE]"]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_events_are_the_same_wherever_the_bytes_are_cut(cuts: list[int]) -> None:
    parser = EventParser()
    places = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(places)]
    assert [event for piece in pieces for event in parser.feed(piece)] == EVENTS


def test_a_last_event_without_its_empty_line_is_given_at_the_end() -> None:
    parser = EventParser()
    assert parser.feed(b"data: 1\n\ndata: 2") == [b"1"]
    assert parser.finish() == [b"2"]


@pytest.mark.parametrize("piece", [b"x" * 10, b"data: x\n"])
def test_an_event_that_never_ends_is_refused_at_the_limit(piece: bytes) -> None:
    parser = EventParser(max_size=100)

    def feed_forever() -> None:
        for _ in range(20):
            parser.feed(piece)

    with pytest.raises(ProviderError, match="single event of more than 100 bytes"):
        feed_forever()


def test_many_events_are_no_large_event() -> None:
    parser = EventParser(max_size=100)
    assert sum(len(parser.feed(b"data: x\n\n: y\n")) for _ in range(100)) == 100


def test_events_without_an_empty_line_between_them_are_no_large_event() -> None:
    parser = EventParser(max_size=100)
    assert sum(len(parser.feed(b'data: {"a": 1}\n')) for _ in range(100)) == 99
    assert parser.finish() == [b'{"a": 1}']


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"event: ping\ndata: x\n\ndata: 1\n\n", [b"1"]),
        (b"data: x\nevent: Heartbeat\n\ndata: 1\n\n", [b"1"]),
        (b"event: ping\n\ndata: 1\n\n", [b"1"]),
        (b"event: error\ndata: no\n\ndata: 1\n\n", [b'{"error":"no"}', b"1"]),
        (b'event: error\ndata: {"message":"no"}\n\n', [b'{"error":{"message":"no"}}']),
        (b'event: error\ndata: {"error":"no"}\n\n', [b'{"error":"no"}']),
        (b"event: message\ndata: 1\n\n", [b"1"]),
    ],
)
def test_the_names_of_events_count(stream: bytes, events: list[bytes]) -> None:
    assert EventParser().feed(stream) == events
