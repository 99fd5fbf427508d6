"""Places in lists as clients carry them: opaque, versioned, refused when they were changed."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta
from typing import Literal

from agentos.storage.paging import Cursor

CursorKind = Literal["agent", "session", "run", "approval", "version", "rule", "key"]

VERSION = "1"
LONGEST_ID = 255
LONGEST_RULE = 512
"""Characters of the id in a place. That of a rule, a record, has its owner in it."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_NUMBER = re.compile("[0-9]{1,18}", re.ASCII)


def encode_cursor(kind: CursorKind, cursor: Cursor) -> str:
    """Return the text that a client gives back to go on after this place."""
    # Whole microseconds: a float of them would not come back to the same time.
    time = (cursor.time - EPOCH) // MICROSECOND
    return base64.urlsafe_b64encode(f"{VERSION}:{kind}:{time}:{cursor.id}".encode()).decode().rstrip("=")


def decode_cursor(kind: CursorKind, text: str) -> Cursor:
    """Return the place; raise ``ValueError`` for what :func:`encode_cursor` did not make for this kind of list.

    A cursor is no secret and is not signed: a forged one only points at another place of a list that the client may
    read anyway.
    """
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
        _, _, time, id = plain.split(":", 3)
        longest = LONGEST_RULE if kind == "rule" else LONGEST_ID
        if not id or "\0" in id or len(id) > longest or (kind == "version" and not _NUMBER.fullmatch(id)):
            raise ValueError(plain)
        cursor = Cursor(EPOCH + int(time) * MICROSECOND, id)
    except (binascii.Error, UnicodeDecodeError, OverflowError) as error:
        raise ValueError(text) from error
    if encode_cursor(kind, cursor) != text:  # of another version or kind, or spelt in another way
        raise ValueError(text)
    return cursor
