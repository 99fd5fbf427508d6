"""The validator says of values what the library ``jsonschema`` says, in bounded time."""

import time
from contextlib import suppress
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.json_schema.check import check_schema
from agentos.json_schema.validator import Validator
from agentos.json_schema.violation import pointer_of
from agentos.json_schema.work import TooMuchWork

NAMES = st.sampled_from(["a", "b", "c"])
SCALARS = st.sampled_from([None, True, False, 0, 1, 1.0, 2, 3.5, -1, "", "a", "ab", "b1"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=12
)
TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
COUNTS = st.integers(0, 3)
LISTS_OF_NAMES = st.lists(NAMES, unique=True, max_size=3)


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    many, named = st.lists(inner, min_size=1, max_size=3), st.dictionaries(NAMES, inner, max_size=3)
    keywords: dict[str, st.SearchStrategy[Any]] = {
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "enum": st.lists(VALUES, max_size=3),
        "const": VALUES,
        **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), st.integers(-1, 3)),
        "multipleOf": st.integers(1, 3),
        **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), COUNTS),
        "pattern": st.sampled_from(["a", "^b", "[0-9]$", "^$"]),
        "uniqueItems": st.booleans(),
        "items": inner,
        "prefixItems": many,
        "contains": inner,
        **dict.fromkeys(("minContains", "maxContains"), COUNTS),
        "properties": named,
        "patternProperties": st.dictionaries(st.sampled_from(["a", "[ab]", "c$"]), inner, max_size=2),
        "additionalProperties": inner,
        "propertyNames": inner,
        "required": LISTS_OF_NAMES,
        "dependentRequired": st.dictionaries(NAMES, LISTS_OF_NAMES, max_size=2),
        "dependentSchemas": named,
        **dict.fromkeys(("allOf", "anyOf", "oneOf"), many),
        **dict.fromkeys(("not", "if", "then", "else"), inner),
        "$ref": st.just("#/$defs/leaf"),
        "title": st.just("t"),
        "format": st.just("uuid"),
    }
    return st.fixed_dictionaries({}, optional=keywords)


SCHEMAS = st.recursive(st.booleans() | st.builds(lambda one: {"type": one}, TYPES), _schemas, max_leaves=10)
LEAF = {"leaf": {"type": ["string", "integer", "object"]}}


@given(SCHEMAS.filter(lambda schema: isinstance(schema, dict)), VALUES)
def test_it_agrees_with_jsonschema(schema: dict[str, Any], value: Any) -> None:
    schema = {**schema, "$defs": LEAF}
    check_schema(schema)
    theirs = jsonschema.Draft202012Validator(schema)
    theirs.check_schema(schema)
    assert Validator(schema).accepts(value) is theirs.is_valid(value)


DRAFT_7 = "http://json-schema.org/draft-07/schema#"
OLDER = [
    ({"items": [{"type": "string"}], "additionalItems": False}, [["a"], ["a", 1], [1], []]),
    ({"items": [{"type": "string"}], "additionalItems": {"type": "integer"}}, [["a", 1], ["a", "b"]]),
    ({"items": {"type": "string"}, "additionalItems": False}, [["a", "b"], [1]]),
    (
        {"dependencies": {"a": ["b"], "c": {"required": ["d"]}}},
        [{"a": 1}, {"a": 1, "b": 1}, {"c": 1}, {"c": 1, "d": 1}],
    ),
    ({"$ref": "#/definitions/a", "type": "string", "definitions": {"a": {"type": "integer"}}}, [1, "x"]),
    ({"prefixItems": [False], "dependentRequired": {"a": ["b"]}}, [[1], {"a": 1}]),
]


@pytest.mark.parametrize(("schema", "values"), OLDER)
@pytest.mark.parametrize(
    "dialect", [DRAFT_7, "http://json-schema.org/draft-06/schema#", "https://json-schema.org/draft/2019-09/schema"]
)
def test_an_older_dialect_means_what_it_meant(dialect: str, schema: dict[str, Any], values: list[Any]) -> None:
    schema = {"$schema": dialect, **schema}
    check_schema(schema)
    theirs = jsonschema.validators.validator_for(schema)(schema)
    for value in values:
        assert Validator(schema).accepts(value) is theirs.is_valid(value), value


TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "$anchor": "n",
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#n"}}},
            "additionalProperties": False,
        }
    },
}


@pytest.mark.parametrize(
    ("value", "pointer", "keyword"),
    [
        ({"name": "a", "children": [{"name": "b"}, {"name": 1}]}, "/children/1/name", "type"),
        ({"name": "a", "children": [{"children": []}]}, "/children/0", "required"),
        ({"name": "a", "x/y~": 1}, "", "additionalProperties"),
    ],
)
def test_a_violation_has_its_place(value: Any, pointer: str, keyword: str) -> None:
    check_schema(TREE)
    (violation,) = Validator(TREE).violations(value)
    assert (pointer_of(violation.path), violation.keyword) == (pointer, keyword)


def test_a_pointer_escapes_what_rfc_6901_says() -> None:
    schema = {"properties": {"a/b~c": {"type": "string"}}}
    (violation,) = Validator(schema).violations({"a/b~c": 1})
    assert pointer_of(violation.path) == "/a~1b~0c"


BRANCHES = {"anyOf": [{"properties": {"a": {"$ref": "#"}}, "required": [name]} for name in ("b", "c")]}
DEEP: dict[str, Any] = {}
for _ in range(60):
    DEEP = {"a": DEEP}
EXPENSIVE = {
    "two branches at each level": (BRANCHES, DEEP),
    "large values shown in errors": ({"anyOf": [{"type": "string"}] * 500}, list(range(200_000))),
    "items that have to differ": ({"uniqueItems": True}, [{"a": number} for number in range(100_000)]),
    "a slow pattern": ({"items": {"pattern": "^(a+)+$"}}, ["a" * 1000 + "!"] * 100),
    "slow names": ({"patternProperties": {"(a|aa)+$": {}}}, {"a" * 1000 + f"{number}!": 1 for number in range(100)}),
    "many texts, many choices": ({"items": {"enum": [f"x{n}" for n in range(5000)]}}, ["y"] * 100_000),
}


@pytest.mark.parametrize("name", EXPENSIVE)
def test_no_check_takes_long(name: str) -> None:
    schema, value = EXPENSIVE[name]
    check_schema(schema)
    value = orjson.loads(orjson.dumps(value))
    begin = time.thread_time()
    with suppress(TooMuchWork, RecursionError):
        Validator(schema).violations(value)
    assert time.thread_time() - begin < 5
