"""The JSON of a response and of what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentos import RunError
from agentos_openai_api.errors import message_of
from agentos_openai_api.ids import conversation_id
from agentos_openai_api.responses.echo import Echo
from agentos_openai_api.responses.parts import ResponseRef

NO_USAGE: Mapping[str, int] = {}

INCOMPLETE: Mapping[str, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Why a response is not whole, by the finish reason of the model."""

WAITS = "requires_action"
"""Why the response of a run that waits for a person is not whole. It continues after the answer."""

CANCELLED = "RUN_CANCELLED"

_CODES = {"PROVIDER_RATE_LIMITED": "rate_limit_exceeded", "CONTENT_FILTERED": "invalid_prompt"}


def response_json(
    ref: ResponseRef,
    echo: Echo,
    *,
    model: str,
    session_id: str | None,
    status: str,
    output: Sequence[Any] = (),
    **more: Any,
) -> dict[str, Any]:
    """Return a response. ``more`` are fields that it has at its end."""
    previous = ref.previous
    return {
        "id": ref.id,
        "object": "response",
        "created_at": created_at(ref.run_id),
        "completed_at": None,
        "status": status,
        "model": model,
        "output": list(output),
        "error": None,
        "incomplete_details": None,
        "usage": None,
        "conversation": None if session_id is None else {"id": conversation_id(session_id)},
        **echo.shown(None if previous is None else previous.id),
        **more,
    }


def created_at(run_id: str) -> int:
    """Return when a run was made, in seconds since 1970, from its id (UUIDv7): so it is the same in every answer."""
    try:
        return int(run_id.replace("-", "")[:12], 16) // 1000
    except ValueError:
        return 0


def usage_json(used: Mapping[str, int], before: Mapping[str, int] = NO_USAGE) -> dict[str, Any]:
    """Return what a part of a run took, of the sums of the run at its end and at its beginning."""

    def taken(name: str) -> int:
        return used.get(name, 0) - before.get(name, 0)

    return {
        "input_tokens": taken("prompt_tokens"),
        "input_tokens_details": {"cached_tokens": taken("cached_tokens"), "cache_write_tokens": 0},
        "output_tokens": taken("completion_tokens"),
        "output_tokens_details": {"reasoning_tokens": taken("reasoning_tokens")},
        "total_tokens": taken("total_tokens"),
    }


def failure_json(code: str, message: str, details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``error`` of a response that failed."""
    cause = str(details.get("cause") or code)
    return {"code": _CODES.get(cause, "server_error"), "message": message_of(cause, message)}


def run_failure(error: RunError) -> dict[str, Any]:
    """Return the ``status`` and ``error`` of the response of a run that did not complete."""
    if error.code == CANCELLED:
        return {"status": "cancelled"}
    return {"status": "failed", "error": failure_json(error.code, error.message, error.details)}


def message_item(id: str, text: Any, *, status: str = "completed") -> dict[str, Any]:
    """Return what the agent said; ``text`` may be a fragment of JSON."""
    return {"id": id, "type": "message", "status": status, "role": "assistant", "content": [output_text(text)]}


def output_text(text: Any) -> dict[str, Any]:
    """Return a part of a message that is text."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def reasoning_item(id: str, text: Any, *, status: str = "completed") -> dict[str, Any]:
    """Return what the agent thought."""
    content = [{"type": "reasoning_text", "text": text}]
    return {"id": id, "type": "reasoning", "status": status, "summary": [], "content": content}


def call_item(id: str, call_id: str, name: str, arguments: str, *, status: str = "completed") -> dict[str, Any]:
    """Return a call of a tool that the client executes."""
    return {
        "id": id,
        "type": "function_call",
        "status": status,
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }
