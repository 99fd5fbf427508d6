"""Parameters that are typed dictionaries."""

from typing import Annotated, Any, NotRequired, Required, TypedDict

import pytest

from agentos.errors import InvalidRequest
from agentos.tools.arguments import ArgumentReader
from agentos.tools.bounds import Bounds
from agentos.tools.schema import function_schema


class Total(TypedDict):
    a: int
    b: NotRequired[str]


class NotTotal(TypedDict, total=False):
    a: Required[int]
    b: str


class Derived(NotTotal):
    c: float


class AsText(TypedDict, total=False):
    a: "Required[int]"
    b: "str"


class Noted(TypedDict):
    """With notes.

    Args:
        b: A name.
    """

    a: Annotated[Required[int], Bounds(ge=1)]
    b: "Annotated[NotRequired[str], Bounds(max_length=9)]"


def schema(*required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


INTEGER, STRING = {"type": "integer"}, {"type": "string"}


@pytest.mark.parametrize(
    ("annotation", "described"),
    [
        (Total, schema("a", a=INTEGER, b=STRING)),
        (NotTotal, schema("a", a=INTEGER, b=STRING)),
        (Derived, schema("a", "c", a=INTEGER, b=STRING, c={"type": "number"})),
        (AsText, schema("a", a=INTEGER, b=STRING)),
        (Noted, schema("a", a={**INTEGER, "minimum": 1}, b={**STRING, "maxLength": 9, "description": "A name."})),
    ],
)
def test_a_typed_dictionary_has_its_schema(annotation: Any, described: Any) -> None:
    def function(value: Any) -> None: ...

    function.__annotations__["value"] = annotation
    assert function_schema(function).parameters["properties"]["value"] == described


def test_read_only_members_are_members() -> None:
    extensions = pytest.importorskip("typing_extensions")

    class Locked(extensions.TypedDict, total=False):
        a: extensions.ReadOnly[Required[int]]
        b: extensions.ReadOnly[str]

    def function(value: Any) -> None: ...

    function.__annotations__["value"] = Locked
    assert function_schema(function).parameters["properties"]["value"] == schema("a", a=INTEGER, b=STRING)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, '"a" is missing in value'),
        ({"a": 0}, r"value.a is 0, accepted there is integer \(at least 1\)"),
        ({"a": 1, "c": 1}, '"c" is not known in value'),
        ({"a": 1, "b": None}, "value.b is null, accepted there is string"),
    ],
)
def test_what_does_not_fit_is_refused(given: Any, said: str) -> None:
    def function(value: Noted) -> None: ...

    described = function_schema(function)
    reader = ArgumentReader("t", described.parameters, described.convert)
    assert reader.read({"value": {"a": 1}}) == {"value": {"a": 1}}
    with pytest.raises(InvalidRequest, match=said):
        reader.read({"value": given})
