import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from agentos.errors import InvalidRequest
from agentos.tools.arguments import MAX_DEPTH, MAX_SIZE, ArgumentReader, parse_arguments
from agentos.tools.bounds import Bounds
from agentos.tools.schema import function_schema


@dataclass
class Place:
    city: str
    zip: str | None = None

    def __post_init__(self) -> None:
        if self.city == "Atlantis":
            raise LookupError("Atlantis sank")


def weather(
    place: Place,
    days: Annotated[int, Bounds(ge=1, le=7)] = 3,
    unit: Literal["c", "f"] = "c",
    tags: Sequence[str] = (),
) -> str:
    """Tell the weather."""


def reader() -> ArgumentReader:
    schema = function_schema(weather)
    return ArgumentReader("weather", schema.parameters, schema.convert)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        (" \n", {}),
        ("{}", {}),
        ('{"a": [1, -2.5, true, null, "x"], "b": {"c": {}}}', {"a": [1, -2.5, True, None, "x"], "b": {"c": {}}}),
        ('{"a": "\\ud83d\\ude00 \U0001f600"}', {"a": "\U0001f600 \U0001f600"}),
        ('{"a": 18446744073709551615}', {"a": 2**64 - 1}),
        ('{"a": "' + "[" * 100 + '\\"{"}', {"a": "[" * 100 + '"{'}),
        ('{"a":' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}", None),
        ('{"a":[' + ",".join(["[]"] * 100) + "]}", {"a": [[]] * 100}),
    ],
)
def test_an_object_is_parsed(text: str, value: Any) -> None:
    assert parse_arguments(text) == (json.loads(text) if value is None else value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{bad", 'they are not valid JSON: .* at character 1, near "{bad"'),
        ('{"a": 1', "not valid JSON"),
        ('{"a": 1} and more', "not valid JSON: Extra data"),
        ("{'a': 1}", "not valid JSON"),
        ("[1]", r"they are \[1\], not a JSON object"),
        ('"{}"', "not a JSON object"),
        ("null", "they are null, not a JSON object"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ('{"a": -Infinity}', "-Infinity is no JSON number"),
        ('{"a": 1e999}', "a number is too large"),
        ('{"a": 18446744073709551616}', "beyond 64 bits"),
        ('{"a": ' + "9" * 5000 + "}", "beyond 64 bits"),
        ('{"a": 1, "a": 2}', 'key "a" is there more than once'),
        ('{"x": [{"a": 1, "a": 1}]}', 'key "a" is there more than once'),
        ('{"a": "\\ud800"}', "half of a surrogate pair"),
        ('{"a": "\ud800"}', "half of a surrogate pair"),
        ('{"\\udc00": 1}', "half of a surrogate pair"),
        ('{"a": ["\\u0000"]}', r"holds U\+0000"),
        ('{"a":' + "[" * 100_000, "nested more than 32 levels"),
        ('{"a":' * 50_000, "nested more than 32 levels"),
        ('{"a":' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}", "nested more than 32 levels"),
        ('{"a": "' + "x" * MAX_SIZE + '"}', f"at most {MAX_SIZE} are accepted"),
    ],
)
def test_what_is_no_acceptable_object_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_arguments(text)


@pytest.mark.parametrize(
    "text",
    [
        '"\\' * (MAX_SIZE // 2),
        '{"' + '\\"' * (MAX_SIZE // 2 - 40) + "[" * 40,
        "[]" * (MAX_SIZE // 2),
        "{" + ",".join(f'"k{number}":1' for number in range(20_000)) + ',"k19999":1}',
        "{" * MAX_SIZE,
    ],
)
def test_no_text_takes_long_to_refuse(text: str) -> None:
    begin = time.thread_time()
    with pytest.raises(ValueError):
        parse_arguments(text)
    assert time.thread_time() - begin < 0.5


def test_a_value_is_converted_and_defaults_are_left_to_the_function() -> None:
    assert reader().read({"place": {"city": "Rome"}}) == {"place": Place("Rome")}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, '"place" is missing'),
        ({"place": {"city": "Rome"}, "town": 1, "when": 2}, '"town", "when" is not known'),
        ({"place": {}}, '"city" is missing in place'),
        ({"place": {"city": "Rome", "land": "it"}}, '"land" is not known in place'),
        ({"place": {"city": 5}}, "place.city is 5, accepted there is string"),
        ({"place": {"city": "Rome"}, "days": 9}, r"days is 9, accepted there is integer \(at least 1, at most 7\)"),
        ({"place": {"city": "Rome"}, "days": "2"}, 'days is "2", accepted there is integer'),
        ({"place": {"city": "Rome"}, "days": True}, "days is true, accepted there is integer"),
        ({"place": {"city": "Rome"}, "days": 2.5}, "days is 2.5, accepted there is integer"),
        ({"place": {"city": "Rome"}, "unit": "k"}, 'unit is "k", accepted there is one of "c", "f"'),
        ({"place": {"city": "Rome"}, "tags": ["a", 5]}, r"tags\[1\] is 5, accepted there is string"),
        ({"place": {"city": "Atlantis"}}, "place is not accepted: Atlantis sank"),
    ],
)
def test_a_wrong_argument_is_named_with_what_was_given_and_what_is_accepted(arguments: Any, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said) as refusal:
        reader().read(arguments)
    assert refusal.value.message.startswith("arguments of tool 'weather' are not accepted: ")
    assert refusal.value.message.endswith(
        '. Accepted: {"place": {"city": string, "zip" (optional): string or null}, "days" (optional): integer'
        ' (at least 1, at most 7), "unit" (optional): one of "c", "f", "tags" (optional): array of string}'
    )


def test_all_wrong_arguments_are_named_at_once() -> None:
    with pytest.raises(InvalidRequest, match=r"days is 9.*; unit is"):
        reader().read({"place": {"city": "Rome"}, "days": 9, "unit": "k"})


@pytest.mark.parametrize(
    "arguments",
    [
        {f"k{number}": "x" * 100 for number in range(2000)},
        {"place": {"city": ["x" * 1000] * 100}},
        {"place": {"city": "Rome"}, "tags": list(range(50_000))},
        {"place": {"city": "Rome"}, "unit": "x" * 100_000},
    ],
)
def test_a_refusal_is_short_and_quick_whatever_was_given(arguments: Any) -> None:
    begin = time.perf_counter()
    with pytest.raises(InvalidRequest) as refusal:
        reader().read(arguments)
    assert len(refusal.value.message) < 3200
    assert time.perf_counter() - begin < 1


def test_a_refusal_is_short_however_long_the_schema_is() -> None:
    inner = {"type": "object", "properties": {f"property_{number:04}": {"type": "string"} for number in range(1000)}}
    schema = {"type": "object", "properties": {"a": inner, "b": inner}}
    with pytest.raises(InvalidRequest) as refusal:
        ArgumentReader("wide", schema).read({"a": 1, "b": 2})
    assert len(refusal.value.message) < 3200


def test_a_tool_without_parameters_says_so() -> None:
    schema = function_schema(lambda: None)
    with pytest.raises(InvalidRequest, match=r"Accepted: \{\}, no arguments"):
        ArgumentReader("now", schema.parameters, schema.convert).read({"zone": "utc"})
