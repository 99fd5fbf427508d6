"""Statements in, rows out: SQLAlchemy says once what a statement is in the database's dialect, the driver executes it.

The tables hold text, integers, booleans and bytes alone, which both drivers take and give as they are; so nothing has
to stand between the driver and the stores. (SQLite's booleans come back as 0 and 1.)
"""

from __future__ import annotations

import time
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from sqlalchemy import Engine, Executable

from agentos.domain.text import shorten
from agentos.observability.slow import SlowLog

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPICursor
    from sqlalchemy.sql.compiler import SQLCompiler

T = TypeVar("T")

Row: TypeAlias = Any
"""A named tuple of the columns of a statement."""

Parameters: TypeAlias = Mapping[str, Any]
"""The parameters of a statement by name; it may hold more than the statement has."""

NO_PARAMETERS: Parameters = {}

MOST_CHARACTERS = 500  # of a statement in the log


class Result:
    """All that a statement gave."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: Sequence[Row], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def all(self) -> Sequence[Row]:
        """Return the rows."""
        return self._rows

    def first(self) -> Row | None:
        """Return the first row; ``None`` if there is none."""
        return self._rows[0] if self._rows else None

    def first_as(self, convert: Callable[[Row], T]) -> T | None:
        """Return what the first row is converted to; ``None`` if there is none."""
        return convert(self._rows[0]) if self._rows else None

    def scalar(self) -> Any:
        """Return the first column of the first row; ``None`` if there is none."""
        return self._rows[0][0] if self._rows else None


class Prepared:
    """A statement in the words of one dialect, with the order of its parameters and the names of its columns."""

    def __init__(self, statement: Executable, engine: Engine) -> None:
        self._compiled: SQLCompiler = cast("Any", statement).compile(dialect=engine.dialect)
        self._sql = str(self._compiled)
        self._constants = {
            name: bind.effective_value for name, bind in self._compiled.binds.items() if not bind.required
        }
        self._ordered = self._order()
        self._row: Callable[[Sequence[Any]], Row] | None = None

    def _order(self) -> Callable[[Parameters], Any]:
        """Return what makes the driver's form of the parameters: a tuple in their order, or a mapping."""
        if not self._compiled.positional:
            return lambda values: values
        names = self._compiled.positiontup or ()
        if len(names) > 1:
            return itemgetter(*names)
        return lambda values: tuple(values[name] for name in names)

    def once(self, values: Parameters) -> tuple[str, Any]:
        """Return the text and the parameters of one execution as the driver takes them."""
        if self._compiled.post_compile_params:  # ``IN (…)`` has as many parameters as there are values
            state = self._compiled.construct_expanded_state(dict(values))
            return state.statement, state.positional_parameters if self._compiled.positional else state.parameters
        return self._sql, self._ordered({**self._constants, **values})

    def often(self, rows: Sequence[Parameters]) -> tuple[str, Any]:
        """Return the text and the parameters of an execution for each row."""
        return self._sql, [self._ordered({**self._constants, **values}) for values in rows]

    def rows(self, cursor: DBAPICursor) -> Sequence[Row]:
        """Return the rows that the cursor has for an execution of this statement."""
        if cursor.description is None:
            return ()
        if self._row is None:
            names = [column[0] for column in cursor.description]
            self._row = partial(tuple.__new__, namedtuple("Row", names, rename=True))
        return list(map(self._row, cursor.fetchall()))


class Statements(dict[Executable, Prepared]):
    """The statements of one engine, each prepared at its first use and kept: a store builds its statements once."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        self.slow = SlowLog("statement", 0)

    def note(self, seconds: float, sql: str) -> None:
        """Log an execution that took too long: the text, where values are parameters, and never the values."""
        if seconds > self.slow.threshold:
            text = shorten(" ".join(sql.split()), MOST_CHARACTERS)
            self.slow.note(seconds, text, statement=text, dialect=self.engine.dialect.name)

    def __missing__(self, statement: Executable) -> Prepared:
        return self.setdefault(statement, Prepared(statement, self.engine))


class Connection:
    """What work in the database is given: one driver's cursor, in a transaction or outside of any."""

    __slots__ = ("_cursor", "_statements", "dialect")

    def __init__(self, cursor: DBAPICursor, statements: Statements) -> None:
        self.dialect = statements.engine.dialect.name
        self._cursor = cursor
        self._statements = statements

    def execute(self, statement: Executable, values: Parameters | Sequence[Parameters] = NO_PARAMETERS) -> Result:
        """Execute a statement, or the same for each of many values, and return what it gave."""
        prepared = self._statements[statement]
        cursor = self._cursor
        began = time.perf_counter()
        if once := isinstance(values, Mapping):
            sql, parameters = prepared.once(values)
            cursor.execute(sql, parameters)
        else:
            sql, parameters = prepared.often(values)
            cursor.executemany(sql, parameters)
        result = Result(prepared.rows(cursor), cursor.rowcount)
        self._statements.note(time.perf_counter() - began, sql)
        # Listeners of SQLAlchemy's event get the statement, with this connection in the place of SQLAlchemy's.
        for listener in self._statements.engine.dispatch.after_cursor_execute:
            listener(self, cursor, sql, parameters, None, not once)
        return result
