"""Times and texts as Redis holds them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def stamp(time: datetime) -> str:
    """Return an aware time as 16 digits of microseconds: texts in the order of the times."""
    return f"{(time - _EPOCH) // _MICROSECOND:016d}"


def stamp_or_none(time: datetime | None) -> str | None:
    """Return a time that may be missing."""
    return None if time is None else stamp(time)


def time_of(stored: bytes) -> datetime:
    """Return the time of :func:`stamp`, aware, in UTC."""
    return _EPOCH + timedelta(microseconds=int(stored))


def time_or_none(stored: bytes | None) -> datetime | None:
    """Return a stored time that may be missing."""
    return None if stored is None else time_of(stored)


def duration(seconds: float) -> int:
    """Return a duration in microseconds."""
    return round(seconds * 1_000_000)


def text_of(stored: bytes) -> str:
    """Return a stored text."""
    return stored.decode("utf-8", "surrogatepass")


def text_or_none(stored: bytes | None) -> str | None:
    """Return a stored text that may be missing."""
    return None if stored is None else text_of(stored)
