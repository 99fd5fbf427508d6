"""Words and phrases to look for in messages: any text that has a word is a query, none of it is an operator."""

from __future__ import annotations

import re
import unicodedata

from agentos.domain.text import folded
from agentos.errors import InvalidRequest

MAX_PHRASES = 16
"""Most words and phrases of one query."""

MAX_INDEXED = 100_000
"""Characters of one message that are searched."""

_PHRASES = re.compile(r'"([^"]*)(?:"|$)|([^\s"]+)')
_WORDS = re.compile(r"\w+")


def phrases_of(query: str) -> tuple[str, ...]:
    """Return what a message must have all of: words, and phrases in double quotes.

    Raises ``InvalidRequest`` for a query without a letter or digit, and for one with too many words.
    """
    found = tuple(
        phrase for one in _PHRASES.finditer(query) if any(map(str.isalnum, phrase := (one[1] or one[2] or "").strip()))
    )
    if not found:
        raise InvalidRequest(f"query parameter 'q_text' is {query!r:.80}; it needs a word to look for")
    if len(found) > MAX_PHRASES:
        raise InvalidRequest(
            f"query parameter 'q_text' has {len(found)} words and phrases; at most {MAX_PHRASES} are accepted"
        )
    return found


def words_of(text: str) -> list[str]:
    """Return the words of a text as a search compares them: without accents, in lower case."""
    decomposed = unicodedata.normalize("NFD", folded(text[:MAX_INDEXED]))
    return _WORDS.findall("".join(letter for letter in decomposed if not unicodedata.combining(letter)))


def has_phrase(words: list[str], phrase: str) -> bool:
    """Tell whether the words of a text have those of a phrase, one after the other."""
    wanted = words_of(phrase)
    return any(words[start : start + len(wanted)] == wanted for start in range(len(words) - len(wanted) + 1))
