import pytest

from agentos.testing.sse import ServerSentEvent, SSEReader, read_events

STREAM = (
    b'\xef\xbb\xbf: hello\n\nid: 1\nevent: token\ndata: {"a": "\xc3\xbc"}\n\ndata: one\r\ndata:two\r\n\r\n'
    b"id: 2\rdata:  x\r\rid: a\0b\nretry: 5\nnonsense\ndata\n\nevent: lost\n\ndata: never completed\n"
)
EVENTS = [
    ServerSentEvent('{"a": "ü"}', "token", "1"),
    ServerSentEvent("one\ntwo", "message", "1"),
    ServerSentEvent(" x", "message", "2"),
    ServerSentEvent("", "message", "2"),
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_stream_is_read_as_the_specification_says_however_it_is_cut(size: int) -> None:
    pieces = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    assert list(read_events(pieces)) == EVENTS


def test_comments_are_kept_and_json_is_decoded() -> None:
    reader = SSEReader()
    (event,) = reader.feed(b': heartbeat\n\ndata: {"a": 1}\n\n')
    assert reader.comments == ["heartbeat"]
    assert event.json() == {"a": 1}
