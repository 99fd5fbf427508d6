"""What differs between two objects leads from the one to the other, as a JSON Patch."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.domain.json_diff import differences
from agentos.domain.json_patch import apply_patch

VALUES = st.recursive(
    st.sampled_from([None, True, 1, 1.0, "a", ""]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("a/~0", max_size=2), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text("a/~0", max_size=2), VALUES, max_size=4)


@given(old=OBJECTS, new=OBJECTS)
def test_the_differences_are_a_patch_that_leads_to_the_other_object(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = differences(old, new)
    patch = [{"op": one.op, "path": one.path} | ({} if one.op == "remove" else {"value": one.new}) for one in found]
    assert repr(sorted_keys(apply_patch(old, patch, most=10_000))) == repr(sorted_keys(new))
    assert bool(found) == (repr(sorted_keys(old)) != repr(sorted_keys(new)))


def sorted_keys(value: Any) -> Any:
    """Return a value without the order of its keys; 1, 1.0 and true stay apart in its text."""
    if isinstance(value, dict):
        return {key: sorted_keys(value[key]) for key in sorted(value)}
    return [sorted_keys(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("old", "new"), [(1, True), (1, 1.0), (0, False), ("1", 1), ([1], [1.0]), ({}, []), (None, 0)])
def test_values_that_python_takes_for_the_same_are_told_apart(old: Any, new: Any) -> None:
    (found,) = differences({"a": old}, {"a": new})
    assert (found.op, found.path, repr(found.old), repr(found.new)) == ("replace", "/a", repr(old), repr(new))


def test_the_order_of_keys_is_no_difference() -> None:
    assert differences({"a": {"b": 1, "c": [{"d": 1, "e": 2}]}}, {"a": {"c": [{"e": 2, "d": 1}], "b": 1}}) == []
