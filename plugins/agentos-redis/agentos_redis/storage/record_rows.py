"""Records to hashes and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentos.backends import Record, document_text, loads
from agentos_redis.storage.values import stamp, text_of, time_or_none


def record_values(record: Record) -> dict[str, Any]:
    """Return what is written of a record. Raises what :func:`~agentos.backends.document_text` does."""
    values = {**record.key._asdict(), "document": document_text(record)}
    return values if record.due_at is None else {**values, "due": stamp(record.due_at)}


def record_of(row: Sequence[Any]) -> Record:
    """Return the record of a row."""
    collection, owner, id, document, due, version, attempts, value, _ = row
    return Record(
        collection=text_of(collection),
        owner=text_of(owner),
        id=text_of(id),
        document=loads(text_of(document)),
        due_at=time_or_none(due),
        version=int(version),
        attempts=int(attempts),
        value=int(value),
    )
