"""Text that may be stored, sent and shown: without what databases, UTF-8 and terminals do not take, and bounded."""

from __future__ import annotations

import re
import unicodedata

# Control characters, the separators that terminals and str.splitlines() take for line ends, those that turn the
# direction of text, and what is no character.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str) -> str:
    """Return the text without what PostgreSQL and UTF-8 do not take: U+0000 and lone surrogates become U+FFFD.

    Two halves of a surrogate pair become their character.
    """
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else join_surrogates(text)


def is_clean(text: str) -> bool:
    """Tell whether :func:`clean` would leave the text as it is."""
    return clean(text) is text


def join_surrogates(text: str) -> str:
    """Return the text with halves of surrogate pairs joined; one that stays alone becomes U+FFFD."""
    try:
        text.encode()  # faster than any search
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def folded(text: str) -> str:
    """Return the text as a search compares it: without a difference between upper and lower case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def shorten(text: str, length: int) -> str:
    """Return the text, or its beginning and an ellipsis, in at most ``length`` characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def cut(text: str, size: int) -> str:
    """Return the text, or its beginning in at most ``size`` bytes of UTF-8 and behind it a note that it was cut."""
    beginning = text[:size].encode()
    if len(text) <= size and len(beginning) <= size:
        return text
    kept = beginning[:size].decode(errors="ignore")
    return f"{kept}\n[cut here: {len(kept)} of {len(text)} characters are shown]"


def escape_controls(text: str, *, keep: str = "") -> str:
    """Return the text with what a terminal obeys or takes for the end of a line as escapes, but for those in ``keep``.

    What a client, a model or a tool wrote can then neither move the cursor nor forge a line.
    """
    return CONTROL.sub(lambda match: match[0] if match[0] in keep else ascii(match[0])[1:-1], text)


def one_line(text: str, length: int | None = None) -> str:
    """Return the text on one line that a terminal may be shown; its beginning where it is longer than ``length``."""
    line = escape_controls(" ".join(text.split()))
    return line if length is None else shorten(line, length)
