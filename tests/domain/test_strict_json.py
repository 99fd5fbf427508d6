"""Reading JSON strictly."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.strict_json import JSONReader, JSONRefused

TEXTS = st.text(st.sampled_from('"\\[]{},:au0é\n'), max_size=6)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@given(VALUES, st.booleans())
def test_what_json_can_say_is_read_up_to_the_depth_and_no_deeper(value: Any, ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii)
    depth = depth_of(value)
    assert JSONReader(max_depth=depth).read(text) == value
    if depth:
        with pytest.raises(JSONRefused) as refused:
            JSONReader(max_depth=depth - 1).read(text)
        assert refused.value.reason == "depth"


@pytest.mark.parametrize(
    ("text", "reason", "found", "place"),
    [
        ('{"a": [1, {"b": "x\\u0000"}]}', "text", "x\0", "a[1].b"),
        ('{"a": {"\ud800": 1}}', "text", "\ud800", "a (a key in it)"),
        ('[{"a": 1, "b": 2, "b": 3}]', "key", "b", ""),
        ("[NaN]", "constant", "NaN", ""),
        ("[1e999]", "number", "1e999", ""),
        ("[9223372036854775808]", "integer", "9223372036854775808", ""),
        ("[1,2,3,4,5]", "values", "", ""),
    ],
)
def test_a_refusal_names_the_reason_and_what_was_found(text: str, reason: str, found: str, place: str) -> None:
    with pytest.raises(JSONRefused) as refused:
        JSONReader(max_depth=4, max_values=4).read(text)
    assert (refused.value.reason, refused.value.found, refused.value.place) == (reason, found, place)
