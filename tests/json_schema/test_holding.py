"""How long a schema and an answer, as bad as a client can make them, keep the other runs of a worker waiting."""

import json
from typing import Any

import pytest

from parts.holding import longest_hold

CODE = """
from agentos.json_schema.check import SchemaRefused, check_schema
from agentos.runtime.output import OutputSchema

schema, answer = given

def work():
    try:
        check_schema(schema)
    except SchemaRefused:
        return
    OutputSchema(schema).problem(answer, "stop")

measured(work)
"""


def branches(depth: int) -> str:
    """Return objects in each other."""
    return '{"a":' * depth + "1" + "}" * depth


NAMES = ("b", "c")
SCHEMAS: dict[str, tuple[Any, str]] = {
    "a slow pattern": ({"pattern": "^(a+)+$"}, json.dumps("a" * 1_000_000 + "!")),
    "a pattern of many states": ({"pattern": "(.{0,400}x){2}y"}, json.dumps("ab" * 20_000)),
    "many large patterns": ({"properties": {f"p{n}": {"pattern": f"[a-z]{{1,900}}{n}"} for n in range(100)}}, "{}"),
    "many properties": ({"properties": {f"p{n}": {"type": "string", "minLength": 1} for n in range(2500)}}, "{}"),
    "two branches at each level": (
        {"anyOf": [{"properties": {"a": {"$ref": "#"}}, "required": [name]} for name in NAMES]},
        branches(60),
    ),
    "a large value and many choices": ({"anyOf": [{"type": "string"}] * 900}, json.dumps(list(range(150_000)))),
    "items that have to differ": ({"uniqueItems": True}, json.dumps([[n] for n in range(90_000)])),
    "one large text": ({"type": "string", "maxLength": 5}, json.dumps("é" * 1_000_000, ensure_ascii=False)),
    "many numbers": ({"items": {"multipleOf": 0.1}}, json.dumps([0.1] * 150_000)),
    "no JSON": ({}, "[" * 1_000_000),
    "names": (
        {"propertyNames": {"maxLength": 2}, "additionalProperties": {"type": "integer"}},
        json.dumps({f"k{n}": n for n in range(50_000)}),
    ),
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_schema_and_no_answer_hold_a_worker_for_long(name: str) -> None:
    assert longest_hold(CODE, SCHEMAS[name]) < 0.15
