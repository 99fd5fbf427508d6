"""Drives the adapter without a guest process, in the environment of the framework."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.util
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentos_guest import Adapter, Answer, Event, ModelCall, Pause, Reasoning, Run, ToolCall, Usage
from agno.agent import Agent
from scripted import Scripted

FOLDER = Path(__file__).parents[4] / "plugins/agentos-agno/agentos_agno/adapter"
NAME = "agentos_guest_adapter_agno"


def _load() -> Adapter:
    """As a guest process loads it."""
    spec = importlib.util.spec_from_file_location(
        NAME, FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    adapter: Adapter = module.ADAPTER
    return adapter


ADAPTER = _load()


@dataclass
class Outcome:
    """What a run said. ``pause`` is how it ended, if it waits."""

    events: list[Event] = field(default_factory=list)
    custom: list[tuple[str, Any]] = field(default_factory=list)
    patches: list[Any] = field(default_factory=list)
    pause: Pause | None = None

    @property
    def text(self) -> str:
        return "".join(event for event in self.events if isinstance(event, str))

    @property
    def reasoning(self) -> str:
        return "".join(event.content for event in self.events if isinstance(event, Reasoning))

    @property
    def tool_calls(self) -> list[ToolCall]:
        return [event for event in self.events if isinstance(event, ToolCall)]

    @property
    def calls(self) -> list[tuple[str, str, str | None]]:
        return [(event.name, event.status, event.result or event.error) for event in self.tool_calls]

    @property
    def usage(self) -> list[Usage]:
        return [event for event in self.events if isinstance(event, Usage)]

    @property
    def model_calls(self) -> list[ModelCall]:
        return [event for event in self.events if isinstance(event, ModelCall)]

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
    assert paused.pause is not None
    actions = paused.pause.actions
    given = [Answer(action.key, action.kind, **answer) for action, answer in zip(actions, answers, strict=True)]
    return run(target, saved=json.loads(json.dumps(paused.pause.state)), answers=given, **fields)


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
