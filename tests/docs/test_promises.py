"""Each promise has tests, and they exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "promises.md").read_text("utf-8")
PROMISES = dict(re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE))
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_all_promises_are_on_the_page() -> None:
    assert len(PROMISES) >= 15
    for words in ("exactly one visible end", "kill -9", "half a turn", "one order", "was cut", "Idempotency-Key"):
        assert any(words in promise for promise in PROMISES), words


@pytest.mark.parametrize("promise", PROMISES)
def test_each_test_that_a_promise_names_exists(promise: str) -> None:
    listed = PROMISES[promise].partition("\nTests:\n")[2]
    named = NAMED.findall(listed)
    assert named, "a promise without a test is a wish"
    assert re.sub(r"[\s,]", "", NAMED.sub("", listed)) == "", "something else stands among its tests"
    for file, name in named:
        module = ast.parse((ROOT / file).read_text("utf-8"))
        tests = [one.name for one in ast.walk(module) if isinstance(one, ast.FunctionDef)]
        assert name in tests, f"{file} has no {name}"
