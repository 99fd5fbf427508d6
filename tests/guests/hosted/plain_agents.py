"""Agents of plain asyncio, which the tests of this folder run in guest processes."""

import asyncio
import contextlib
import gc
import logging
import os
import re
import sys
import threading
import time

from agentos_guest import Action, Failed, ModelCall, Pause, Reasoning, ToolCall, Usage


class Words:
    """Says the tokens that it is asked for, as in "say 40 x": "x-0 ", "x-1 " …"""

    name = "Words"

    async def stream(self, context):
        count, tag, pause = re.fullmatch(r"say (\d+) (\S+)(?: every (\S+))?", context.input).groups()
        for number in range(int(count)):
            await asyncio.sleep(float(pause or 0.005))
            yield f"{tag}-{number} "


class Burst:
    """Says many tokens without a pause."""

    async def stream(self, context):
        for number in range(int(context.input)):
            yield f"{number} "


class Everything:
    """Says something of each kind."""

    async def stream(self, context):
        yield Reasoning("hm")
        yield ModelCall("p:m", 0.5, 0.1, "tool_calls", Usage(1, 2))
        yield Usage(7, 5, 1, 2)
        yield ToolCall("1", "add", {"a": 2})
        yield ToolCall("1", "add", {"a": 2}, "completed", result="5", duration=0.1)
        yield "be"
        context.emit("card", {"n": 1})
        yield ["fo", "re"]
        context.set_state([{"op": "add", "path": "/seen", "value": True}])
        yield "."


class Given:
    """Says what it was given."""

    async def stream(self, context):
        earlier = [message.content for message in context.history if message.role == "user"]
        media = [f"{one.content_type} {len(one.read())}" for one in context.media]
        yield f"{len(context.history)}:{earlier[-1] if earlier else ''}:{media}:{context.user_id}:{context.overrides}"


class Quoting:
    """Fails, logs and leaves tasks alone with what it was asked in the text of errors."""

    async def stream(self, context):
        asks = context.ask("Which?", {"type": context.input}) if context.input == "unknown" else None
        try:
            raise ValueError(f"cannot parse {context.input}")
        except ValueError:
            logging.getLogger("mine").exception("parsing failed")
        task = asyncio.create_task(self.fail(context.input))
        await asyncio.sleep(0.01)
        del task
        gc.collect()
        yield f"logged {asks}"

    async def fail(self, text):
        raise LookupError(f"nothing is known of {text}")


class Silent:
    """Waits, and writes what became of it into a file."""

    async def stream(self, context):
        yield "begun"
        try:
            await asyncio.sleep(60)
        finally:
            with open(context.input, "w") as file:
                file.write("stopped")


class Busy:
    """Computes for two seconds."""

    async def stream(self, context):
        end = time.monotonic() + 2
        while time.monotonic() < end:
            pass
        yield "done"


class Stuck:
    """Cannot be cancelled."""

    async def stream(self, context):
        yield "begun"
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)


class Heavy:
    """Computes for a long time when it is asked to."""

    async def stream(self, context):
        end = time.monotonic() + (6 if context.input == "compute" else 0)
        while time.monotonic() < end:
            pass
        yield "done"


class Hog:
    """Takes more memory at each run."""

    def __init__(self):
        self.kept = []

    async def stream(self, context):
        self.kept.append(bytearray(os.urandom(2**20)) * 30)
        yield str(os.getpid())


class Holder:
    """Takes so many MiB of memory, and then holds up the event loop when it is asked to."""

    def __init__(self):
        self.kept = []

    async def stream(self, context):
        self.kept.append(bytearray(os.urandom(2**20)) * int(context.input))
        yield str(os.getpid())
        if not context.metadata.get("hold"):
            return
        file = context.metadata["hold"]
        while not os.path.exists(file):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)  # what it said is sent
        os.unlink(file)
        time.sleep(60)


class Paths:
    """Says where the attachment is, and who may read it."""

    async def stream(self, context):
        path = context.media[0].path
        yield f"{path} {oct(os.stat(path).st_mode & 0o777)} {oct(os.stat(os.path.dirname(path)).st_mode & 0o777)}"


class Alone:
    """Says how many runs of it there are at once."""

    running = 0

    async def stream(self, context):
        Alone.running += 1
        try:
            await asyncio.sleep(0.05)
            yield f"{os.getpid()} {Alone.running}"
        finally:
            Alone.running -= 1


class Secret:
    async def stream(self, context):
        yield "begun"
        raise RuntimeError("sk-secret-123 for " + context.input)


class Public:
    async def stream(self, context):
        try:
            raise TimeoutError("sk-secret-123")
        except TimeoutError as error:
            raise Failed("the model is asleep", cause="PROVIDER_UNAVAILABLE") from error
        yield


class Printer:
    async def stream(self, context):
        print("printed by", context.input)
        yield "done"


class Questions:
    """Asks two questions, one after the other."""

    async def stream(self, context):
        city = context.ask("Which city?")
        people = context.ask("How many?", {"type": "integer"})
        yield f"{city} {people}"


class Hoarder:
    async def stream(self, context):
        raise Pause([Action("k", "input", message="?")], "x" * 2**20)
        yield


class Where:
    """Says where it runs."""

    async def stream(self, context):
        yield f"{os.getpid()} {sys.executable} {threading.active_count()} {sorted(os.environ)}"


words, burst, everything, given, silent, busy = Words(), Burst(), Everything(), Given(), Silent(), Busy()
stuck, alone, secret, public, printer, where = Stuck(), Alone(), Secret(), Public(), Printer(), Where()
heavy, hog, holder, paths = Heavy(), Hog(), Holder(), Paths()
questions, hoarder, quoting = Questions(), Hoarder(), Quoting()
nothing = 7
