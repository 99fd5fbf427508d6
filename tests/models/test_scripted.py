"""``scripted:echo`` repeats any text word by word, in a time that grows with its length alone."""

import time

import pytest

from agentos.cancellation import Cancellation
from agentos.domain.message import Message
from agentos.models.deltas import TextDelta
from agentos.models.request import ModelRequest
from agentos.models.scripted import ScriptedProvider
from agentos.models.wire.server_errors import clean, read_error
from agentos.tools.results import MAX_ERROR_LENGTH, error_text


def echo(text: str) -> list[str]:
    request = ModelRequest(
        model="echo", messages=[Message("user", text)], deadline=time.monotonic() + 60, cancellation=Cancellation()
    )
    return [delta.text for delta in ScriptedProvider().stream(request) if isinstance(delta, TextDelta)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n\t", []),
        ("one", ["one"]),
        (" one  two\nthree ", [" one", "  two", "\nthree"]),
        ("\u3000one\x1ctwo\u200bthree\x85", ["\u3000one", "\x1ctwo\u200bthree"]),
    ],
)
def test_the_words_come_with_the_space_before_them(text: str, words: list[str]) -> None:
    assert echo(text) == words


@pytest.mark.parametrize("text", [" " * 60_000, " " * 60_000 + "a", " a" * 30_000, "\n\t" * 30_000])
def test_a_text_of_spaces_takes_no_longer_than_another(text: str) -> None:
    start = time.thread_time()

    echo(text)

    assert time.thread_time() - start < 1  # half a minute, where each space is a new beginning


def test_what_a_model_server_says_of_an_error_is_cleaned_in_no_time() -> None:
    start = time.thread_time()

    assert len(clean(read_error(b'{"error": "' + b"?a" * 5000 + b'"}').words)) <= 300

    assert time.thread_time() - start < 0.1


def test_an_exception_that_quotes_megabytes_is_shown_in_its_beginning() -> None:
    start = time.thread_time()

    text = error_text(ValueError("password=" * 1_000_000))

    assert (text.startswith("ValueError: "), len(text) <= MAX_ERROR_LENGTH) == (True, True)
    assert "password=password" not in text
    assert time.thread_time() - start < 0.5
