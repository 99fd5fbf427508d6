"""Drives the adapter without a guest process, in the environment of the framework."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from adapter_driver import Outcome as Ended
from adapter_driver import continued, load_adapter
from agentos_guest import Pause, Run
from agno.agent import Agent
from scripted import Scripted

ADAPTER = load_adapter("agno")


class Outcome(Ended):
    """What a run said."""

    @property
    def calls(self) -> list[tuple[str, str, str | None]]:
        return [(event.name, event.status, event.result or event.error) for event in self.tool_calls]

    def members(self, type: str) -> list[Any]:
        return [data for name, data in self.custom if name == "member" and data["type"] == type]


async def drive(target: Any, text: str = "hello", **fields: Any) -> Outcome:
    outcome = Outcome()
    given = {"emit": lambda name, data: outcome.custom.append((name, data)), "set_state": outcome.patches.append}
    run = Run(fields.pop("id", "run_1"), "agent", text, **given, **fields)
    if run.saved is not None:
        run = dataclasses.replace(run, saved=await ADAPTER.load(target, run.saved))
    try:
        async for event in ADAPTER.stream(target, run):
            outcome.events.append(event)
    except Pause as pause:
        outcome.pause = pause
    return outcome


def run(target: Any, text: str = "hello", **fields: Any) -> Outcome:
    return asyncio.run(drive(target, text, **fields))


def resume(target: Any, paused: Outcome, *answers: dict[str, Any], **fields: Any) -> Outcome:
    """Continue a run, from what is left of it after JSON. ``answers`` are those of its actions, in their order."""
    return run(target, **continued(paused, answers), **fields)


def agent(script: Any, **given: Any) -> Agent:
    return Agent(model=Scripted(script=script), **given)


@asynccontextmanager
async def model_server(respond: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> AsyncIterator[str]:
    """Serve Chat Completions: ``respond`` is called with each connection whose request was read. Yields the URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        try:
            await respond(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


def refuses(status: int, message: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
    """Return a model server's answer with an error."""

    async def respond(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = json.dumps({"error": {"message": message}}).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return respond
