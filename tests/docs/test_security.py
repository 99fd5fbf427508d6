"""The threat model names what protects against each threat, and tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "security.md").read_text("utf-8")
CLAIMS = dict(re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE))
NAMED = re.compile(r"`((?:tests|plugins)/[\w/-]+\.py)::(\w+)`")


@pytest.mark.parametrize("list_of_ten", ["API", "LLM", "ASI"])
def test_all_ten_of_each_list_are_answered(list_of_ten: str) -> None:
    named = {int(number) for number in re.findall(rf"\b{list_of_ten}(\d+)", PAGE)}
    assert named == set(range(1, 11))


def test_every_claim_is_made_of_tests() -> None:
    assert len(CLAIMS) >= 15


@pytest.mark.parametrize("claim", CLAIMS)
def test_each_test_that_a_claim_names_exists(claim: str) -> None:
    named = NAMED.findall(CLAIMS[claim])
    assert named, "a claim without a test is a wish"
    assert re.sub(r"[\s,]", "", NAMED.sub("", CLAIMS[claim])) == "", "something else stands among its tests"
    for file, name in named:
        module = ast.parse((ROOT / file).read_text("utf-8"))
        tests = [one.name for one in ast.walk(module) if isinstance(one, ast.FunctionDef)]
        assert name in tests, f"{file} has no {name}"
