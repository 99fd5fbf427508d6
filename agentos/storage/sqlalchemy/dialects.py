"""Statements that SQLAlchemy has only in the form of one dialect: inserts that meet a row which is there already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.dialects import postgresql, sqlite

from agentos.storage.sqlalchemy.connection import Connection

S = TypeVar("S")

_LOCK = text("SELECT pg_advisory_xact_lock(:space, :number)")


def for_each_dialect(build: Callable[[Any], S]) -> dict[str, S]:
    """Build a statement for each dialect, by the dialect's name; ``build`` takes the module with its ``insert``."""
    return {"sqlite": build(sqlite), "postgresql": build(postgresql)}


def lock_until_commit(connection: Connection, space: int, number: int) -> None:
    """Take the lock with two numbers until the transaction ends. On SQLite, one transaction at a time writes anyway."""
    if connection.dialect == "postgresql":
        connection.execute(_LOCK, {"space": space, "number": number})
