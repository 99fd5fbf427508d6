"""What the test model server answers at ``/v1/messages``, by the name of the model that is asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parts.model_server import Exchange

TEXT = "Héllo wörld 🎉 "
USAGE = {"input_tokens": 3, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 0, "output_tokens": 1}
BEHAVIOURS: list[tuple[re.Pattern[str], Callable[..., None]]] = []


def behaviour(pattern: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register what a model does whose whole name matches; groups of the pattern become arguments."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        BEHAVIOURS.append((re.compile(pattern), function))
        return function

    return register


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


def start(**usage: int) -> dict[str, Any]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    return event("message_start", message={**message, "usage": usage or USAGE})


def text(*pieces: str, index: int = 0) -> list[dict[str, Any]]:
    return block(
        {"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in pieces), index=index
    )


def thought(*pieces: str, signature: str | None = "c2ln", index: int = 0) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
    deltas += [{"type": "signature_delta", "signature": signature}] if signature is not None else []
    return block({"type": "thinking", "thinking": "", "signature": ""}, *deltas, index=index)


def tool(name: str, *pieces: str, id: str = "toolu_1", index: int = 0, **more: Any) -> list[dict[str, Any]]:
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return block({"type": "tool_use", "id": id, "name": name, "input": {}, **more}, *deltas, index=index)


def block(start: dict[str, Any], *deltas: dict[str, Any], index: int = 0) -> list[dict[str, Any]]:
    return [
        event("content_block_start", index=index, content_block=start),
        *(event("content_block_delta", index=index, delta=delta) for delta in deltas),
        event("content_block_stop", index=index),
    ]


def stop(reason: str | None = "end_turn", *, output: int = 5, **more: Any) -> list[dict[str, Any]]:
    delta = {"stop_reason": reason, "stop_sequence": None, **more}
    return [event("message_delta", delta=delta, usage={"output_tokens": output}), event("message_stop")]


def written(events: Iterable[Any]) -> str:
    """Return a stream of events; a text among them stays as it is."""
    return "".join(
        one if isinstance(one, str) else f"event: {one['type']}\ndata: {json.dumps(one, ensure_ascii=False)}\n\n"
        for one in events
    )


def words(said: str) -> list[str]:
    return re.findall(r"\s*\S+\s?|\s+", said)


def answer(exchange: Exchange, events: Iterable[Any]) -> None:
    exchange.head(200, "text/event-stream; charset=utf-8")
    for one in events:
        exchange.write(written([one]).encode())
    exchange.end()


def last_blocks(exchange: Exchange, role: str) -> list[dict[str, Any]]:
    return next((one["content"] for one in reversed(exchange.body["messages"]) if one["role"] == role), [])


@behaviour("text|claude-.*")
def _text(exchange: Exchange) -> None:
    answer(exchange, [start(), event("ping"), *text(*words(TEXT)), *stop()])


@behaviour("echo")
def _echo(exchange: Exchange) -> None:
    said = " ".join(block.get("text", "") for block in last_blocks(exchange, "user"))
    answer(exchange, [start(), *text(*words(said)), *stop()])


@behaviour("thinking")
def _thinking(exchange: Exchange) -> None:
    answer(exchange, [start(), *thought("Let me ", "think."), *text("Done.", index=1), *stop()])


@behaviour("tools")
def _tools(exchange: Exchange) -> None:
    """Think, and call the first tool twice; say the results when they are there."""
    results = [block["content"] for block in last_blocks(exchange, "user") if block["type"] == "tool_result"]
    if results:
        return answer(exchange, [start(), *text(f"The result is {' and '.join(results)}."), *stop()])
    name = exchange.body["tools"][0]["name"]
    return answer(
        exchange,
        [
            start(),
            *thought("Two."),
            event("content_block_start", index=1, content_block={"type": "redacted_thinking", "data": "ZGF0YQ=="}),
            event("content_block_stop", index=1),
            *tool(name, "", '{"expression": ', '"1+1"}', id="toolu_a", index=2),
            *tool(name, '{"expression": "2*3"}', id="toolu_b", index=3),
            *stop("tool_use"),
        ],
    )


@behaviour("fault-no-finish")
def _no_finish(exchange: Exchange) -> None:
    answer(exchange, [start(), *text("Hm")])


@behaviour("fault-error-event")
def _error_event(exchange: Exchange) -> None:
    error = {"type": "overloaded_error", "message": "Overloaded"}
    answer(exchange, [start(), event("error", error=error)])
