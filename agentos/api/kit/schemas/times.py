"""Points in time as requests have them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from agentos.api.kit.schemas.fields import StrictField

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})", re.I
)


class StrictTime(StrictField):
    """A point in time with its time zone; in Python it is in UTC."""

    def __init__(self, description: str, **options: Any) -> None:
        words = "a time of RFC 3339 with a time zone, as '2027-01-31T12:00:00Z'"
        schema = {"type": "string", "format": "date-time"}
        super().__init__(description, words, schema, example="2027-01-31T12:00:00Z", **options)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> datetime:
        if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
            raise self._refused(value)
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self._refused(value) from error
