"""The objects of the dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentos import Run
from agentos.web import sse_json
from agentos_openai_api.ids import chat_id

DONE = b"data: [DONE]\n\n"


def completion_json(run: Run, message: Mapping[str, Any], reason: str, usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return a chat completion."""
    return {
        "id": chat_id(run.id),
        "object": "chat.completion",
        "created": int(run.created_at.timestamp()),
        "model": run.agent_id,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
        "usage": usage,
    }


def message_json(content: str, reasoning: str = "", calls: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Return the assistant's message."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": content if content or not calls else None,
        "refusal": None,
    }
    if reasoning:
        message["reasoning_content"] = reasoning
    if calls:
        message["tool_calls"] = calls
    return message


def usage_json(usage: Mapping[str, int]) -> dict[str, Any]:
    """Return a usage as the dialect has it."""
    return {
        "prompt_tokens": usage.get("prompt_tokens", 0),
        "completion_tokens": usage.get("completion_tokens", 0),
        "total_tokens": usage.get("total_tokens", 0),
        "prompt_tokens_details": {"cached_tokens": usage.get("cached_tokens", 0)},
        "completion_tokens_details": {"reasoning_tokens": usage.get("reasoning_tokens", 0)},
    }


def stream_of(completion: Mapping[str, Any]) -> bytes:
    """Return an answer that is whole as the body of a stream."""
    (choice,) = completion["choices"]
    same = {
        **{name: completion[name] for name in ("id", "created", "model")},
        "object": "chat.completion.chunk",
    }
    delta = {name: choice["message"][name] for name in ("role", "content")}
    chunks = [{"index": 0, "delta": delta, "finish_reason": None}]
    chunks.append({"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]})
    return b"".join([*(sse_json({**same, "choices": [chunk]}) for chunk in chunks), DONE])
