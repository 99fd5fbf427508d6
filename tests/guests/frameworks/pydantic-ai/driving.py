"""Drives the adapter without a guest process, in the environment of the framework."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentos_guest import Adapter, Answer, Event, Message, ModelCall, Pause, Reasoning, Run, ToolCall, Usage
from pydantic_ai.models.function import FunctionModel

REPOSITORY = Path(__file__).parents[4]
FOLDER = REPOSITORY / "plugins/agentos-pydantic-ai/agentos_pydantic_ai/adapter"
NAME = "agentos_guest_adapter_pydantic_ai"


def _load() -> Adapter:
    """As a guest process loads it."""
    file = FOLDER / "__init__.py"
    spec = importlib.util.spec_from_file_location(NAME, file, submodule_search_locations=[str(FOLDER)])
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
    pause: Pause | None = None

    @property
    def text(self) -> str:
        return "".join(event for event in self.events if isinstance(event, str))

    @property
    def reasoning(self) -> str:
        return "".join(event.content for event in self.events if isinstance(event, Reasoning))

    @property
    def calls(self) -> list[tuple[str, str]]:
        return [(event.id, event.status) for event in self.events if isinstance(event, ToolCall)]

    @property
    def tool_calls(self) -> list[ToolCall]:
        return [event for event in self.events if isinstance(event, ToolCall)]

    @property
    def usage(self) -> list[Usage]:
        return [event for event in self.events if isinstance(event, Usage)]

    @property
    def model_calls(self) -> list[ModelCall]:
        return [event for event in self.events if isinstance(event, ModelCall)]


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
    assert paused.pause is not None
    given = [
        Answer(action.key, action.kind, **answer) for action, answer in zip(paused.pause.actions, answers, strict=True)
    ]
    return run(target, saved=json.loads(json.dumps(paused.pause.state)), answers=given, **fields)


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
