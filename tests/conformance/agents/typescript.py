"""Agents for our own client in TypeScript: what it has to show, wait for, and survive."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

from agentos import (
    Agent,
    Finish,
    ModelProvider,
    ProviderError,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    hookimpl,
    tool,
)

ANSWER = "Grüße 👋, «dear»\nfriend\u2028! "


class Assistant(ModelProvider):
    """Does what the last message asks for, so that a test reads as a conversation."""

    def stream(self, request):
        text = next(message.content for message in reversed(request.messages) if message.role == "user")
        last = request.messages[-1]
        if last.role == "tool":
            yield from _say(f"The tool said: {last.content}")
        elif text == "Fail":
            yield TextDelta("Well, ")
            raise ProviderError("the model is out of order")
        elif text == "Greet me":
            yield ReasoningDelta("Who is it?")
            yield from _say(ANSWER)
        elif match := re.fullmatch(r"Count to (\d+), one in ([\d.]+) s", text):
            for number in range(1, int(match[1]) + 1):
                request.cancellation.wait(float(match[2]))
                request.cancellation.check()
                yield TextDelta(f"{number} ")
            yield Finish("stop")
        elif match := re.fullmatch(r"Lose (your worker|all workers)( now)?, once: (\w+)", text):
            yield from self._die(request, match[1] == "all workers", bool(match[2]), match[3])
        elif request.tools:
            yield ToolCallDelta(index=0, id="call_1", name=request.tools[0].name, arguments='{"amount": 500}')
            yield Finish("tool_calls")
        else:
            yield from _say(f"You said: {text}")

    def _die(self, request, everyone: bool, now: bool, name: str) -> Iterator:
        """Kill workers at the first call with a name, and answer at the second. The mark is in the server's folder."""
        yield TextDelta("Before. ")
        try:
            Path(f"died-{name}").touch(exist_ok=False)
        except FileExistsError:
            yield from _say("After.")
            return
        if not now:
            request.cancellation.wait(0.5)  # what was said is in the log by then
        for worker in _siblings() if everyone else []:
            os.kill(worker, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def _siblings() -> list[int]:
    """Return the other workers: they have the same parent."""
    parent = os.getppid()
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii")
    return [int(child) for child in children.split() if int(child) != os.getpid()]


def _say(text: str):
    for piece in re.findall(r"\S+\s*", text):
        yield TextDelta(piece)
    yield Finish("stop")


@tool(approval=True)
def refund(amount: int) -> str:
    """Pay money back."""
    return f"{amount} paid back"


MODEL = "conformance:assistant"

helper = Agent(id="helper", model=MODEL)
clerk = Agent(id="clerk", model=MODEL, tools=[refund])
steady = Agent(id="steady", model=MODEL, retry_on_crash=True)


@hookimpl
def register_model_providers(register, config):
    register("conformance", lambda config: Assistant())
