"""``Annotated``: limits in the words of ``annotated_types`` and of pydantic's ``Field``, and descriptions."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

import pytest

from agentos.errors import InvalidRequest, PluginError
from agentos.tools.arguments import ArgumentReader
from agentos.tools.bounds import Bounds
from agentos.tools.schema import function_schema


class Limit:
    """Like the classes of ``annotated_types``: each states its limits in attributes."""

    def __init__(self, **limits: Any) -> None:
        vars(self).update(limits)


@dataclass
class Field:
    """Like the one of pydantic: a list of limits, and a description."""

    metadata: list[Any] = field(default_factory=list)
    description: str | None = None


@dataclass
class Doc:
    documentation: str


INTEGERS = {"type": "array", "items": {"type": "integer"}}


def taking(annotation: Any) -> Callable[..., Any]:
    def function(value: Any) -> None: ...

    function.__annotations__["value"] = annotation
    return function


@pytest.mark.parametrize(
    ("annotation", "schema", "right", "wrong"),
    [
        (Annotated[int, Limit(ge=1)], {"type": "integer", "minimum": 1}, 1, 0),
        (Annotated[int, Limit(gt=1)], {"type": "integer", "exclusiveMinimum": 1}, 2, 1),
        (Annotated[float, Limit(le=0.5)], {"type": "number", "maximum": 0.5}, 0.5, 0.6),
        (Annotated[float, Limit(lt=1)], {"type": "number", "exclusiveMaximum": 1}, 0.9, 1),
        (Annotated[int, Limit(multiple_of=5)], {"type": "integer", "multipleOf": 5}, 15, 16),
        (
            Annotated[int, Limit(gt=None, ge=1, lt=9, le=None)],
            {"type": "integer", "minimum": 1, "exclusiveMaximum": 9},
            8,
            9,
        ),
        (Annotated[Decimal, Limit(ge=Decimal("0.5"))], {"type": "number", "minimum": 0.5}, 0.5, 0.4),
        (Annotated[float, Limit(ge=Fraction(1, 4))], {"type": "number", "minimum": 0.25}, 1, 0.2),
        (Annotated[str, Limit(min_length=2)], {"type": "string", "minLength": 2}, "ab", "a"),
        (Annotated[str, Limit(max_length=2)], {"type": "string", "maxLength": 2}, "ab", "abc"),
        (
            Annotated[list[int], Limit(min_length=1, max_length=2)],
            {**INTEGERS, "minItems": 1, "maxItems": 2},
            [1],
            [1, 2, 3],
        ),
        (Annotated[dict[str, Any], Limit(min_length=1)], {"type": "object", "minProperties": 1}, {"a": 1}, {}),
        (Annotated[str, Limit(pattern=re.compile("^a+$"))], {"type": "string", "pattern": "^a+$"}, "aa", "b"),
        (
            Annotated[int | None, Limit(ge=1), Limit(le=7)],
            {"type": ["integer", "null"], "minimum": 1, "maximum": 7},
            None,
            8,
        ),
        (
            Annotated[str, Field([Limit(max_length=3), Limit(pattern="^a")], "A word.")],
            {"type": "string", "maxLength": 3, "pattern": "^a", "description": "A word."},
            "abc",
            "abcd",
        ),
        (Annotated[int, Doc("How many.")], {"type": "integer", "description": "How many."}, 5, "5"),
        (
            Annotated[int, "How many.", object(), Limit(func=abs)],
            {"type": "integer", "description": "How many."},
            5,
            "",
        ),
        (list[Annotated[int, Limit(ge=1)]], {"type": "array", "items": {"type": "integer", "minimum": 1}}, [1], [0]),
        (
            Annotated[Annotated[int, Limit(ge=5)], Bounds(ge=1)],
            {"type": "integer", "minimum": 5, "allOf": [{"minimum": 1}]},
            5,
            4,
        ),
    ],
)
def test_a_limit_is_told_to_the_model_and_checked(annotation: Any, schema: Any, right: Any, wrong: Any) -> None:
    described = function_schema(taking(annotation))
    assert described.parameters["properties"]["value"] == schema
    reader = ArgumentReader("t", described.parameters, described.convert)
    assert reader.read({"value": right}) == {"value": right}
    with pytest.raises(InvalidRequest, match=r"value(\[0\])? is .*, accepted there is"):
        reader.read({"value": wrong})


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (Annotated[int, Limit(max_length=3)], r"Limit\(max_length\) has no meaning"),
        (Annotated[str, Limit(ge="a", le="b")], r"Limit\(ge, le\) has no meaning"),
        (Annotated[bool, Field([Limit(multiple_of=2)])], r"Field\(multiple_of\) has no meaning"),
        (Annotated[str, Limit(pattern="(")], "is no regular expression"),
    ],
)
def test_a_limit_without_meaning_is_refused(annotation: Any, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        function_schema(taking(annotation))


def test_the_limits_of_annotated_types_are_known() -> None:
    types = pytest.importorskip("annotated_types")
    kinds: list[tuple[Any, dict[str, Any]]] = [
        (Annotated[int, types.Ge(1), types.Lt(9), types.MultipleOf(2)], {"minimum": 1, "exclusiveMaximum": 9}),
        (Annotated[int, types.Interval(gt=0, le=5)], {"exclusiveMinimum": 0, "maximum": 5}),
        (Annotated[str, types.MinLen(1), types.MaxLen(5)], {"minLength": 1, "maxLength": 5}),
        (Annotated[list[int], types.Len(2, 3)], {"minItems": 2, "maxItems": 3}),
        (Annotated[str, types.doc("A word."), types.Predicate(str.islower)], {"description": "A word."}),
    ]
    for annotation, schema in kinds:
        described = function_schema(taking(annotation)).parameters["properties"]["value"]
        assert described.items() >= schema.items()


def test_the_field_of_pydantic_is_known() -> None:
    pydantic = pytest.importorskip("pydantic")
    annotation = Annotated[str, pydantic.Field(min_length=1, max_length=5, pattern="^a", description="A word.")]
    assert function_schema(taking(annotation)).parameters["properties"]["value"] == {
        "type": "string",
        "minLength": 1,
        "maxLength": 5,
        "pattern": "^a",
        "description": "A word.",
    }
