import math
import time
from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Any

import pytest
from agentos_calculator import CalculationError, calculator, register_tools

from agentos.testing import ToolCallFailed, ToolContract, call_tool


class TestContract(ToolContract):
    def tools(self) -> Iterable[Any]:
        return [calculator]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2+3*4", "14"),
        (" ( 2 + 3 ) * 4 ", "20"),
        ("7/2", "3.5"),
        ("6/2", "3"),
        ("10**20/10", "10000000000000000000"),
        ("-7//2", "-4"),
        ("-7%3", "2"),
        ("7.5%2", "1.5"),
        ("-2**2", "-4"),
        ("(-2)**2", "4"),
        ("2**-1", "0.5"),
        ("2**3**2", "512"),
        ("2^10", "1024"),
        ("2^3^2", "512"),
        ("3\N{MULTIPLICATION SIGN}4\N{DIVISION SIGN}2\N{MINUS SIGN}1", "5"),
        ("--3", "3"),
        ("+-+3", "-3"),
        ("2**100", "1267650600228229401496703205376"),
        ("123456789012345678901234567890+1", "123456789012345678901234567891"),
        ("10**999+1", "1" + "0" * 998 + "1"),
        ("0.1+0.2", "0.3"),
        ("1.1*3", "3.3"),
        ("1-0.9", "0.1"),
        ("4.35*100", "435"),
        ("12345678901.23+1", "12345678902.23"),
        ("1/3", "0.333333333333333"),
        ("1.5e3", "1500"),
        (".5+3.", "3.5"),
        ("1e20", "1e+20"),
        ("-0.0", "0"),
        ("0**0", "1"),
        ("1**(10**900)", "1"),
        ("(-1)**(10**900+1)", "-1"),
        ("sqrt(16)", "4"),
        ("2**0.5", "1.4142135623731"),
        ("cbrt(27)", "3"),
        ("log(8,2)", "3"),
        ("log(1000,10)", "3"),
        ("log(e)", "1"),
        ("ln(e**2)", "2"),
        ("log10(1000)", "3"),
        ("exp(0)", "1"),
        ("cos(pi)", "-1"),
        ("sin(tau/4)", "1"),
        ("degrees(pi)", "180"),
        ("atan2(1,1)*4", "3.14159265358979"),
        ("hypot(3,4)", "5"),
        ("round(2.5)", "3"),
        ("round(-2.5)", "-3"),
        ("round(2.675, 2)", "2.68"),
        ("round(1250, -2)", "1300"),
        ("round(10**300, -299)", "1" + "0" * 300),
        ("floor(-1.5)+ceil(1.2)+trunc(-1.7)", "-1"),
        ("abs(-3)", "3"),
        ("min(3,1,2)+max(3,1,2)+sum(1,2,3)", "10"),
        ("factorial(20)", str(math.factorial(20))),
        ("factorial(10/2)", "120"),
        ("gcd(12,18)+lcm(4,6)", "18"),
        ("comb(5,2)+perm(5,2)", "30"),
        ("pow(2,10)", "1024"),
        ("(" * 49 + "1" + ")" * 49, "1"),
        ("-" * 299 + "1", "-1"),
    ],
)
def test_an_expression_has_its_value(expression: str, value: str) -> None:
    assert calculator(expression) == value


SYNTAX = "accepted: numbers, "
TOO_LARGE = "the result is too large; accepted: whole numbers up to 1000 digits"
DEEP = "nested more than 50 levels deep"

HOSTILE = [
    ("9**9**9", TOO_LARGE),
    ("9^9^9", TOO_LARGE),
    ("2**2**2**2**2**2", TOO_LARGE),
    ("pow(10**999, 10**999)", TOO_LARGE),
    ("(10**400)*(10**400)*(10**400)", TOO_LARGE),
    ("10**1000", TOO_LARGE),
    ("-10**1000", TOO_LARGE),
    ("10**999*10", TOO_LARGE),
    ("(-2)**(10**9+1)", TOO_LARGE),
    ("*".join(["10**99"] * 40), TOO_LARGE),
    ("factorial(450)", TOO_LARGE),
    ("factorial(1000)", TOO_LARGE),
    ("factorial(10**6)", "factorial takes whole numbers from 0 to 1000"),
    ("factorial(factorial(100))", "factorial takes whole numbers from 0 to 1000"),
    ("factorial(-1)", "factorial takes whole numbers from 0 to 1000"),
    ("factorial(2.5)", "factorial takes whole numbers; 2.5 is none"),
    ("comb(10**9, 10**8)", "comb takes whole numbers from 0 to 1000"),
    ("perm(1000, 1000)", TOO_LARGE),
    ("round(10**300, -10**9)", "round takes from -300 to 300 places"),
    ("round(1.5, 10**9)", "round takes from -300 to 300 places"),
    ("lcm(" + ",".join(f"10**9{n}+{n}" for n in range(10, 34)) + ")", TOO_LARGE),
    ("1e308*10", TOO_LARGE),
    ("1e999", TOO_LARGE),
    ("exp(1000)", TOO_LARGE),
    ("10**999+0.5", TOO_LARGE),
    ("(10**900)**-1", TOO_LARGE),
    ("sqrt(10**900)", TOO_LARGE),
    ("(" * 150, DEEP),
    ("(" * 100 + "1" + ")" * 100, DEEP),
    ("abs(" * 70, DEEP),
    ("1**" * 90 + "1", DEEP),
    ("2**-" * 70 + "1", DEEP),
    ("1+" * 500 + "1", "the expression has 1001 characters; at most 300 are accepted"),
    ("9" * 100_000, "at most 300 are accepted"),
    ("1<<10**9", SYNTAX),
    ("1>>1", SYNTAX),
    ("'a'*10**9", SYNTAX),
    ('"a"', SYNTAX),
    ("f'{1:1000000000d}'", SYNTAX),
    ("[x for x in (1,2)]", SYNTAX),
    ("[1]*10**9", SYNTAX),
    ("{1: 2}", SYNTAX),
    ("lambda: 1", SYNTAX),
    ("(lambda x: x(x))(lambda x: x(x))", SYNTAX),
    ("().__class__", SYNTAX),
    ("abs.__self__", "abs is a function"),
    ("pi.real", SYNTAX),
    ("1 .__class__", SYNTAX),
    ("__import__('os')", SYNTAX),
    ("eval(1)", SYNTAX),
    ("x := 1", SYNTAX),
    ("1 if 1 else 2", SYNTAX),
    ("1; 2", SYNTAX),
    ("min(*(1,2))", SYNTAX),
    ("max(1, key=abs)", SYNTAX),
    ("1_000", SYNTAX),
    ("0x10", SYNTAX),
    ("1j", SYNTAX),
    ("٣+1", SYNTAX),
    ("True", SYNTAX),
    ("1\x00", SYNTAX),
    ("1\ud800", SYNTAX),
]

WRONG = [
    ("", "the expression ends too early; accepted: numbers"),
    ("  ", "the expression ends too early"),
    ("1+", "the expression ends too early"),
    ("(1", "the expression ends too early"),
    ("1)", r"unexpected '\)' at character 2"),
    ("2 2", "unexpected '2' at character 3"),
    ("2pi", "unknown or misplaced name 'pi' at character 2"),
    ("foo(2)", "unknown or misplaced name 'foo' at character 1"),
    ("1,000+1", "unexpected ',' at character 2"),
    ("(1,000)+1", "a comma separates the arguments of a function"),
    ("5!", "unexpected '!'"),
    ("2=2", "unexpected '='"),
    ("sqrt", r"sqrt is a function; write its argument in parentheses, as in sqrt\(2\)"),
    ("sqrt()", r"unexpected '\)'"),
    ("sqrt(1,2)", r"sqrt takes 1 argument\(s\), 2 given"),
    ("log(1,2,3)", r"log takes 1 to 2 argument\(s\), 3 given"),
    ("1/0", "division by zero has no result"),
    ("1//0", "division by zero has no result"),
    ("1%0", "division by zero has no result"),
    ("1.5/0", "division by zero has no result"),
    ("0**-1", "division by zero has no result"),
    ("sqrt(-1)", r"sqrt\(-1\) has no real result"),
    ("log(0)", r"log\(0\) has no real result"),
    ("log(5,1)", "log has no result for base 1"),
    ("acos(2)", r"acos\(2\) has no real result"),
    ("(-8)**(1/3)", "only real numbers are accepted"),
    ("gcd(1.5, 2)", "gcd takes whole numbers; 1.5 is none"),
]


@pytest.mark.parametrize(("expression", "said"), [*HOSTILE, *WRONG])
def test_what_has_no_value_is_refused_at_once_with_what_is_accepted(expression: str, said: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(CalculationError, match=said) as refusal:
        calculator(expression)
    assert time.perf_counter() - begin < 0.2
    assert len(str(refusal.value)) < 1000


@pytest.mark.parametrize(
    "expression",
    [
        "lcm(" + ",".join(["factorial(400)"] * 18) + ")",
        "+".join(["10**998"] * 9),
        "(10**499)*(10**499)%(10**498+1)//3",
        "round(" * 40 + "1.5" + ")" * 40,
        "*".join(["comb(999,500)"] * 3),
    ],
)
def test_the_most_expensive_expressions_take_milliseconds(expression: str) -> None:
    begin = time.perf_counter()
    assert calculator(expression).isdigit()
    assert time.perf_counter() - begin < 0.2


def test_a_model_reads_what_was_wrong() -> None:
    with pytest.raises(ToolCallFailed, match="tool 'calculator' failed: CalculationError: the result is too large"):
        call_tool(calculator, {"expression": "9**9**9"})


def test_the_schema_bounds_the_expression() -> None:
    with pytest.raises(ToolCallFailed, match="at most 300 characters"):
        call_tool(calculator, {"expression": "1" * 301})


@pytest.mark.parametrize(
    "expression", ["2*(3+4)", "-1", "(1)", "sqrt(2)/3", "2^3", "3\N{MULTIPLICATION SIGN}4", "1e-3 % 2"]
)
def test_the_schema_lets_expressions_through(expression: str) -> None:
    assert call_tool(calculator, {"expression": expression}) == calculator(expression)


@pytest.mark.parametrize("expression", ["", "{17}23", "'a'*9", "What is 2+2?", "1<<9"])
def test_the_schema_keeps_models_from_writing_anything_else(expression: str) -> None:
    with pytest.raises(ToolCallFailed, match="arguments of tool 'calculator' are not accepted: expression is"):
        call_tool(calculator, {"expression": expression})


def test_the_plugin_registers_the_calculator() -> None:
    registered: list[Any] = []
    register_tools(registered.append)
    assert registered == [calculator]


def test_the_entry_point_is_the_plugin() -> None:
    found = [one for one in entry_points(group="agentos") if one.name == "calculator"]
    if not found:
        pytest.skip("agentos-server-calculator is not installed")
    assert found[0].load().register_tools is register_tools
