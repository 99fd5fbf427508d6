"""How long one tool call keeps the other runs of a worker waiting."""

import json

import pytest

from parts.holding import longest_hold

CODE = """
from agentos.timers import TimerThread
from agentos.domain.message import ToolCall
from agentos.domain.run import Run, RunStatus
from agentos.domain.times import utc_now
from agentos.execution.live import LiveRun
from agentos.execution.run_limits import RunLimits
from agentos.storage.admission import Admission
from agentos.storage.memory import MemoryStorage
from agentos.tools.context import ToolContext
from agentos.tools.executor import ToolExecutor
from agentos.tools.tool import Tool

schema, text = given
parameters = {"type": "object", "properties": {"x": schema}}
tool = Tool(name="t", description="", parameters=parameters, function=lambda **given: str(len(given)))
run = Run(id="r", agent_id="a", status=RunStatus.RUNNING, created_at=utc_now())
limits = RunLimits(timeout=60, queue_timeout=60, history_turns=1, max_output=10**7, max_state=10**5)
bounds = {"deadline": time.monotonic() + 60, "limits": limits}
live = LiveRun(Admission(run), TimerThread(), sessions=MemoryStorage().sessions, **bounds)

def work():
    context = ToolContext(run_id="r", agent_id="a")
    for event in ToolExecutor().execute([ToolCall("1", "t", text)], {"t": tool}, context):
        live.record(event)

measured(work)
"""

SIZE = 256 * 1024 - 100
INTEGERS = {"items": {"type": "integer"}}
OBJECTS = {"items": {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}}


def _list(item: str) -> str:
    return f'{{"x": [{",".join([item] * (SIZE // (len(item) + 1)))}]}}'


LARGE = {
    "one text": ({}, json.dumps({"x": "a" * SIZE})),
    "escapes": ({}, json.dumps({"x": "\n" * (SIZE // 2)})),
    "integers": (INTEGERS, _list("1")),
    "fractions": ({}, _list("0.5")),
    "empty objects": (OBJECTS, _list("{}")),
    "small objects": (OBJECTS, _list('{"a":1}')),
    "texts with a pattern": ({"items": {"pattern": "^(a+)+$"}}, _list('"aaaaaaaaaaaaaaaaaaaaaaaa!"')),
    "items that differ": ({"uniqueItems": True}, f'{{"x": [{",".join(map(str, range(40_000)))}]}}'),
}


@pytest.mark.parametrize("name", LARGE)
def test_the_largest_arguments_never_hold_a_worker_for_long(name: str) -> None:
    # Alone, each is below 20 ms; before, the longest was 1.5 s.
    assert longest_hold(CODE, LARGE[name]) < 0.1
