"""Messages to rows and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from agentos.domain.message import Message, ToolCall
from agentos.domain.run import Run
from agentos.storage.history import StoredMessage
from agentos.storage.json_text import dumps, loads
from agentos.storage.run_ends import said_at
from agentos.storage.sqlalchemy.columns import Values, microseconds, time_of
from agentos.storage.sqlalchemy.connection import Row
from agentos.storage.sqlalchemy.media_rows import address_media_text, attachments_of, attachments_text


def message_values(run: Run, messages: Sequence[Message], *, turn: int, last: int) -> list[Values]:
    """Return the rows of a turn; its last message has the sequence ``last``."""
    first = last - len(messages) + 1
    return [
        {
            "session_id": run.session_id,
            "sequence": sequence,
            "turn": turn,
            "run_id": run.id,
            **_said(message),
            "position": None,
            "created_at": microseconds(said_at(run, message)),
        }
        for sequence, message in enumerate(messages, first)
    ]


def added_values(
    session_id: str, added: Sequence[StoredMessage], turns: Sequence[int], *, position: int
) -> list[Values]:
    """Return the rows of messages that are added after the run at a position, each with its turn."""
    return [
        {
            "session_id": session_id,
            "sequence": one.sequence,
            "turn": turn,
            "run_id": one.run_id,
            **_said(one.message),
            "position": position,
            "created_at": microseconds(one.created_at),
        }
        for one, turn in zip(added, turns, strict=True)
    ]


def _said(message: Message) -> Values:
    return {
        "role": message.role,
        "content": message.content,
        "tool_calls": dumps([[call.id, call.name, call.arguments] for call in message.tool_calls])
        if message.tool_calls
        else None,
        "tool_call_id": message.tool_call_id,
        "provider_details": _details_text(message),
        "shares_media": False,
        "media": address_media_text(message.media),
        "attachments": attachments_text(message.media) if message.media else None,
    }


def _details_text(message: Message) -> str | None:
    """Return what only the message's provider is to see again."""
    calls = {call.id: call.provider_details for call in message.tool_calls if call.provider_details}
    if message.provider is None or not (calls or message.provider_details):
        return None
    return dumps({"provider": message.provider, "message": message.provider_details, "calls": calls})


def message_of(row: Row) -> Message:
    """Return the message of a row."""
    message = Message(  # by position, which is a third quicker: there are some forty of them in each run's history
        row.role,
        row.content,
        () if row.tool_calls is None else tuple(ToolCall(*call) for call in loads(row.tool_calls)),
        row.tool_call_id,
        attachments_of(row.attachments),
    )
    return message if row.provider_details is None else _with_details(message, loads(row.provider_details))


def _with_details(message: Message, stored: Mapping[str, Any]) -> Message:
    calls = stored["calls"]
    return replace(
        message,
        tool_calls=tuple(replace(call, provider_details=calls.get(call.id)) for call in message.tool_calls),
        provider=stored["provider"],
        provider_details=stored["message"],
    )


def stored_message_of(row: Row, message: Message) -> StoredMessage:
    """Return the message of a row in its place in the session."""
    return StoredMessage(sequence=row.sequence, run_id=row.run_id, created_at=time_of(row.created_at), message=message)
