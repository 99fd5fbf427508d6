"""Statements about rows that have an owner, in the two forms that they are asked in; both are built once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, bindparam


class OwnerScoped:
    """A statement about the rows of all owners, and the same about one owner's alone.

    The owner is a condition of the statement itself. Check and action are one statement: no race. A row of another
    owner is not found for the same reason as a missing row.
    """

    def __init__(self, statement: Any, owner: ColumnElement[str]) -> None:
        self._of_all = statement
        self._of_one = statement.where(owner == bindparam("of_owner"))

    def for_owner(self, owner: str | None, **values: Any) -> tuple[Any, dict[str, Any]]:
        """Return the form for an owner, or with ``None`` for all, and its parameters: what ``execute`` takes."""
        return (self._of_all, values) if owner is None else (self._of_one, {**values, "of_owner": owner})
