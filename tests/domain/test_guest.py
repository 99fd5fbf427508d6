"""What a guest is declared with, and what is refused."""

import sys
from typing import Any

import pytest

from agentos import Guest, InvalidRequest


def test_a_guest_needs_a_target_alone() -> None:
    guest = Guest("package.module:agent")
    assert (guest.python, guest.processes, guest.exclusive, guest.environment) == (sys.executable, 1, False, ())


def test_lists_become_tuples_so_that_guests_can_be_compared() -> None:
    one = Guest("m:a", environment=["A", "B"], path=["/srv"], allow_overrides=["temperature"])
    assert one == Guest("m:a", environment=("A", "B"), path=("/srv",), allow_overrides=("temperature",))
    assert len({one, Guest("m:a")}) == 2


@pytest.mark.parametrize(
    ("field", "given", "accepted"),
    [
        ("target", "module", "accepted is a module and an attribute of it, as in 'package.module:agent'"),
        ("target", "a b:c", "accepted is a module"),
        ("target", "module:", "accepted is a module"),
        ("target", "../module:agent", "accepted is a module"),
        ("target", 7, "accepted is a module"),
        ("python", "python3", "accepted is an absolute path"),
        ("python", "/bin/py\0thon", "accepted is an absolute path"),
        ("directory", "here", "accepted is an absolute path"),
        ("path", ["lib"], "accepted is an absolute path"),
        ("path", "/srv", "accepted is a list of texts"),
        ("environment", "OPENAI_API_KEY", "accepted is a list of texts"),
        ("environment", ["OPENAI_API_KEY=sk-1"], "accepted is names of variables without values"),
        ("processes", 0, "accepted is a number from 1 to 64"),
        ("processes", 65, "accepted is a number from 1 to 64"),
        ("processes", True, "accepted is a number from 1 to 64"),
        ("exclusive", 1, "accepted is True or False"),
        ("memory_limit", 1000, "accepted is a number of bytes from 67108864"),
        ("allow_overrides", ["model"], "which no run may override"),
    ],
)
def test_what_cannot_be_right_is_refused_and_what_is_accepted_is_said(field: str, given: Any, accepted: str) -> None:
    fields = {"target": "m:a", field: given}
    with pytest.raises(InvalidRequest) as refused:
        Guest(fields.pop("target"), **fields)
    assert accepted in refused.value.message
    assert "sk-1" not in refused.value.message
