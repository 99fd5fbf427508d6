"""Which schemas may be registered."""

from typing import Any

import jsonschema
import pytest

from agentos.json_schema.check import MAX_DEPTH, MAX_VALUES, SchemaRefused, check_schema
from agentos.json_schema.validator import Validator

WRONG = [
    (5, "''", "accepted is an object"),
    ({"type": "text"}, "'/type'", "accepted is one of array"),
    ({"type": []}, "'/type'", "accepted is one of array"),
    ({"type": ["string", "string"]}, "'/type'", "accepted is one of array"),
    ({"properties": {"a/b": {"minLength": -1}}}, "'/properties/a~1b/minLength'", "a whole number from 0"),
    ({"properties": {"a": 5}}, "'/properties'", "an object of schemas"),
    ({"properties": []}, "'/properties'", "an object of schemas"),
    ({"items": [{}]}, "'/items'", "accepted is a schema"),
    ({"allOf": []}, "'/allOf'", "a list of at least one schema"),
    ({"anyOf": [{"not": "x"}]}, "'/anyOf/0/not'", "accepted is a schema"),
    ({"required": "a"}, "'/required'", "a list of different texts"),
    ({"required": ["a", "a"]}, "'/required'", "a list of different texts"),
    ({"multipleOf": 0}, "'/multipleOf'", "a number above 0"),
    ({"maximum": "9"}, "'/maximum'", "a number"),
    ({"uniqueItems": 1}, "'/uniqueItems'", "true or false"),
    ({"enum": "a"}, "'/enum'", "a list"),
    ({"title": 5}, "'/title'", "a text"),
    ({"dependentRequired": {"a": "b"}}, "'/dependentRequired'", "lists of different texts"),
    ({"pattern": "["}, "'/pattern'", "no regular expression"),
    ({"pattern": "(?=a)"}, "'/pattern'", "looks around"),
    ({"patternProperties": {"(a)\\1": {}}}, "'/patternProperties/(a)\\\\1'", "refers to a group"),
    ({"properties": {str(n): {"pattern": "a"} for n in range(101)}}, "'/properties/", "at most 100"),
    ({"patternProperties": {f"[a-z]{{1,900}}{n}": {} for n in range(9000)}}, "''", "at most 100"),
    ({"$schema": "http://json-schema.org/draft-03/schema#"}, "'/$schema'", "accepted are https://json-schema.org"),
    ({"$schema": "https://example.com/mine"}, "'/$schema'", "accepted are https://json-schema.org"),
    ({"$ref": "https://example.com/schema"}, "'/$ref'", "leads out of the schema"),
    ({"$ref": "other.json#/a"}, "'/$ref'", "leads out of the schema"),
    ({"$ref": "file:///etc/passwd"}, "'/$ref'", "leads out of the schema"),
    ({"$id": "https://example.com/a", "$ref": "/b"}, "'/$ref'", "leads out of the schema"),
    ({"properties": {"a": {"$id": "https://example.com/b"}}}, "'/properties/a/$id'", "leave it out"),
    ({"$ref": "#/$defs/a"}, "'/$ref'", "names no schema"),
    ({"$ref": "#nowhere"}, "'/$ref'", "names no schema"),
    ({"$ref": "#/properties", "properties": {"type": {}}}, "'/$ref'", "names no schema"),
    ({"$ref": "#/title/x", "title": "t"}, "'/$ref'", "names no schema"),
    ({"$ref": "#/allOf/7", "allOf": [{}]}, "'/$ref'", "names no schema"),
    ({"$dynamicRef": "#a"}, "'/$dynamicRef'", "use $ref"),
    ({"$dynamicAnchor": "a"}, "'/$dynamicAnchor'", "use $anchor"),
    ({"$recursiveRef": "#"}, "'/$recursiveRef'", "use $ref"),
    ({"unevaluatedProperties": False}, "'/unevaluatedProperties'", "use additionalProperties"),
    ({"$ref": "#"}, "''", "refers to itself"),
    ({"anyOf": [{"$ref": "#"}, {}]}, "''", "refers to itself"),
    (
        {"$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": {"if": {"$ref": "#/$defs/a"}}}},
        "'/$defs/",
        "refers to itself",
    ),
    (
        {"$defs": {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(30)} | {"a30": {}}},
        "'/$defs/a",
        "more than 1000 schemas",
    ),
    ({"$defs": {f"a{n}": {"$ref": f"#/$defs/a{n + 1}"} for n in range(99)} | {"a99": {}}}, "'/$defs/", "in a row"),
    ({"enum": list(range(MAX_VALUES))}, "''", f"more than {MAX_VALUES} values"),
    ({"default": {1: 2}}, "'/default'", "is no text"),
    ({"default": {1, 2}}, "'/default'", "no JSON"),
]


@pytest.mark.parametrize(("schema", "place", "words"), WRONG)
def test_a_schema_that_is_not_accepted_is_refused_with_its_place(schema: Any, place: str, words: str) -> None:
    with pytest.raises(SchemaRefused) as refused:
        check_schema(schema)
    assert f"at {place}" in str(refused.value)
    assert words in str(refused.value)
    assert len(str(refused.value)) < 600


def test_a_schema_that_is_too_deep_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(MAX_DEPTH):
        schema = {"items": schema}
    check_schema(schema)
    for deep in ({"items": schema}, {"default": [schema, {"items": schema}]}):
        with pytest.raises(SchemaRefused, match="deeper than"):
            check_schema(deep)


RIGHT = [
    {},
    {"type": "object", "properties": {"verdict": {"type": "string"}}, "required": ["verdict"]},
    {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{}], "definitions": {"a": True}},
    {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.com/a", "$ref": "#/$defs/a%20b"}
    | {"$defs": {"a b": {}}},
    {"properties": {"child": {"$ref": "#"}, "other": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}},
    {"properties": {"$ref": {"type": "string"}, "pattern": {"type": "string"}, "unevaluatedItems": {}}},
    {"enum": [{"$ref": "https://example.com"}], "default": {"pattern": "("}, "x-own": {"type": 5}},
    {"minLength": 2.0, "pattern": "^[A-Z]{2}-[0-9]+$"},
]


@pytest.mark.parametrize("schema", RIGHT)
def test_a_good_schema_is_accepted(schema: dict[str, Any]) -> None:
    check_schema(schema)
    Validator(schema)


@pytest.mark.parametrize(
    "schema",
    [
        schema
        for schema, _, words in WRONG
        if isinstance(schema, dict) and words.startswith(("accepted is", "a ", "an ", "true"))
    ],
)
def test_the_metaschema_says_the_same(schema: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.SchemaError):
        jsonschema.Draft202012Validator.check_schema(schema)
