"""The tool ``calculator``: arithmetic for agents, exact for integers and bounded for hostile expressions."""

from __future__ import annotations

from typing import Annotated

from agentos import Bounds, RegisterTool, hookimpl, tool
from agentos_calculator.expression import MAX_LENGTH, PATTERN, evaluate
from agentos_calculator.numbers import CalculationError, as_text

__all__ = ["CalculationError", "calculator", "register_tools"]


@tool
def calculator(expression: Annotated[str, Bounds(max_length=MAX_LENGTH, pattern=PATTERN)]) -> str:
    """Calculate the value of an arithmetic expression.

    It knows + - * / // % ** and parentheses, the constants pi, e and tau, and functions such as sqrt, log, ln, exp,
    sin, cos, tan, abs, round, floor, ceil, min, max, sum, factorial, gcd and comb. Angles are in radians.

    Args:
        expression: Numbers, operators and functions, for example 2 * (3 + 4) ** 2 or round(sqrt(2) / 3, 4).
    """
    return as_text(evaluate(expression))


@hookimpl
def register_tools(register: RegisterTool) -> None:
    """Register the calculator."""
    register(calculator)
