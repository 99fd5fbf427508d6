"""Messages to the values of a hash and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from agentos.backends import Message, StoredMessage, dumps, loads, message_document, message_of
from agentos_redis.storage.run_rows import media_document, message_digests, message_size
from agentos_redis.storage.values import stamp, text_of, time_of


def added_values(messages: Sequence[Message], now: datetime) -> list[dict[str, Any]]:
    """Return what is written of messages that are added without a run."""
    return [
        {
            "text": _text(message),
            "created": stamp(now),
            "size": message_size(message),
            "digests": message_digests(message),
            "begins": message.role == "user",
        }
        for message in messages
    ]


def said_values(message: Message, said_at: datetime) -> dict[str, Any]:
    """Return what is written of a message that a run leaves."""
    return {
        "text": _text(message),
        "created": stamp(said_at),
        "size": message_size(message),
        "digests": ",".join(message_digests(message)),
    }


def message_at(value: bytes) -> Message:
    """Return the message of a stored value."""
    return message_of(loads(text_of(value.partition(b"\n")[2])))


def stored_message_at(sequence: bytes, value: bytes) -> StoredMessage:
    """Return the message of a stored value in its place in the session."""
    facts, _, text = value.partition(b"\n")
    created, _, _, _, run_id = facts.split(b" ", 4)
    return StoredMessage(
        sequence=int(sequence),
        run_id=text_of(run_id),
        created_at=time_of(created),
        message=message_of(loads(text_of(text))),
    )


def _text(message: Message) -> str:
    document = message_document(message)
    if message.media:
        document["media"] = [media_document(one) for one in message.media]
    return dumps(document)
