"""Text that may be stored, sent and shown."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.domain.text import clean, escape_controls, is_clean, one_line, shorten

CHARACTERS = st.sampled_from(["\ud83d", "\ude00", "\0", "\ufeff", "a", "ü", "漢", "\U0001f600"])


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain ü 漢 \U0001f600", "plain ü 漢 \U0001f600"),
        ("a\0b", "a\ufffdb"),
        ("\ud83d\ude00", "\U0001f600"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("x\ud83d", "x\ufffd"),
        ("\ud83d\0\ude00", "\ufffd\ufffd\ufffd"),
    ],
)
def test_halves_that_make_a_pair_are_joined_and_what_cannot_be_stored_is_replaced(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned
    assert is_clean(text) is (text == cleaned)


@given(st.text(CHARACTERS))
def test_a_clean_text_can_be_stored_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text)
    assert "\0" not in cleaned.encode().decode()
    assert clean(cleaned) is cleaned
    pairs = re.compile("[\ud800-\udbff][\udc00-\udfff]")
    assert len(cleaned) == len(pairs.sub("x", text))


def test_what_a_terminal_obeys_is_escaped() -> None:
    assert escape_controls("\x1b[2J\u202e\ud800\r\n\t", keep="\t\n") == "\\x1b[2J\\u202e\\ud800\\r\n\t"
    assert one_line(" a\n\tb\x07 ") == "a b\\x07"
    assert one_line("a b c", 4) == shorten("a b c", 4) == "a b…"
