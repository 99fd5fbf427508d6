"""What each keyword of a schema may hold, as the metaschemas of JSON Schema say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agentos.json_schema.keywords import KINDS
from agentos.json_schema.places import INNER

TYPES = sorted(KINDS)

_is_number = KINDS["number"]


@dataclass(frozen=True, slots=True)
class Form:
    """What a keyword may hold: a test, and the words for it."""

    fits: Callable[[Any], bool]
    words: str


def _is_schema(value: Any) -> bool:
    return isinstance(value, bool | Mapping)


def _are_schemas(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_schema, value))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value) and len(set(value)) == len(value)


def _is_map_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, Mapping) and all(map(fits, value.values()))


def _is_type(value: Any) -> bool:
    return value in TYPES if isinstance(value, str) else _are_texts(value) and value and set(value) <= set(TYPES)


_SCHEMA = Form(_is_schema, "a schema: an object, true or false")
_BY_PLACE = {
    "one": _SCHEMA,
    "list": Form(_are_schemas, "a list of at least one schema"),
    "map": Form(_is_map_of(_is_schema), "an object of schemas"),
    "one or list": Form(
        lambda value: _is_schema(value) or _are_schemas(value), "a schema, or a list of at least one schema"
    ),
}
_TEXT = Form(lambda value: isinstance(value, str), "a text")
_TEXTS = Form(_are_texts, "a list of different texts")
_COUNT = Form(lambda value: KINDS["integer"](value) and value >= 0, "a whole number from 0")
_NUMBER = Form(_is_number, "a number")
_FLAG = Form(lambda value: isinstance(value, bool), "true or false")
_LIST = Form(lambda value: isinstance(value, list), "a list")

FORMS: Mapping[str, Form] = {
    **{keyword: _BY_PLACE[place] for keyword, place in INNER.items()},
    **dict.fromkeys(("items", "contentSchema"), _SCHEMA),
    **dict.fromkeys(("$id", "$schema", "$ref", "$anchor", "$comment", "title", "description", "format"), _TEXT),
    **dict.fromkeys(("pattern", "contentEncoding", "contentMediaType"), _TEXT),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _COUNT),
    **dict.fromkeys(("minContains", "maxContains"), _COUNT),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _NUMBER),
    **dict.fromkeys(("uniqueItems", "readOnly", "writeOnly", "deprecated"), _FLAG),
    **dict.fromkeys(("enum", "examples"), _LIST),
    "required": _TEXTS,
    "multipleOf": Form(lambda value: _is_number(value) and value > 0, "a number above 0"),
    "type": Form(_is_type, f"one of {', '.join(TYPES)}, or a list of different ones"),
    "dependentRequired": Form(_is_map_of(_are_texts), "an object of lists of different texts"),
    "dependencies": Form(
        _is_map_of(lambda one: _is_schema(one) or _are_texts(one)), "an object of schemas or lists of different texts"
    ),
}
"""The forms in 2020-12, and of what only earlier versions know."""

ITEMS_BEFORE_2020 = _BY_PLACE[INNER["items"]]
