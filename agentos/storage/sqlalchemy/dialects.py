"""What the dialects say differently: inserts that meet a row which is there already, locks, and the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Text, literal, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from agentos.storage.sqlalchemy.connection import Connection

S = TypeVar("S")

FOLD = "agentos_fold"
"""SQLite's name of :func:`~agentos.domain.text.folded`, which each connection is given."""

_LOCK = text("SELECT pg_advisory_xact_lock(:space, :number)")


def for_each_dialect(build: Callable[[Any], S]) -> dict[str, S]:
    """Build a statement for each dialect, by the dialect's name; ``build`` takes the module with its ``insert``."""
    return {"sqlite": build(sqlite), "postgresql": build(postgresql)}


def lock_until_commit(connection: Connection, space: int, number: int) -> None:
    """Take the lock with two numbers until the transaction ends. On SQLite, one transaction at a time writes anyway."""
    if connection.dialect == "postgresql":
        connection.execute(_LOCK, {"space": space, "number": number})


class json_member(FunctionElement[str]):  # noqa: N801 - reads as the SQL function that it is
    """A text in a JSON object that is stored as text, by the names that lead to it: ``json_member(column, "a", "b")``.

    The names are the server's own, not a caller's. The text has no characters that JSON escapes.
    """

    type = Text()
    inherit_cache = True

    def __init__(self, column: ColumnElement[str], *names: str) -> None:
        super().__init__(column, *map(literal, names))


@compiles(json_member, "sqlite")
def _member_on_sqlite(element: json_member, compiler: SQLCompiler, **options: Any) -> str:
    column, *names = element.clauses
    path = "$" + "".join(f".{name.value}" for name in names)
    return f"json_extract({compiler.process(column, **options)}, '{path}')"


@compiles(json_member, "postgresql")
def _member_on_postgresql(element: json_member, compiler: SQLCompiler, **options: Any) -> str:
    column, *names = element.clauses
    path = ",".join(name.value for name in names)
    # PostgreSQL refuses to read an object that has "\\u0000" in any of its texts; with a space there it is still JSON.
    json = rf"CAST(replace({compiler.process(column, **options)}, '\u0000', '\u0020') AS json)"
    return f"({json} #>> '{{{path}}}')"


class database_now(FunctionElement[int]):  # noqa: N801 - reads as the SQL function that it is
    """The database's own time, which all workers share, in microseconds since 1970. Moves on within a transaction."""

    type = BigInteger()
    inherit_cache = True


@compiles(database_now, "sqlite")
def _on_sqlite(element: database_now, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ARG001
    # unixepoch('subsec') needs SQLite 3.42; Julian days count from noon, 2440587.5 of them before 1970.
    return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


@compiles(database_now, "postgresql")
def _on_postgresql(element: database_now, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ARG001
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"


class folded(FunctionElement[str]):  # noqa: N801 - reads as the SQL function that it is
    """A text as a search compares it. On PostgreSQL, its collation knows what is the lower case of a letter."""

    type = Text()
    inherit_cache = True


@compiles(folded, "sqlite")
def _fold_on_sqlite(element: folded, compiler: SQLCompiler, **options: Any) -> str:
    # SQLite's own lower() knows the letters of ASCII alone.
    return f"{FOLD}({compiler.process(element.clauses, **options)})"


@compiles(folded, "postgresql")
def _fold_on_postgresql(element: folded, compiler: SQLCompiler, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"
