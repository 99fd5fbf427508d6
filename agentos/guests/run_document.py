"""A run as the guest is given it, with its attachments as files."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agentos.domain.media import Media
from agentos.domain.media_data import decoded
from agentos.domain.message import Message
from agentos.guests.pausing import answers_document, saved_document
from agentos.runtime.context import RunContext


class RunFiles:
    """The attachments of one run, in a folder that :meth:`remove` removes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def add(self, data: str) -> str:
        """Write an attachment's bytes, and return the file's path. Raises ``ValueError`` for what is no base64."""
        if not self._count:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / str(self._count)
        self._count += 1
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for piece in decoded(data):
                file.write(piece)
        return str(path)

    def remove(self) -> None:
        """Remove the files."""
        if self._count:
            shutil.rmtree(self._folder, ignore_errors=True)


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
