"""Reads an expression and computes it on the way, by a grammar that has nothing but numbers in it.

    sum      = product (("+" | "-") product)*
    product  = signed (("*" | "/" | "//" | "%") signed)*
    signed   = ("+" | "-")* power
    power    = atom ("**" signed)?
    atom     = number | constant | function "(" sum ("," sum)* ")" | "(" sum ")"

Python's own rules of precedence hold. ``^`` is read as ``**``, and the signs of printed mathematics as what they mean.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from agentos_calculator.functions import CONSTANTS, FUNCTIONS
from agentos_calculator.numbers import CalculationError, Number, as_text, checked, divide, power, too_large

MAX_LENGTH = 300
"""Most characters of an expression."""

MAX_DEPTH = 50
"""Most parentheses, and powers of powers, inside each other."""

_PRINTED = {
    "\N{MULTIPLICATION SIGN}": "*",
    "\N{MIDDLE DOT}": "*",
    "\N{DIVISION SIGN}": "/",
    "\N{MINUS SIGN}": "-",
}

PATTERN = rf"^[-+(0-9A-Za-z][-0-9A-Za-z_ .,()+*/%^{''.join(_PRINTED)}]{{0,{MAX_LENGTH - 1}}}$"
"""What models that are bound to the schema can write. Without it the smallest ones write prose, or a point first."""

ACCEPTED = (
    f"numbers, + - * / // % **, parentheses, the constants {', '.join(CONSTANTS)} and the functions"
    f" {', '.join(FUNCTIONS)}"
)

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<sign>\*\*|//|[-+*/%(),])|(?P<end>\Z)|(?P<other>.))",
    re.DOTALL,
)
_SPELLINGS = str.maketrans({"^": "**", **_PRINTED})
_PRODUCT: dict[str, Callable[[Any, Any], Any]] = {
    "*": operator.mul,
    "/": divide,
    "//": operator.floordiv,
    "%": operator.mod,
}
_SUM: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub}


def evaluate(expression: str) -> Number:
    """Return the value of an expression; raise :class:`CalculationError` saying what is wrong and what is accepted."""
    if len(expression) > MAX_LENGTH:
        raise CalculationError(
            f"the expression has {len(expression)} characters; at most {MAX_LENGTH} are accepted, calculate it in parts"
        )
    return _Reader(expression.translate(_SPELLINGS)).whole()


class _Reader:
    """One reading of an expression, from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._depth = 0
        self._position = 0
        self._next()

    def whole(self) -> Number:
        """Return the value of the whole text."""
        value = self._sum()
        if self._kind != "end":
            raise self._unexpected()
        return value

    def _next(self) -> None:
        match = _TOKEN.match(self._text, self._position)
        assert match is not None
        assert match.lastgroup is not None
        self._kind, self._token = match.lastgroup, match[match.lastgroup]
        self._start, self._position = match.start(match.lastgroup), match.end()

    def _take(self, *tokens: str) -> str | None:
        token = self._token
        if self._kind != "sign" or token not in tokens:
            return None
        self._next()
        return token

    def _sum(self) -> Number:
        value = self._product()
        while sign := self._take("+", "-"):
            value = _computed(_SUM[sign], value, self._product())
        return value

    def _product(self) -> Number:
        value = self._signed()
        while sign := self._take("*", "/", "//", "%"):
            value = _computed(_PRODUCT[sign], value, self._signed())
        return value

    def _signed(self) -> Number:
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign == "-"
        value = self._power()
        return -value if negative else value

    def _power(self) -> Number:
        base = self._atom()
        if not self._take("**"):
            return base
        self._deeper()
        value = _computed(power, base, self._signed())
        self._depth -= 1
        return value

    def _atom(self) -> Number:
        kind, text = self._kind, self._token
        if kind == "number":
            self._next()
            return checked(int(text) if text.isdigit() else float(text))
        if kind == "name" and text in CONSTANTS:
            self._next()
            return CONSTANTS[text]
        if kind == "name" and text in FUNCTIONS:
            self._next()
            return self._call(text, self._inside(text))
        if kind == "sign" and text == "(":
            values = self._inside("the parentheses")
            if len(values) == 1:
                return values[0]
            raise CalculationError(
                f"a comma separates the arguments of a function, not digits or numbers; accepted: {ACCEPTED}"
            )
        raise self._unexpected()

    def _inside(self, what: str) -> list[Number]:
        """Return the values between parentheses, at least one."""
        if not self._take("("):
            raise CalculationError(f"{what} is a function; write its argument in parentheses, as in {what}(2)")
        self._deeper()
        values = [self._sum()]
        while self._take(","):
            values.append(self._sum())
        if not self._take(")"):
            raise self._unexpected()
        self._depth -= 1
        return values

    def _call(self, name: str, given: Sequence[Number]) -> Number:
        function = FUNCTIONS[name]
        if not function.least <= len(given) <= function.most:
            count = str(function.least) if function.least == function.most else f"{function.least} to {function.most}"
            raise CalculationError(f"{name} takes {count} argument(s), {len(given)} given")
        return _computed(function.compute, *given, name=name)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise CalculationError(f"the expression is nested more than {MAX_DEPTH} levels deep; calculate it in parts")

    def _unexpected(self) -> CalculationError:
        found = f"unexpected {self._token[:40]!r} at character {self._start + 1}"
        if self._kind == "end":
            found = "the expression ends too early"
        elif self._kind == "name":
            found = f"unknown or misplaced name {self._token[:40]!r} at character {self._start + 1}"
        return CalculationError(f"{found}; accepted: {ACCEPTED}")


def _computed(compute: Callable[..., Any], *given: Number, name: str = "") -> Number:
    """Take one step, within the limits of numbers."""
    try:
        return checked(compute(*given))
    except CalculationError:
        raise
    except ZeroDivisionError as error:
        raise CalculationError("division by zero has no result") from error
    except OverflowError as error:
        raise too_large() from error
    except ValueError as error:
        numbers = ", ".join(as_text(value)[:40] for value in given)
        raise CalculationError(f"{name}({numbers}) has no real result") from error
