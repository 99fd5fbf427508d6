"""The objects of the dialect: a message, its blocks, its usage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentos import Run
from agentos.web import ClientCall, WholeAnswer, sse_json
from agentos_anthropic_api.ids import message_id, signature

STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal", "tool_calls": "tool_use"}
"""The dialect's words, by ours."""


def message_json(
    id: str, model: str, content: list[dict[str, Any]], reason: str | None, usage: Mapping[str, int]
) -> dict[str, Any]:
    """Return a message of the assistant. ``reason`` is one of ours, ``None`` before its end."""
    return {
        "id": id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": None if reason is None else STOP_REASONS[reason],
        "stop_sequence": None,
        "usage": usage_json(usage),
    }


def whole_message(run: Run, answer: WholeAnswer, *, thinking: str) -> dict[str, Any]:
    """Return a whole answer. ``thinking`` says what is shown of thoughts: `all`, `omitted`, or `none`."""
    id = message_id(run.id, answer.first_action)
    content: list[dict[str, Any]] = []
    for text, is_thought in answer.pieces:
        if not is_thought:
            if content and content[-1]["type"] == "text":  # what was thought in between is not shown
                content[-1]["text"] += text
            else:
                content.append({"type": "text", "text": text})
        elif thinking != "none":
            shown = text if thinking == "all" else ""
            content.append({"type": "thinking", "thinking": shown, "signature": signature(id, len(content))})
    content += [{**call_block(call), "input": call_input(call)} for call in answer.calls]
    return message_json(id, run.agent_id, content, answer.finish_reason, answer.usage)


def call_block(call: ClientCall) -> dict[str, Any]:
    """Return a call of a client's tool, without its input."""
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}


def call_input(call: ClientCall) -> dict[str, Any]:
    """Return the input of a call: an object, also where the model wrote none."""
    return call.arguments if isinstance(call.arguments, dict) else {}


def usage_json(usage: Mapping[str, int]) -> dict[str, Any]:
    """Return a usage as the dialect has it: tokens from a cache are not among the others."""
    cached = usage.get("cached_tokens", 0)
    return {
        "input_tokens": max(0, usage.get("prompt_tokens", 0) - cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.get("completion_tokens", 0),
        "output_tokens_details": {"thinking_tokens": usage.get("reasoning_tokens", 0)},
    }


def event(type: str, **fields: Any) -> bytes:
    """Return one event of a stream."""
    return sse_json({"type": type, **fields}, event=type)
