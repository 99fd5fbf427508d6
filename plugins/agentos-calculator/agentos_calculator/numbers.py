"""The numbers of the calculator: integers that are exact, floats, and where both end."""

from __future__ import annotations

import math

Number = int | float

MAX_DIGITS = 1000
"""Most digits of an integer. A step that would give more is refused, most of them before it is taken."""

_LIMIT = 10**MAX_DIGITS
_MAX_BITS = _LIMIT.bit_length()


class CalculationError(ValueError):
    """The expression has no value here; the message says what is accepted."""


def checked(value: Number) -> Number:
    """Return the number, if it is one that the calculator can use."""
    if isinstance(value, int):
        if not -_LIMIT < value < _LIMIT:
            raise too_large()
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise too_large()
    else:
        raise CalculationError("the result is no real number; only real numbers are accepted")
    return value


def too_large() -> CalculationError:
    """Return the error for numbers beyond the limits."""
    return CalculationError(
        f"the result is too large; accepted: whole numbers up to {MAX_DIGITS} digits, other numbers up to 1.7e308"
    )


def divide(left: Number, right: Number) -> Number:
    """Divide; two integers that divide evenly give an integer of any size."""
    if isinstance(left, int) and isinstance(right, int) and right != 0 and left % right == 0:
        return left // right
    return left / right


def power(base: Number, exponent: Number) -> Number:
    """Raise to a power; what would be too large is refused before it is computed."""
    # The result has at least (bits - 1) * exponent bits, and at most twice as many or base ** 0.
    if (
        isinstance(base, int)
        and isinstance(exponent, int)
        and exponent > 0
        and (base.bit_length() - 1) * exponent > _MAX_BITS
    ):
        raise too_large()
    result: Number = base**exponent
    return result


def as_text(value: Number) -> str:
    """Write a number: integers exactly, other numbers with up to 15 significant digits.

    15 are what a float always keeps, so that ``0.1 + 0.2`` is ``0.3`` and no digit that was given gets lost.
    """
    if isinstance(value, int):
        return str(value)
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.15g}"
