"""Times and JSON as the columns hold them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, literal_column

from agentos.storage.json_text import loads

Values = dict[str, Any]
"""A row to be written, or a part of one, by the names of its columns."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def fields_of(value: object, names: Iterable[str]) -> Values:
    """Return the fields that a row and what it stands for have in common, as they are."""
    return {name: getattr(value, name) for name in names}


def microseconds(time: datetime) -> int:
    """Return an aware time as the tables hold it."""
    return (time - _EPOCH) // _MICROSECOND


def time_of(stored: int) -> datetime:
    """Return a stored time, aware, in UTC."""
    return _EPOCH + timedelta(microseconds=stored)


def time_or_none(stored: int | None) -> datetime | None:
    """Return a stored time that may be missing."""
    return None if stored is None else time_of(stored)


def duration(seconds: float) -> int:
    """Return a duration in the unit of the stored times."""
    return round(seconds * 1_000_000)


def object_of(text: str) -> dict[str, Any]:
    """Return a stored JSON object; most are empty, which is worth a short cut."""
    value: dict[str, Any] = {} if text == "{}" else loads(text)
    return value


def without_index(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return a condition written so that no index answers it, where a planner would choose an index that is bad."""
    return case((condition, literal_column("1")), else_=literal_column("0")) == literal_column("1")
