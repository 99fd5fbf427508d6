import enum
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal, NewType, NotRequired, Optional, TypedDict

import pytest

from agentos.errors import PluginError
from agentos.tools.bounds import Bounds
from agentos.tools.context import ToolContext
from agentos.tools.schema import function_schema


class Unit(enum.Enum):
    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


@dataclass
class Point:
    """A place on a plane.

    Args:
        x: To the right.
    """

    x: float
    y: float = 0.0


@dataclass
class Line:
    start: Point
    ends: list[Point] = field(default_factory=list)


class Options(TypedDict):
    depth: int
    label: NotRequired[str]


Name = NewType("Name", str)

POINT = {
    "type": "object",
    "properties": {
        "x": {"type": "number", "description": "To the right."},
        "y": {"type": "number", "default": 0.0},
    },
    "required": ["x"],
    "additionalProperties": False,
}


def taking(annotation: Any) -> Callable[..., Any]:
    def function(value: Any) -> None: ...

    function.__annotations__["value"] = annotation
    return function


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (str, {"type": "string"}),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (Any, {}),
        (Decimal, {"type": "number"}),
        (datetime, {"type": "string", "format": "date-time"}),
        (date, {"type": "string", "format": "date"}),
        (time, {"type": "string", "format": "time"}),
        (uuid.UUID, {"type": "string", "format": "uuid"}),
        (Name, {"type": "string"}),
        (Optional[str], {"type": ["string", "null"]}),  # noqa: UP045 - the old spelling must work too
        (int | str | None, {"type": ["integer", "string", "null"]}),
        (date | None, {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Literal["a", 1], {"enum": ["a", 1]}),
        (Unit, {"type": "string", "enum": ["celsius", "fahrenheit"]}),
        (list, {"type": "array"}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (Sequence[int], {"type": "array", "items": {"type": "integer"}}),
        (set[str], {"type": "array", "items": {"type": "string"}}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (
            tuple[int, str],
            {"type": "array", "minItems": 2, "maxItems": 2, "prefixItems": [{"type": "integer"}, {"type": "string"}]},
        ),
        (dict, {"type": "object"}),
        (dict[str, Any], {"type": "object"}),
        (Mapping[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Point, POINT),
        (list[Point], {"type": "array", "items": POINT}),
        (
            Options,
            {
                "type": "object",
                "properties": {"depth": {"type": "integer"}, "label": {"type": "string"}},
                "required": ["depth"],
                "additionalProperties": False,
            },
        ),
        (Annotated[int, "How many."], {"type": "integer", "description": "How many."}),
        (Annotated[str, Bounds(max_length=9)], {"type": "string", "maxLength": 9}),
        (Annotated[str, Bounds(min_length=1, pattern="^a")], {"type": "string", "minLength": 1, "pattern": "^a"}),
        (Annotated[int, Bounds(ge=1, le=7)], {"type": "integer", "minimum": 1, "maximum": 7}),
        (Annotated[list[int], Bounds(max_length=3)], {"type": "array", "items": {"type": "integer"}, "maxItems": 3}),
        (Annotated[str | None, Bounds(max_length=9)], {"type": ["string", "null"], "maxLength": 9}),
        (
            Annotated[list[int] | None, Bounds(max_length=9)],
            {"anyOf": [{"type": "array", "items": {"type": "integer"}, "maxItems": 9}, {"type": "null"}]},
        ),
    ],
)
def test_an_annotation_has_its_json_schema(annotation: Any, schema: dict[str, Any]) -> None:
    assert function_schema(taking(annotation)).parameters["properties"]["value"] == schema


@pytest.mark.parametrize(
    ("annotation", "given", "value"),
    [
        (int, 3.0, 3),
        (float, 3, 3.0),
        (Decimal, 19.99, Decimal("19.99")),
        (date, "2026-01-31", date(2026, 1, 31)),
        (datetime, "2026-01-31T12:00:00+00:00", datetime.fromisoformat("2026-01-31T12:00:00+00:00")),
        (Unit, "celsius", Unit.CELSIUS),
        (Unit | None, None, None),
        (list[Unit], ["celsius"], [Unit.CELSIUS]),
        (set[int], [1, 1, 2], {1, 2}),
        (tuple[int, date], [1, "2026-01-31"], (1, date(2026, 1, 31))),
        (dict[str, date], {"a": "2026-01-31"}, {"a": date(2026, 1, 31)}),
        (Line, {"start": {"x": 1}, "ends": [{"x": 2, "y": 3}]}, Line(Point(1.0), [Point(2.0, 3.0)])),
        (Options, {"depth": 1}, {"depth": 1}),
        (date | str, "tomorrow", "tomorrow"),
        (date | str, "2026-01-31", date(2026, 1, 31)),
        (Point | list[Point], [{"x": 1}], [Point(1.0)]),
    ],
)
def test_json_becomes_the_annotated_type(annotation: Any, given: Any, value: Any) -> None:
    converted = function_schema(taking(annotation)).convert({"value": given})["value"]
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("annotation", "given", "said"),
    [
        (list[date], ["2026-01-31", "soon"], r"value\[1\] is 'soon'; accepted: a date like 2026-01-31"),
        (set[Any], [[1]], "value holds an array or object, which cannot be a member of a set"),
        (date | None, "soon", "value is 'soon'"),
    ],
)
def test_what_cannot_be_converted_is_named_by_its_path(annotation: Any, given: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        function_schema(taking(annotation)).convert({"value": given})


GOOGLE = """Tell the weather.

    At one place.

    Args:
        city: Where,
            in words.

    Returns:
        A sentence.
    """
REST = """Tell the weather.

    At one place.

    :param city: Where, in words.
    :returns: A sentence.
    """
NUMPY = """Tell the weather.

    At one place.

    Parameters
    ----------
    city : str
        Where, in words.

    Returns
    -------
    str
        A sentence.
    """


@pytest.mark.parametrize("docstring", [GOOGLE, REST, NUMPY])
def test_descriptions_come_from_the_docstring(docstring: str) -> None:
    def weather(city: str) -> str: ...

    weather.__doc__ = docstring
    schema = function_schema(weather)
    assert schema.description == "Tell the weather.\n\nAt one place."
    assert schema.parameters["properties"]["city"]["description"] == "Where, in words."


def test_an_annotated_description_wins_over_the_docstring() -> None:
    def weather(city: Annotated[str, "A city."]) -> str:
        """Tell the weather.

        Args:
            city: Somewhere.
        """

    assert function_schema(weather).parameters["properties"]["city"]["description"] == "A city."


def test_a_description_of_one_line_has_no_line_break_behind_it() -> None:
    def weather(city: str) -> str:
        """Tell the weather.

        Args:
            city: Somewhere.
        """

    assert function_schema(weather).description == "Tell the weather."


def test_parameters_with_a_default_are_optional_and_show_it() -> None:
    def function(
        a: int, b: int = 2, unit: Unit = Unit.CELSIUS, tags: tuple[str, ...] = (), limit: float = float("inf")
    ):
        """Do it."""

    schema = function_schema(function).parameters
    assert schema["required"] == ["a"]
    assert schema["additionalProperties"] is False
    defaults = {name: one["default"] for name, one in schema["properties"].items() if "default" in one}
    assert defaults == {"b": 2, "unit": "celsius"}


@pytest.mark.parametrize("annotation", [ToolContext, ToolContext | None])
def test_the_context_is_not_shown_to_the_model(annotation: Any) -> None:
    schema = function_schema(taking(annotation))
    assert schema.context_parameter == "value"
    assert schema.parameters["properties"] == {}


@dataclass
class Node:
    children: "list[Node]"


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (bytes, "no JSON schema can be made of bytes"),
        (Callable[[], None], "no JSON schema can be made of"),
        (dict[int, str], "the names in a JSON object are str, not int"),
        (Node, "Node contains itself"),
        (Annotated[int, Bounds(max_length=3)], "max_length.* has no meaning"),
        (Annotated[str, Bounds(pattern="(")], "is no regular expression"),
        (Literal[b"x"], "not all strings, numbers, booleans or null"),
        ("NoSuchType", "cannot be resolved"),
    ],
)
def test_what_cannot_be_described_is_refused_by_function_and_parameter(annotation: Any, said: str) -> None:
    with pytest.raises(PluginError, match=said) as refusal:
        function_schema(taking(annotation))
    assert "function" in refusal.value.message
    assert isinstance(annotation, str) or "parameter 'value'" in refusal.value.message


def star(*args: int) -> None: ...
def double_star(**kwargs: int) -> None: ...
def bare(city) -> None: ...  # type: ignore[no-untyped-def]
def positional(city: str, /) -> None: ...
async def async_generator(city: str):  # type: ignore[no-untyped-def]
    yield city


def generator(city: str):  # type: ignore[no-untyped-def]
    yield city


def two_contexts(a: ToolContext, b: ToolContext) -> None: ...


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (star, "parameter 'args' of tool function 'star' takes any number"),
        (double_star, "parameter 'kwargs' of tool function 'double_star' takes any number"),
        (bare, "parameter 'city' of tool function 'bare' has no type annotation; give it one, as in 'city: str'"),
        (positional, "parameter 'city' of tool function 'positional' is positional-only"),
        (async_generator, "tool function 'async_generator' is a generator"),
        (generator, "tool function 'generator' is a generator"),
        (two_contexts, "only one parameter may be a ToolContext"),
        (object(), "is no tool; accepted: a typed function"),
    ],
)
def test_functions_that_cannot_be_called_by_name_are_refused(function: Any, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        function_schema(function)
