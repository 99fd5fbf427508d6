import base64
from datetime import UTC, datetime, timedelta

import pytest

from agentos.api.kit.cursors import decode_cursor, encode_cursor
from agentos.storage.paging import Cursor

CURSOR = Cursor(datetime(2026, 11, 22, 12, 0, 0, 123457, tzinfo=UTC), "0199aaaa")


def encoded(plain: str) -> str:
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


@pytest.mark.parametrize("step", range(0, 1000, 37))
def test_a_cursor_comes_back_to_the_microsecond(step: int) -> None:
    cursor = Cursor(CURSOR.time + timedelta(microseconds=step), "id:with:colons")
    assert decode_cursor("session", encode_cursor("session", cursor)) == cursor


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "=",
        encode_cursor("run", CURSOR),
        encode_cursor("session", CURSOR) + "=",
        encode_cursor("session", CURSOR) + "A",
        encode_cursor("session", CURSOR)[:-3] + "\n",
        encoded("2:session:1:x"),
        encoded("1:session:x:x"),
        encoded("1:session:1"),
        encoded("1:session:1:"),
        encoded("1:session:1:a\0b"),
        encoded("1:session: 1:x"),
        encoded("1:session:1_0:x"),
        encoded("1:session:٣:x"),
        encoded("1:session:" + "9" * 30 + ":x"),
        encoded("1:session:" + "9" * 5000 + ":x"),
        encoded("1:session:1:" + "x" * 300),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_what_was_not_given_out_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode_cursor("session", text)
