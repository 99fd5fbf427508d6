"""The fields of query parameters: texts, read strictly."""

from __future__ import annotations

import re
from typing import Any

from agentos.api.kit.cursors import CursorKind, decode_cursor
from agentos.api.kit.schemas.fields import RequestSchema, StrictBoolean, StrictField, StrictInteger
from agentos.storage.paging import Cursor

MAX_LIMIT = 1000
DEFAULT_LIMIT = 100
MAX_OFFSET = 1_000_000_000
MAX_CURSOR = 2000

WORDS = {"true": True, "1": True, "false": False, "0": False}


class QueryInteger(StrictInteger):
    """A whole number in ASCII digits: ``int()`` alone would take "1_000" and the digits of other scripts."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if not (isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value, re.ASCII) and self._fits(int(value))):
            raise self._refused(value)
        return int(value)


class QueryBoolean(StrictBoolean):
    """True or false, also as 1 or 0."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if value not in WORDS:
            raise self._refused(value)
        return WORDS[value]


class QueryCursor(StrictField):
    """A place in a list, as an answer before gave it."""

    def __init__(self, kind: CursorKind) -> None:
        schema = {"type": "string", "minLength": 1, "maxLength": MAX_CURSOR}
        description = "Where to go on: `next_cursor` of the answer before."
        super().__init__(description, "a 'next_cursor' of an answer of this list, unchanged", schema)
        self._kind: CursorKind = kind

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Cursor:
        try:
            return decode_cursor(self._kind, value)
        except ValueError as error:
            raise self._refused(value) from error


class PagingQuery(RequestSchema):
    """Which part of a list."""

    limit = QueryInteger(
        "How many items at most. There may be fewer, and `next_cursor`, where they are large.",
        least=1,
        most=MAX_LIMIT,
        default=DEFAULT_LIMIT,
    )
    offset = QueryInteger("How many items to skip; a cursor is quicker, and stable.", most=MAX_OFFSET)
