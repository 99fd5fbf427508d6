"""The objects of the dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentos import Run
from agentos.web import ClientCall, WholeAnswer, sse_json
from agentos_openai_api.ids import chat_id

DONE = b"data: [DONE]\n\n"


def completion_json(run: Run, answer: WholeAnswer) -> dict[str, Any]:
    """Return a chat completion."""
    return {
        "id": chat_id(run.id),
        "object": "chat.completion",
        "created": int(run.created_at.timestamp()),
        "model": run.agent_id,
        "choices": [
            {"index": 0, "message": message_json(answer), "logprobs": None, "finish_reason": answer.finish_reason}
        ],
        "usage": usage_json(answer.usage),
    }


def message_json(answer: WholeAnswer) -> dict[str, Any]:
    """Return the assistant's message."""
    text, thoughts = answer.text, answer.thoughts
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text if text or not answer.calls else None,
        "refusal": None,
    }
    if thoughts:
        message["reasoning_content"] = thoughts
    if answer.calls:
        message["tool_calls"] = calls_json(answer.calls)
    return message


def calls_json(calls: Sequence[ClientCall]) -> list[dict[str, Any]]:
    """Return calls of the client's tools."""
    return [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments_json}}
        for call in calls
    ]


def usage_json(usage: Mapping[str, int]) -> dict[str, Any]:
    """Return a usage as the dialect has it."""
    return {
        "prompt_tokens": usage.get("prompt_tokens", 0),
        "completion_tokens": usage.get("completion_tokens", 0),
        "total_tokens": usage.get("total_tokens", 0),
        "prompt_tokens_details": {"cached_tokens": usage.get("cached_tokens", 0)},
        "completion_tokens_details": {"reasoning_tokens": usage.get("reasoning_tokens", 0)},
    }


def stream_of(completion: Mapping[str, Any], *, include_usage: bool) -> bytes:
    """Return an answer that is whole as the body of a stream."""
    (choice,) = completion["choices"]
    same = {
        **{name: completion[name] for name in ("id", "created", "model")},
        "object": "chat.completion.chunk",
    }
    delta = {name: choice["message"][name] for name in ("role", "content")}
    choices = [{"index": 0, "delta": delta, "finish_reason": None}]
    choices.append({"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]})
    no_usage = {"usage": None} if include_usage else {}
    chunks: list[dict[str, Any]] = [{**same, "choices": [one], **no_usage} for one in choices]
    if include_usage:
        chunks.append({**same, "choices": [], "usage": completion["usage"]})
    return b"".join([*map(sse_json, chunks), DONE])
