"""Agents that say what is hard to send."""

import asyncio
import dataclasses
import threading
import time

from agentos_guest import ModelCall, Pause, Reasoning, ToolCall, Usage
from agentos_guest.run import Action, Call


@dataclasses.dataclass
class WithALock:
    url: str
    lock: object = dataclasses.field(default_factory=threading.Lock)


class WithoutText:
    def __str__(self):
        raise RuntimeError("no text")


async def lock(context):
    yield "one "
    yield ToolCall("c1", "look", {"client": WithALock("http://x")})
    yield "two"


async def without_text(context):
    yield "one "
    try:
        yield ToolCall("c1", "look", {"client": WithoutText()})
    finally:
        await asyncio.sleep(0)
    yield "two"


async def changes_what_it_said(context):
    progress = {"done": 0}
    found = []
    for number in range(3):
        progress["done"] += 1
        found.append(number)
        context.emit("progress", progress)
        context.set_state([{"op": "add", "path": "/found", "value": found}])
    yield "ok"


class EmitsBetweenWords:
    def stream(self, context):
        for number in range(300):
            yield f"{number} "
            context.emit("said", number)
        context.set_state([{"op": "add", "path": "/done", "value": True}])
        raise LookupError("no more")


emits_between_words = EmitsBetweenWords()


async def large_in_an_event(context):
    yield "before"
    context.emit("id", {"ids": [2**64]})


async def large_in_the_state(context):
    yield "before"
    context.set_state([{"op": "add", "path": "/id", "value": 2**64}])


async def large_in_arguments(context):
    yield ToolCall("c1", "look", {"id": 2**64, "at": 2**63})


async def yields_and_emits(context):
    """Waits for nothing: other runs have their turn because the process takes it."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        yield "x"
        context.emit("n", 1)


async def returns_what_has_no_text():
    return WithoutText()


async def other_types(context):
    yield ToolCall("c1", "look", {}, "completed", {"rows": [3]}, duration=float("nan"))
    yield ToolCall("c2", "look", {}, "failed", error=LookupError("no row"))
    yield Usage(None, 2.0, 0, None)
    yield ModelCall("fake:m", 1, calls=[Call("c1", "look", {"a": 1})])


WRONG = {
    "id": ToolCall(7, "look", {}),
    "status": ToolCall("c1", "look", {}, "done"),
    "duration": ToolCall("c1", "look", {}, duration="1 s"),
    "tokens": Usage("7"),
    "model": ModelCall(None),
    "content": Reasoning(None),
}


async def wrong(context):
    yield "before"
    yield WRONG[context.input]


WRONG_ACTIONS = {
    "key": Action("", "input"),
    "kind": Action("a", "client_tool"),
    "tool_name": Action("a", "approval"),
    "arguments": Action("a", "approval", tool_name="pay", arguments=["x"]),
    "schema": Action("a", "input", message="Which?", schema="string"),
}


async def wrong_pause(context):
    raise Pause([WRONG_ACTIONS[context.input]])
    yield
