"""Each script has what its operations call: what is missing would be found in the middle of a write."""

import re

import pytest
from agentos_redis.storage.database import USES, scripts

FUNCTION = re.compile(r"^(?:local )?function ([\w.]+)\(.*?^end$", re.MULTILINE | re.DOTALL)
OURS = r"\b((?:blobs|used|records|sessions|messages|runs|pauses|index)\.\w+)\("


@pytest.mark.parametrize("operation", scripts())
def test_a_script_has_all_that_an_operation_calls(operation):
    bodies = {one[1]: one[0] for one in FUNCTION.finditer(scripts()[operation].source)}
    seen, left = set(), [f"op.{operation}"]
    while left:
        name = left.pop()
        assert name in bodies, f"{operation} calls {name}, which its script does not have"
        seen.add(name)
        called = set(re.findall(OURS, bodies[name].partition("\n")[2]))
        called |= {
            one for one in bodies if "." not in one and re.search(rf"\b{one}\(", bodies[name].partition("\n")[2])
        }
        left += called - seen


def test_every_file_is_used():
    assert {name for used in USES.values() for name in used} <= set(USES)
