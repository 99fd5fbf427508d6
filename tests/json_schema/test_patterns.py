"""Patterns find what Python's own search finds, in time that grows with the text alone."""

import re
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agentos.json_schema.patterns import Pattern, PatternRefused
from agentos.json_schema.work import TooMuchWork, Work

ATOMS = (
    *("a", "b", ".", "[ab]", "[^a]", "[^ab-y]", r"\d", r"\D", r"\w", r"[\W_]", r"\s", r"\S", "é"),
    *(
        "(a|b)",
        "(ab)*",
        "(?:a|)",
        "(a|ab)(c|bcd)?",
        "a{2,3}",
        "a{0,2}?",
        "a{2,}",
        "b?",
        "a*",
        "b+?",
        "(a*)*",
        "(a|b){0,2}",
    ),
    *("^", "$", r"\b", r"\B", r"\Z", r"\A", "(?P<n>b)"),
)


@given(
    st.lists(st.sampled_from(ATOMS), max_size=5).map("".join),
    st.sampled_from(("", "|a", "|", "|b$")),
    st.text("ab1 \n_é", max_size=8),
)
def test_it_finds_what_python_finds(pattern: str, other: str, text: str) -> None:
    try:
        found = re.search(pattern + other, text)
    except re.error:
        assume(False)
    assert Pattern(pattern + other).search(text, Work()) is (found is not None)


SLOW = [
    (r"(a+)+$", "a" * 50_000 + "!"),
    (r"^(a|a)*$", "a" * 50_000 + "!"),
    (r"(a|aa)+$", "a" * 50_000 + "!"),
    (r"^(\w+\s?)*$", "word " * 10_000 + "!"),
    (r"(.*)*x", "é" * 50_000),
    (r"a+b", "a" * 50_000),
    (r"\s+$", " " * 50_000 + "x"),
    (r"a*a*a*a*a*a*b", "a" * 50_000),
    (r"^[a-z]{1,500}$", "a" * 50_000),
]


@pytest.mark.parametrize(("pattern", "text"), SLOW, ids=[pattern for pattern, _ in SLOW])
def test_a_pattern_that_python_takes_minutes_for_takes_moments(pattern: str, text: str) -> None:
    begin = time.thread_time()
    assert not Pattern(pattern).search(text, Work())
    assert time.thread_time() - begin < 5  # under load; alone it is a tenth of it


def test_a_search_that_takes_too_long_is_ended() -> None:
    with pytest.raises(TooMuchWork):
        Pattern(r"(a|b|ab){0,300}c").search("ab" * 500_000, Work(20_000))


def test_what_is_remembered_of_long_texts_is_bounded() -> None:
    pattern = Pattern(r"(.{0,500}x){2}y")
    with pytest.raises(TooMuchWork):
        pattern.search("".join(chr(1000 + number) for number in range(50_000)), Work())
    assert sum(map(len, pattern._known.values())) < 10_000


NESTED = [("(", ")", 101), ("(a|", ")", 210), ("((?:", "x)*)", 120)]


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("[", "no regular expression"),
        ("(?=a)b", "looks around"),
        ("(?<!a)b", "looks around"),
        (r"(a)\1", "refers to a group"),
        ("(?P<n>a)(?P=n)", "refers to a group"),
        ("(a)?(?(1)b|c)", "refers to a group"),
        ("(?>a)", "atomic"),
        ("a*+", "atomic"),
        ("(?i)a", "flags"),
        ("(?i:a)", "flags"),
        ("x" * 1001, "1001 characters"),
        ("((a{100}){100}){100}", "too large"),
        ("a{1,9999}", "too large"),
        *((f"{before * levels}b{after * levels}", "nested too deeply") for before, after, levels in NESTED),
        ("(" * 499 + ")" * 499, "no regular expression|nested too deeply"),
    ],
)
def test_what_has_no_automaton_is_refused(pattern: str, words: str) -> None:
    with pytest.raises(PatternRefused, match=words):
        Pattern(pattern)
