"""Drives the adapter without a guest process, in the environment of the framework."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

from adapter_driver import Outcome as Ended
from adapter_driver import continued, load_adapter
from agentos_guest import Message, Pause, Run
from pydantic_ai.models.function import FunctionModel

ADAPTER = load_adapter("pydantic-ai")


class Outcome(Ended):
    """What a run said."""

    @property
    def calls(self) -> list[tuple[str, str]]:
        return [(event.id, event.status) for event in self.tool_calls]


async def drive(target: Any, text: str = "hello", *, into: Outcome | None = None, **fields: Any) -> Outcome:
    """Return what a run says. One that fails leaves what it said in ``into``."""
    outcome = Outcome() if into is None else into
    if "saved" in fields:
        fields["saved"] = await ADAPTER.load(target, fields["saved"])
    run = Run("run_1", "agent", text, **fields)
    try:
        async with aclosing(ADAPTER.stream(target, run)) as events:  # type: ignore[type-var]
            async for event in events:
                outcome.events.append(event)
    except Pause as pause:
        outcome.pause = pause
    return outcome


def run(target: Any, text: str = "hello", **fields: Any) -> Outcome:
    return asyncio.run(drive(target, text, **fields))


def resume(target: Any, paused: Outcome, *answers: dict[str, Any], **fields: Any) -> Outcome:
    """Continue a run, from what is left of it after JSON. ``answers`` are those of its actions, in their order."""
    return run(target, **continued(paused, answers), **fields)


def model(says: Callable[..., AsyncIterator[Any]]) -> FunctionModel:
    return FunctionModel(stream_function=says, model_name="fake")


def conversation(*pairs: tuple[str, str]) -> Sequence[Message]:
    return [Message(role, content) for role, content in pairs]  # type: ignore[arg-type]


@asynccontextmanager
async def model_server(respond: Callable[[asyncio.StreamWriter], Any]) -> AsyncIterator[str]:
    """Serve Chat Completions: ``respond`` is called with each connection whose request was read. Yields the URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        try:
            await respond(writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
