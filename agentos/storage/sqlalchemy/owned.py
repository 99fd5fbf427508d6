"""Statements about what somebody owns, in the two forms that they are asked in; both are built once."""

from __future__ import annotations

from typing import Any, Generic, Protocol, Self, TypeVar

from sqlalchemy import ColumnElement, bindparam


class _Filtered(Protocol):
    def where(self, *conditions: ColumnElement[bool]) -> Self: ...


S = TypeVar("S", bound=_Filtered)


class Owned(Generic[S]):
    """A statement about everybody's rows, and the same about one owner's alone.

    The owner is a condition of the statement itself: nothing can happen between a look and the deed, and a row that is
    somebody else's is not found for the same reason as one that is not there.
    """

    def __init__(self, statement: S, owner: ColumnElement[str]) -> None:
        self._everybodys = statement
        self._owners = statement.where(owner == bindparam("of_owner"))

    def of(self, owner: str | None, **values: Any) -> tuple[S, dict[str, Any]]:
        """Return the form for an owner, or with ``None`` for everybody, and its parameters: what ``execute`` takes."""
        return (self._everybodys, values) if owner is None else (self._owners, {**values, "of_owner": owner})
