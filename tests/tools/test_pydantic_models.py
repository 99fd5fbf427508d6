"""Parameters that are pydantic models; with classes that work like them, and with pydantic where it is installed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from agentos.errors import InvalidRequest, PluginError
from agentos.tools.arguments import ArgumentReader
from agentos.tools.schema import function_schema
from agentos.tools.tool import as_tool


def taking(annotation: Any) -> Callable[..., Any]:
    def function(value: Any) -> None: ...

    function.__annotations__["value"] = annotation
    return function


def reader(annotation: Any) -> ArgumentReader:
    return as_tool(taking(annotation)).reader


def described(annotation: Any) -> Any:
    return function_schema(taking(annotation)).parameters["properties"]["value"]


class Invalid(ValueError):
    """Like pydantic's error: several lines of text, and a list of what is wrong."""

    def __init__(self, *found: tuple[tuple[str | int, ...], str]) -> None:
        super().__init__("1 validation error for Model\nname\n  For further information visit https://…")
        self._found = found

    def errors(self) -> list[dict[str, Any]]:
        return [{"loc": loc, "msg": msg} for loc, msg in self._found]


@dataclass
class Model:
    """Like a model of pydantic."""

    given: Mapping[str, Any]
    schema: ClassVar[Any] = {"type": "object", "properties": {"name": {"type": "string"}}}
    error: ClassVar[Exception | None] = None

    @classmethod
    def model_json_schema(cls) -> dict[str, Any]:
        if cls.schema is None:
            raise TypeError("a Callable has none")
        return cls.schema

    @classmethod
    def model_validate(cls, value: Any) -> "Model":
        if cls.error is not None:
            raise cls.error
        return cls(value)


def model_of(schema: Any = Model.schema, error: Exception | None = None) -> type[Model]:
    return type("Model", (Model,), {"schema": schema, "error": error})


def test_a_model_describes_and_makes_itself() -> None:
    assert described(Model) == Model.schema
    assert reader(Model).read({"value": {"name": "a"}}) == {"value": Model({"name": "a"})}
    assert reader(list[Model]).read({"value": [{"name": "a"}]}) == {"value": [Model({"name": "a"})]}
    assert reader(Model | None).read({"value": None}) == {"value": None}
    assert reader(Model | None).read({"value": {}}) == {"value": Model({})}


LEAF = {"type": "string", "enum": ["a"]}


@pytest.mark.parametrize(
    ("schema", "inlined"),
    [
        (
            {"properties": {"x": {"$ref": "#/$defs/Leaf"}}, "$defs": {"Leaf": LEAF}},
            {"properties": {"x": LEAF}},
        ),
        (
            {"properties": {"x": {"$ref": "#/$defs/Leaf", "description": "An x."}}, "$defs": {"Leaf": LEAF}},
            {"properties": {"x": {**LEAF, "description": "An x."}}},
        ),
        (
            {"$ref": "#/$defs/Twig", "$defs": {"Leaf": LEAF, "Twig": {"items": {"$ref": "#/$defs/Leaf"}}}},
            {"items": LEAF},
        ),
        (
            {
                "oneOf": [{"$ref": "#/$defs/Leaf"}, {"type": "null"}],
                "discriminator": {"mapping": {"a": "#/$defs/Leaf"}},
                "$defs": {"Leaf": LEAF},
            },
            {"oneOf": [LEAF, {"type": "null"}]},
        ),
        ({"items": {"$ref": "#/definitions/Leaf"}, "definitions": {"Leaf": LEAF}}, {"items": LEAF}),
        (
            {"properties": {"$ref": {"type": "string"}, "discriminator": {}, "$defs": True}},
            {"properties": {"$ref": {"type": "string"}, "discriminator": {}, "$defs": True}},
        ),
        ({"default": {"$ref": "#/nowhere"}, "enum": [{"$defs": 1}]},) * 2,
        # No pattern of ours has (?!…); the model itself checks it.
        ({"type": "string", "pattern": "^(?!a)"}, {"type": "string"}),
        ({"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "^a"}),
    ],
)
def test_what_a_schema_refers_to_takes_the_place_of_the_reference(schema: Any, inlined: Any) -> None:
    assert described(model_of(schema)) == inlined


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (
            {"$ref": "#/$defs/Node", "$defs": {"Node": {"items": {"$ref": "#/$defs/Node"}}}},
            "Model contains itself; a tool's parameters have a fixed depth",
        ),
        ({"items": {"$ref": "#/$defs/Node"}}, "Model has no JSON schema"),
        ({"items": {"$ref": "https://example.com/schema"}}, "Model has no JSON schema"),
        (None, "Model has no JSON schema: a Callable has none"),
    ],
)
def test_a_model_without_a_schema_that_is_accepted_is_refused(schema: Any, said: str) -> None:
    with pytest.raises(PluginError, match=f"parameter 'value' of tool function .* cannot be described .*{said}"):
        as_tool(taking(model_of(schema)))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Invalid((("name",), "Value error, taken")), r"value.name is not accepted: Value error, taken\. Accepted"),
        (Invalid((("tags", 1), "too long"), ((), "odd")), r"value.tags\[1\] is not accepted: too long; value is not"),
        (LookupError("Atlantis sank"), "value is not accepted: Atlantis sank"),
    ],
)
def test_what_a_model_refuses_is_named_by_its_path(error: Exception, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        reader(model_of(error=error)).read({"value": {"name": "a"}})


def test_a_refusal_is_short_however_much_a_model_says() -> None:
    error = Invalid(*((("x" * 500, number), "y" * 500) for number in range(1000)))
    with pytest.raises(InvalidRequest) as refusal:
        reader(model_of(error=error)).read({"value": {}})
    assert len(refusal.value.message) < 3200


def test_models_of_pydantic_work() -> None:
    pydantic = pytest.importorskip("pydantic")
    from tools.pydantic_examples import Order, Place, Tree

    schema = described(Order)
    assert "$ref" not in str(schema)
    assert "$defs" not in str(schema)
    assert schema["properties"]["place"]["properties"]["city"]["type"] == "string"
    order = reader(Order)
    given = {"place": {"city": "Rome"}, "price": 9.5, "day": "2026-01-31", "pet": {"kind": "cat", "lives": 9}}
    made = order.read({"value": given})["value"]
    assert isinstance(made, Order)
    assert isinstance(made.place, Place)
    assert made == Order.model_validate(given)
    for wrong, said in (
        ({"place": {}}, '"city" is missing in value.place'),
        ({"place": {"city": "Rome", "land": "it"}}, '"land" is not known in value.place'),
        ({"place": {"city": "Atlantis"}}, "value.place.city is not accepted: Value error, Atlantis sank"),
        ({"day": "soon"}, "value.day is not accepted: Input should be a valid date"),
        ({"place": {"city": 5}}, "value.place.city is 5, accepted there is string"),
    ):
        with pytest.raises(InvalidRequest, match=said):
            order.read({"value": {**given, **wrong}})
    with pytest.raises(PluginError, match="Tree contains itself"):
        as_tool(taking(Tree))
    assert described(pydantic.RootModel[list[int]]) == {
        "type": "array",
        "items": {"type": "integer"},
        "title": "RootModel[list[int]]",
    }
