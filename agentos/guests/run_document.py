"""A run as the guest is given it, with its attachments as files."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.guests.files import RunFiles
from agentos.guests.pausing import answers_document, saved_document
from agentos.runtime.context import RunContext


def run_document(context: RunContext, files: RunFiles) -> dict[str, Any]:
    """Return a run as JSON, with the fields of ``agentos_guest.Run``."""
    overrides = context.overrides
    return {
        "id": context.run_id,
        "agent_id": context.agent_id,
        "input": context.input,
        "seconds": max(0.0, context.deadline - time.monotonic()),
        "history": [_message(message, files) for message in context.history],
        "media": _media(context.media, files),
        "session_id": context.session_id,
        "user_id": context.user_id,
        "owner": context.owner,
        "metadata": context.metadata,
        "overrides": {
            "parameters": overrides.parameters,
            "output_schema": overrides.output_schema,
            "instructions": overrides.instructions,
        },
        "state": context.state,
        "saved": saved_document(context),
        "answers": answers_document(context),
    }


def _message(message: Message, files: RunFiles) -> Mapping[str, Any]:
    document: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        document["tool_calls"] = [
            {"id": call.id, "name": call.name, "arguments": call.arguments} for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        document["tool_call_id"] = message.tool_call_id
    if message.media:
        document["media"] = _media(message.media, files)
    return document


def _media(media: Sequence[Media], files: RunFiles) -> Sequence[Mapping[str, Any]]:
    return [
        {
            "type": one.type,
            "url": one.url,
            "path": None if one.data is None else files.add(one.data),
            "content_type": one.content_type,
            "name": one.name,
        }
        for one in media
    ]
