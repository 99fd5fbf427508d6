"""What is stored of a run's request, as JSON texts and back: the request, and the messages that its client sent.

Messages may have megabytes. A backend should not keep them where each heartbeat writes them again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agentos.domain.run import BusyPolicy
from agentos.domain.stored_request import ModelOverrides, RunMode, StoredRequest
from agentos.domain.tool_spec import ToolSpec
from agentos.domain.trace_context import TraceContext
from agentos.storage.json_text import dumps, loads
from agentos.storage.message_documents import given, message_document, message_of

PAUSED = "paused"
"""A name in the stored request of a run that was paused. Versions that know no pauses then refuse to start it over."""


def request_text(request: StoredRequest | None) -> str | None:
    """Return a request as it is stored, without its messages; what has its default is left out."""
    if request is None:
        return None
    document: dict[str, Any] = {"mode": request.mode.value}
    if request.concurrency is not None:
        document["concurrency"] = str(request.concurrency)
    overrides = {
        "parameters": dict(request.overrides.parameters),
        "output_schema": request.overrides.output_schema,
        "client_tools": [given(tool, tool.__slots__) for tool in request.overrides.client_tools],
        "client_tool_timeout": request.overrides.client_tool_timeout,
        "instructions": request.overrides.instructions,
    }
    some = {name: value for name, value in overrides.items() if value not in (None, {}, [])}
    if request.overrides.output_schema is not None:
        some["output_schema"] = request.overrides.output_schema  # the empty schema too
    if some:
        document["overrides"] = some
    if request.trace is not None:
        document["trace"] = [request.trace.traceparent, request.trace.state]
    return dumps(document)


def messages_text(request: StoredRequest | None) -> str | None:
    """Return the messages of a request as they are stored, attachments by their references; ``None`` without any."""
    if request is None or not request.messages:
        return None
    return dumps([message_document(message) for message in request.messages])


def request_of(text: str | None, messages: str | None = None) -> StoredRequest | None:
    """Return the request of its stored texts; what a newer version has added to it is named in ``unknown``."""
    if text is None:
        return None
    read: dict[str, Any] = {}
    unknown: list[str] = []
    document = loads(text)
    if document.pop(PAUSED, False) and not document:
        return None
    if messages is not None:
        document["messages"] = loads(messages)
    for name, value in document.items():
        try:
            read[name] = _READ[name](value)
        except (KeyError, TypeError, ValueError):
            unknown.append(name)
    return StoredRequest(**read, unknown=tuple(unknown))


def _overrides_of(document: Mapping[str, Any]) -> ModelOverrides:
    tools = tuple(ToolSpec(**{"description": "", **tool}) for tool in document.get("client_tools", ()))
    return ModelOverrides(**{**document, "client_tools": tools})


_READ: Mapping[str, Callable[[Any], Any]] = {
    "mode": RunMode,
    "concurrency": BusyPolicy,
    "messages": lambda messages: tuple(map(message_of, messages)),
    "overrides": _overrides_of,
    "trace": lambda trace: TraceContext.stored(*trace),
}
