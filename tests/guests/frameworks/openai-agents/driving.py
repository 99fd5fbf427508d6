"""Drives the adapter without a guest process, in the environment of the framework."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from adapter_driver import Outcome as Ended
from adapter_driver import continued, load_adapter
from agentos_guest import Failed, Pause, Run

ADAPTER = load_adapter("openai-agents")


class Outcome(Ended):
    """What a run said."""

    @property
    def calls(self) -> list[tuple[str, str, str | None]]:
        return [(event.id, event.status, event.result or event.error) for event in self.tool_calls]


async def drive(target: Any, text: str = "hello", **fields: Any) -> Outcome:
    outcome = Outcome()
    given = {"emit": lambda name, data: outcome.custom.append((name, data)), "set_state": outcome.patches.append}
    try:
        async for event in ADAPTER.stream(target, Run("run_1", "agent", text, **given, **fields)):
            outcome.events.append(event)
    except Pause as pause:
        outcome.pause = pause
    except Failed as failed:
        outcome.failed = failed
    return outcome


def run(target: Any, text: str = "hello", **fields: Any) -> Outcome:
    return asyncio.run(drive(target, text, **fields))


def resume(target: Any, paused: Outcome, *answers: dict[str, Any], **fields: Any) -> Outcome:
    """Continue a run, from what is left of it after JSON. ``answers`` are those of its actions, in their order."""
    return run(target, **continued(paused, answers), **fields)


@dataclass
class ModelServer:
    """A model for tests: a token every 50 ms by Chat Completions, two by Responses, or an error.

    ``cut`` is why a response is incomplete. ``open`` counts the connections.
    """

    url: str = ""
    tokens: int = 2
    status: int = 200
    code: str | None = None
    cut: str | None = None
    open: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            self.requests.append(json.loads(await reader.readexactly(length)))
            if self.status != 200:
                await self._refuse(writer)
            else:
                await (self._respond(writer) if b"/responses" in head else self._stream(writer))
        except ConnectionError:
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for number in range(self.tokens):
            await self._send(writer, choices=[_choice({"content": f"{number} "})])
            await asyncio.sleep(0.05)
        await self._send(writer, choices=[_choice({}, "stop")])
        await self._send(writer, choices=[], usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5})
        writer.write(b"data: [DONE]\n\n")
        await writer.drain()

    async def _respond(self, writer: asyncio.StreamWriter) -> None:
        """As https://platform.openai.com/docs/api-reference/responses-streaming has it."""
        part = {"type": "output_text", "text": "0 1 ", "annotations": []}
        message = {"id": "1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
        status = "incomplete" if self.cut else "completed"
        response = {
            "id": "1",
            "created_at": 1,
            "object": "response",
            "model": "slow-2026",
            "status": status,
            "incomplete_details": {"reason": self.cut} if self.cut else None,
            "output": [message],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": 3,
                "input_tokens_details": {"cached_tokens": 1},
                "output_tokens": 2,
                "output_tokens_details": {"reasoning_tokens": 1},
                "total_tokens": 5,
            },
        }
        place = {"item_id": "1", "output_index": 0, "content_index": 0}
        events: list[dict[str, Any]] = [
            {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}},
            {"type": "response.reasoning_summary_text.delta", "delta": "hm", "summary_index": 0, **place},
            {"type": "response.output_item.added", "output_index": 0, "item": {**message, "content": []}},
            {"type": "response.output_text.delta", "delta": "0 ", "logprobs": [], **place},
            {"type": "response.output_text.delta", "delta": "1 ", "logprobs": [], **place},
            {"type": "response.output_item.done", "output_index": 0, "item": message},
            {"type": f"response.{status}", "response": response},
        ]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for number, event in enumerate(events):
            text = json.dumps({"sequence_number": number, **event})
            writer.write(f"event: {event['type']}\ndata: {text}\n\n".encode())
        await writer.drain()

    async def _send(self, writer: asyncio.StreamWriter, **fields: Any) -> None:
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "slow", **fields}
        writer.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await writer.drain()

    async def _refuse(self, writer: asyncio.StreamWriter) -> None:
        body = json.dumps({"error": {"message": "sk-secret-123", "code": self.code}}).encode()
        head = f"HTTP/1.1 {self.status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()


def _choice(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": reason}


@asynccontextmanager
async def model_server(**fields: Any) -> AsyncIterator[ModelServer]:
    model = ModelServer(**fields)
    server = await asyncio.start_server(model.serve, "127.0.0.1", 0)
    async with server:
        model.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        yield model


async def until(condition: Callable[[], bool], seconds: float = 1.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
