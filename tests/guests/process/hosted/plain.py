"""Agents without a framework, for a guest process."""

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from agentos_guest import Failed, ModelCall, Reasoning, ToolCall, Usage
from agentos_guest.run import Call


class Words:
    name = "Words"
    description = "Says words."
    model = "fake:words"

    async def stream(self, context):
        _, number, tag = context.input.split()
        for index in range(int(number)):
            await asyncio.sleep(0.005)
            yield f"{tag}-{index} "


words = Words()


class WordsOfAThread:
    def stream(self, context):
        _, number, tag = context.input.split()
        for index in range(int(number)):
            time.sleep(0.005)
            yield f"{tag}-{index} "


words_of_a_thread = WordsOfAThread()


async def never_waits(context):
    for index in range(1000):
        yield f"{index} "


async def endless(context):
    while True:
        yield "x" * 1000


async def slow_start(context):
    yield "first "
    await asyncio.sleep(0.2)
    yield "second"


async def everything(context):
    yield Reasoning("hm")
    yield ToolCall("c1", "add", {"a": 2, "at": Path("/x")}, "started")
    yield [ToolCall("c1", "add", {"a": 2}, "completed", "5", duration=0.5), "5"]
    yield Usage(7, 5)
    yield ModelCall("fake:m", 0.5, 0.1, "stop", Usage(7, 5), [Call("c1", "add", "{}")])


async def answers(context):
    return f"{context.input} {len(context.history)} {context.metadata['colour']} {context.owner}"


async def remembers(context):
    said = [message.content for message in context.history if message.role == "user"]
    yield f"{len(context.history)}:{said[-1]}:{context.history[1].tool_calls[0].name}"


async def attached(context):
    yield f"{context.media[0].content_type} {len(context.media[0].read())} {context.media[1].url}"


async def asks(context):
    city = context.ask("Which city?", {"type": "string"})
    day = context.ask("Which day?")
    yield f"{city} on {day}"


async def changes(context):
    context.set_state([{"op": "add", "path": "/n", "value": 1}])
    yield str(context.state)
    context.set_state([{"op": "replace", "path": "/missing", "value": 1}])


async def tells(context):
    yield "a"
    context.emit("progress", {"done": 1})
    yield "b"
    await asyncio.to_thread(context.emit, "progress", {"done": 2})
    yield "c"


async def tells_while_it_computes(context):
    for index in range(64):
        context.emit("progress", index)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        pass
    yield "done"


async def tells_no_json(context):
    context.emit("progress", object())
    yield "unreachable"


async def secret(context):
    yield "before "
    raise RuntimeError("sk-secret-123")


async def raises_at_once(context):
    raise RuntimeError("sk-secret-123")
    yield


async def public(context):
    raise Failed("the flight is full", cause="QUOTA_EXHAUSTED")
    yield


async def exits(context):
    yield "bye"
    sys.exit(3)


async def leaves():
    sys.exit(3)


async def exits_in_a_task(context):
    yield "bye"
    await asyncio.gather(leaves())


async def exits_in_a_task_of_a_task(context):
    yield "bye"
    await asyncio.create_task(asyncio.wait_for(asyncio.create_task(leaves()), 5))


async def exits_in_a_thread(context):
    yield "bye"
    await asyncio.to_thread(sys.exit, 3)


async def exits_in_a_callback(context):
    yield "bye"
    asyncio.get_running_loop().call_soon(sys.exit, 3)
    await asyncio.sleep(0.05)


async def odd(context):
    yield {"text": "no event"}


async def odd_text(context):
    yield "lone \ud800 surrogate"
    yield ToolCall("c1", "nan", {"value": float("nan")}, "started")


async def huge(context):
    yield "x" * (17 * 1024 * 1024)


async def many_large(context):
    yield ["x" * (1024 * 1024)] * 40


async def waits(context):
    marks = Path(context.metadata["marks"])
    try:
        yield "waiting"
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0.05)
        marks.write_text("ended")


class WaitsInAThread:
    def stream(self, context):
        try:
            yield "waiting"
            context.cancellation.wait(60)
            yield "more"
        finally:
            Path(context.metadata["marks"]).write_text("ended")


waits_in_a_thread = WaitsInAThread()


async def refuses_to_end(context):
    yield "waiting"
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(1)


async def waits_with_a_limit(context):
    """What it waits for is done all the time, and so also when it is cancelled."""
    yield "waiting"
    while True:
        await asyncio.wait_for(asyncio.sleep(0), 60)


async def limits(context):
    """Waits with limits as they are meant."""
    assert await asyncio.wait_for(asyncio.sleep(0, "in time"), 60) == "in time"
    for seconds in (0, 0.01):
        try:
            await asyncio.wait_for(asyncio.sleep(60), seconds)
        except asyncio.TimeoutError:  # noqa: UP041  # another one in Python 3.10
            yield "too late "
    try:
        await asyncio.wait_for(asyncio.to_thread(int, "x"), 60)
    except ValueError:
        yield "no number"


async def busy(context):
    yield "busy"
    await asyncio.sleep(0.05)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        pass
    yield "done"


async def holds(context):
    yield "holding"
    await asyncio.sleep(0.05)
    time.sleep(60)


async def prints(context):
    print("to stdout")
    print("to stderr", file=sys.stderr)
    logging.getLogger("mine").error("to a log: %s", 3)
    await asyncio.to_thread(print, "from a thread")
    await asyncio.gather(tagged(context.input), tagged(context.input))
    print("no end of line", end="")
    yield "done"


async def tagged(tag):
    await asyncio.sleep(0.01)
    print(tag)


def raises_what(text, kind=ValueError):
    raise kind(f"cannot parse {text}")


async def raises_later(text):
    raises_what(text, LookupError)


class FailsToEnd:
    def __init__(self, text):
        self.text = text

    def __del__(self):
        raises_what(self.text, KeyError)


async def logs_errors(context):
    try:
        raises_what(context.input)
    except ValueError:
        logging.getLogger("mine").exception("parsing failed")
    FailsToEnd(context.input)
    task = asyncio.create_task(raises_later(context.input))
    thread = threading.Thread(target=raises_what, args=(context.input,))
    thread.start()
    await asyncio.sleep(0.05)
    del task
    gc.collect()
    thread.join()
    yield "done"


async def leaves_a_task(context):
    async def left():
        await LEFT.wait()
        print("printed by a task", "that was left")
        logging.getLogger("left").info("logged by a task that was left")

    context.emit("left", id(asyncio.create_task(left())))
    print("printed by the run")
    yield "done"


LEFT = asyncio.Event()


async def lets_the_task_work():
    LEFT.set()


async def prints_beside_python(context):
    subprocess.run(["echo", "from a program"], check=True)
    subprocess.run(["echo", "to the stream"], check=True, stdout=sys.stdout)
    libc = ctypes.CDLL(None)
    libc.puts(b"from C")
    libc.fflush(None)
    child = os.fork()
    if not child:
        print("from a fork", flush=True)
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
    yield "done"


async def flood(context):
    line = "x" * 99
    for _ in range(50_000):
        print(line)
    for index in range(10_000):
        logging.getLogger("flood").info("line %d", index)
    yield "done"


async def flood_beside_python(context):
    # PyDLL keeps the interpreter's lock: a reader of a pipe could not run meanwhile.
    write = ctypes.PyDLL(None).write
    data = b"y" * 1023 + b"\n"
    for _ in range(5_000):
        write(1, data, len(data))
    yield "done"


async def floods_the_file(context):
    """Fill the file of the output ten times, as soon as it was emptied, and say how long that took."""
    began = time.monotonic()
    for _ in range(10):
        os.write(1, b"z" * 2 * 1024 * 1024)
        while os.fstat(1).st_size:
            await asyncio.sleep(0.002)
    yield str(time.monotonic() - began)


async def fills_the_disk(context):
    yield "filling"
    await asyncio.sleep(0.05)
    os.ftruncate(1, 2**30)  # without its bytes: it is only as long
    await asyncio.sleep(60)


async def grows(context):
    kept = bytearray(int(context.input) * 1024 * 1024)
    kept[::4096] = b"x" * len(kept[::4096])
    yield "grown"
    await asyncio.sleep(float(context.metadata.get("seconds", 1)))
    yield str(len(kept))


async def forks(context):
    """Leave a child behind that has all descriptors of its parent, as those of multiprocessing have."""
    if not os.fork():
        time.sleep(5)
        os._exit(0)
    yield "forked"
    await asyncio.sleep(5)


class Tools:
    async def add(self, a, b):
        await asyncio.sleep(0)
        return {"sum": a + b}


tools = Tools()


def in_a_thread(context, name):
    context.emit("where", threading.current_thread() is not threading.main_thread())
    return f"{name} for {context.agent_id} of {context.owner}, {context.request_id}"


RELEASED = threading.Event()


def does_not_return(context):
    context.emit("begun", 1)
    RELEASED.wait(60)


async def releases():
    RELEASED.set()


def confirms(context):
    return "yes" if context.ask("Sure?") else "no"


async def returns_much():
    return "x" * (17 * 1024 * 1024)


async def raises():
    raise KeyError("sk-secret-123")


not_an_agent = 42
