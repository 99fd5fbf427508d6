"""Text that may be shown, stored and sent: without what databases and UTF-8 refuse, and of a bounded length."""

from __future__ import annotations

import re

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> str:
    """Return the text with U+0000 and lone surrogates replaced by U+FFFD; PostgreSQL and UTF-8 do not take them."""
    return _UNSTORABLE.sub("\ufffd", text)


def is_clean(text: str) -> bool:
    """Tell whether :func:`clean` would leave the text as it is."""
    return _UNSTORABLE.search(text) is None


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
