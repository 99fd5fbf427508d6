"""JSON Patch: the examples of RFC 6902 (appendix A), and what is refused."""

import json
from typing import Any

import pytest

from agentos.domain.json_patch import MAX_DEPTH, MOST_OPERATIONS, apply_patch, check_patch
from agentos.errors import InvalidRequest


def applied(document: dict[str, Any], *operations: dict[str, Any], most: int = 10_000) -> dict[str, Any]:
    check_patch(list(operations))
    before = json.dumps(document)
    try:
        return apply_patch(document, operations, most=most)
    finally:
        assert json.dumps(document) == before


def refused(document: dict[str, Any], *operations: dict[str, Any], most: int = 10_000) -> str:
    with pytest.raises(InvalidRequest) as error:
        applied(document, *operations, most=most)
    return error.value.message


def op(op: str, path: str, value: Any = ..., **more: Any) -> dict[str, Any]:
    return {"op": op, "path": path, **({} if value is ... else {"value": value}), **more}


def move(path: str, source: str, op: str = "move") -> dict[str, Any]:
    return {"op": op, "path": path, "from": source}


@pytest.mark.parametrize(
    ("document", "operations", "outcome"),
    [
        ({"foo": "bar"}, [op("add", "/baz", "qux")], {"baz": "qux", "foo": "bar"}),  # A.1
        ({"foo": ["bar", "baz"]}, [op("add", "/foo/1", "qux")], {"foo": ["bar", "qux", "baz"]}),  # A.2
        ({"baz": "qux", "foo": "bar"}, [op("remove", "/baz")], {"foo": "bar"}),  # A.3
        ({"foo": ["bar", "qux", "baz"]}, [op("remove", "/foo/1")], {"foo": ["bar", "baz"]}),  # A.4
        ({"baz": "qux"}, [op("replace", "/baz", "boo")], {"baz": "boo"}),  # A.5
        (  # A.6
            {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
            [move("/qux/thud", "/foo/waldo")],
            {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
        ),
        ({"foo": ["all", "grass", "eat"]}, [move("/foo/2", "/foo/1")], {"foo": ["all", "eat", "grass"]}),  # A.7
        ({"baz": "qux", "foo": ["a", 2]}, [op("test", "/baz", "qux"), op("test", "/foo/1", 2)], None),  # A.8
        ({"foo": 1}, [op("add", "/child", {"grandchild": {}})], {"foo": 1, "child": {"grandchild": {}}}),  # A.10
        ({"foo": "bar"}, [op("add", "/baz", "qux", xyz=123)], {"foo": "bar", "baz": "qux"}),  # A.11
        ({"/": 9, "~1": 10}, [op("test", "/~01", 10)], None),  # A.14
        ({"foo": ["bar"]}, [op("add", "/foo/-", ["abc"])], {"foo": ["bar", ["abc"]]}),  # A.16
        ({"a": {"b": 1}}, [move("/c", "/a", "copy"), op("add", "/a/b", 2)], {"a": {"b": 2}, "c": {"b": 1}}),
        ({"a": 1}, [op("add", "", {"b": 2})], {"b": 2}),
        ({"a": {"b": 1}}, [move("", "/a")], {"b": 1}),
        ({"a": 1}, [move("/a", "/a")], {"a": 1}),
        ({"a": [1]}, [op("replace", "/a/0", None)], {"a": [None]}),
        ({"": 1, " ": {"~": 2}}, [op("replace", "/", 3), op("remove", "/ /~0")], {"": 3, " ": {}}),
        ({"a": [True, {"b": 1}]}, [op("test", "/a", [True, {"b": 1.0}])], None),
        ({"a": [True, {"b": 1}]}, [op("test", "", {"a": [True, {"b": 1}]})], None),
        ({"big": 2**80}, [move("/two", "/big", "copy")], {"big": 2**80, "two": 2**80}),
    ],
)  # fmt: skip
def test_a_patch_is_applied_as_the_standard_says(document, operations, outcome) -> None:
    assert applied(document, *operations) == (document if outcome is None else outcome)


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (op("test", "/a", "1"), "operation 1 of the patch (test '/a') found another value there"),
        (op("test", "/a", True), "found another value"),  # 1 is not true
        (op("test", "/list", [1]), "found another value"),
        (op("test", "/o", {"x": 1, "y": 2}), "found another value"),
        (op("remove", "/none"), "found no 'none' in an object"),
        (op("replace", "/none", 1), "found no 'none'"),
        (op("add", "/none/x", 1), "found no 'none'"),  # A.12
        (op("add", "/a/x", 1), "has no place for 'x' in a number"),
        (op("add", "/list/3", 1), "has the index '3' in an array of 2; accepted are 0 to 2 and '-'"),
        (op("add", "/list/01", 1), "index '01'"),
        (op("add", "/list/-1", 1), "index '-1'"),
        (op("remove", "/list/-"), "found no '-' in an array of 2"),
        (op("replace", "/list/2", 1), "found no '2'"),
        (op("remove", ""), "would leave no document"),
        (move("/o/inner", "/o"), "would move a value into itself"),
        (move("/x", "/none", "copy"), "found no 'none'"),
    ],
)
def test_a_patch_that_does_not_apply_says_where_and_why_and_changes_nothing(operation, reason) -> None:
    document = {"a": 1, "list": [1, 2], "o": {"x": 1}}
    assert reason in refused(document, op("add", "/first", 1), operation)


@pytest.mark.parametrize("value", [1, "text", [], None])
def test_the_state_stays_an_object(value) -> None:
    assert "accepted is an object" in refused({"a": 1}, op("add", "", value))


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ({}, "is an object; accepted is an array of 1 to 100 operations"),
        ([], "is an array of 0"),
        ([op("add", "/a", 1)] * (MOST_OPERATIONS + 1), "is an array of 101"),
        (["x"], "operation 0 of the patch is a text; accepted is an object"),
        ([{}], "has the op None; accepted are add, remove, replace, move, copy, test"),
        ([op("spam", "/a")], "has the op 'spam'"),
        ([{"op": ["add"]}], "has the op ['add']"),
        ([op("add", "/a")], "(add) has no 'value'; it needs 'path' and 'value'"),
        ([op("move", "/a")], "(move) has no 'from'"),
        ([{"op": "remove"}], "(remove) has no 'path'"),
        ([op("remove", "a")], "has the path 'a'; accepted is a JSON pointer"),
        ([op("remove", "/~2")], "has the path '/~2'"),
        ([op("remove", "/a~")], "has the path '/a~'"),
        ([op("remove", 1)], "has the path 1"),  # type: ignore[arg-type]
        ([op("remove", "/a" * (MAX_DEPTH + 1))], "at most 64 parts"),
    ],
)
def test_what_is_no_patch_is_refused_with_what_is_accepted(patch, words: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        check_patch(patch)
    assert words in error.value.message


def test_a_state_may_not_grow_beyond_its_bound() -> None:
    assert "accepted are at most 100 as JSON" in refused({}, op("add", "/a", "x" * 100), most=100)
    assert applied({}, op("add", "/a", "x" * 92), most=100)
    same = [op("replace", "/a", "y" * 90)] * 50  # what was replaced does not count
    assert applied({"a": "x" * 90}, *same, most=100) == {"a": "y" * 90}


def test_a_state_that_is_copied_into_itself_again_and_again_is_refused_before_it_is_large() -> None:
    doubling = [move(f"/x{number}", "", "copy") for number in range(MOST_OPERATIONS)]
    assert "at most 10000" in refused({"a": "x" * 50}, *doubling)


def test_a_state_may_not_be_nested_too_deep() -> None:
    deeper = [move("/a" * number, "", "copy") for number in range(1, MAX_DEPTH)]
    assert f"more than {MAX_DEPTH} levels" in refused({}, *deeper, most=10**6)
