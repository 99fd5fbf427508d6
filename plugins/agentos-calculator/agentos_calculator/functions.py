"""The functions and constants of the calculator, each bounded in the work that it may cause."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from agentos_calculator.numbers import CalculationError, Number, as_text, power

MAX_COUNT = 1000
"""Largest number that factorial, comb and perm take."""

MAX_PLACES = 300
"""Most places that round takes, before or behind the point."""

CONSTANTS: dict[str, float] = {"pi": math.pi, "e": math.e, "tau": math.tau}


@dataclass(frozen=True, slots=True)
class Function:
    """A function and how many arguments it takes."""

    compute: Callable[..., Any]
    least: int = 1
    most: int = 1


def whole(value: Number, name: str, *, most: int | None = None) -> int:
    """Return the whole number that an argument must be."""
    if isinstance(value, float) and not value.is_integer():
        raise CalculationError(f"{name} takes whole numbers; {as_text(value)} is none")
    number = int(value)
    if most is not None and not 0 <= number <= most:
        raise CalculationError(f"{name} takes whole numbers from 0 to {most}")
    return number


def rounded(value: Number, places: Number = 0) -> Number:
    """Round halves away from zero, as on paper; the decimal digits count, so that ``round(2.675, 2)`` is 2.68."""
    digits = whole(places, "the second argument of round")
    if abs(digits) > MAX_PLACES:
        raise CalculationError(f"round takes from -{MAX_PLACES} to {MAX_PLACES} places")
    with localcontext() as context:
        context.prec = 2000
        result = Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return int(result) if digits <= 0 or isinstance(value, int) else float(result)


def logarithm(value: Number, base: Number = math.e) -> float:
    """Return the logarithm, natural unless a base is given."""
    if base == 1:
        raise CalculationError("log has no result for base 1")
    # These two are exact where math.log(8, 2) is not.
    if base in (2, 10):
        return math.log2(value) if base == 2 else math.log10(value)
    return math.log(value) if base == math.e else math.log(value, base)


def _counting(compute: Callable[..., int], name: str) -> Callable[..., int]:
    return lambda *given: compute(*(whole(value, name, most=MAX_COUNT) for value in given))


def _of_whole(compute: Callable[..., int], name: str) -> Callable[..., int]:
    return lambda *given: compute(*(whole(value, name) for value in given))


_ANY = 1000

FUNCTIONS: dict[str, Function] = {
    "abs": Function(abs),
    "acos": Function(math.acos),
    "acosh": Function(math.acosh),
    "asin": Function(math.asin),
    "asinh": Function(math.asinh),
    "atan": Function(math.atan),
    "atan2": Function(math.atan2, 2, 2),
    "atanh": Function(math.atanh),
    "cbrt": Function(math.cbrt),
    "ceil": Function(math.ceil),
    "comb": Function(_counting(math.comb, "comb"), 2, 2),
    "cos": Function(math.cos),
    "cosh": Function(math.cosh),
    "degrees": Function(math.degrees),
    "exp": Function(math.exp),
    "factorial": Function(_counting(math.factorial, "factorial")),
    "floor": Function(math.floor),
    "gcd": Function(_of_whole(math.gcd, "gcd"), 1, _ANY),
    "hypot": Function(math.hypot, 1, _ANY),
    "lcm": Function(_of_whole(math.lcm, "lcm"), 1, _ANY),
    "ln": Function(math.log),
    "log": Function(logarithm, 1, 2),
    "log10": Function(math.log10),
    "log2": Function(math.log2),
    "max": Function(lambda *given: max(given), 1, _ANY),
    "min": Function(lambda *given: min(given), 1, _ANY),
    "perm": Function(_counting(math.perm, "perm"), 2, 2),
    "pow": Function(power, 2, 2),
    "radians": Function(math.radians),
    "round": Function(rounded, 1, 2),
    "sin": Function(math.sin),
    "sinh": Function(math.sinh),
    "sqrt": Function(math.sqrt),
    "sum": Function(lambda *given: sum(given), 1, _ANY),
    "tan": Function(math.tan),
    "tanh": Function(math.tanh),
    "trunc": Function(math.trunc),
}
