"""Runs to hashes and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from agentos.backends import (
    Attachment,
    Media,
    Message,
    Run,
    RunError,
    RunStatus,
    RunStep,
    StoredRequest,
    Usage,
    action_of,
    digests_of,
    dumps,
    loads,
    media_of,
    messages_text,
    request_of,
    request_text,
)
from agentos_redis.storage.database import Blobs
from agentos_redis.storage.values import stamp, text_of, text_or_none, time_of, time_or_none

_GIVEN = ("agent_id", "agent_version", "user_id", "input", "context", "caller_id", "parent_run_id")
_SAID = ("content", "reasoning", "model", "finish_reason", "loops", "metadata")
_MEDIA = ("type", "url", "content_type", "name", "metadata", "size", "reference")


def run_values(run: Run) -> dict[str, Any]:
    """Return what an admission writes of a new run."""
    given = {name: getattr(run, name) for name in _GIVEN}
    given["media"] = [media_document(one) for one in run.media]
    return {
        "id": run.id,
        "agent": run.agent_id,
        "session": run.session_id,
        "user": run.user_id,
        "parent": run.parent_run_id,
        "version": None if run.agent_version is None else str(run.agent_version),
        "created": stamp(run.created_at),
        "given": dumps(given),
        "request": request_text(run.request),
        "messages": messages_text(run.request),
        "digests": sorted(digests_of(media_of(run))),
        "said": said_text(run),
        "size": run_size(run),
    }


def outcome_values(run: Run) -> dict[str, Any]:
    """Return what a pause or an end writes of what a run said and used."""
    return {
        "said": said_text(run),
        "size": run_size(run),
        "tokens": str(run.usage.total_tokens),  # A number of Lua is exact up to 2**53 only.
        "steps": orjson.dumps(run.steps).decode() if run.steps else None,
    }


def said_text(run: Run) -> str:
    """Return what a run said, as it is stored."""
    said = {name: getattr(run, name) for name in _SAID}
    said["usage"] = [getattr(run.usage, name) for name in run.usage.__slots__]
    if run.error is not None:
        said["error"] = {name: getattr(run.error, name) for name in run.error.__slots__}
    return dumps(said)


def run_size(run: Run) -> int:
    """Return the characters of a run's texts, by which a page of history is bounded."""
    return len(run.input) + len(run.content or "") + len(run.reasoning or "")


def run_of(row: Sequence[Any]) -> Run:
    """Return the run of a row, which has its steps and pending actions where the operation gives them."""
    run_id, owner, session, position, status, attempt, crashes, worker, created, started, ended, *texts = row
    given, said, steps, pending = texts
    stored, outcome = loads(text_of(given)), loads(text_of(said))
    error = outcome.pop("error", None)
    usage = Usage(*outcome.pop("usage"))
    media = tuple(Media(**one) for one in stored.pop("media"))
    return Run(
        **stored,
        **outcome,
        id=text_of(run_id),
        owner=text_of(owner),
        session_id=text_or_none(session),
        position=None if position is None else int(position),
        status=RunStatus(text_of(status)),
        attempt=int(attempt),
        crashes=int(crashes),
        worker_id=text_or_none(worker),
        created_at=time_of(created),
        started_at=time_or_none(started),
        ended_at=time_or_none(ended),
        media=media,
        usage=usage,
        error=None if error is None else RunError(**error),
        steps=() if steps is None else tuple(map(RunStep.from_dict, loads(text_of(steps)))),
        pending=tuple(action_of(text_of(one)) for one in pending),
    )


def request_at(row: Sequence[bytes | None]) -> StoredRequest | None:
    """Return the request of a run."""
    return request_of(text_or_none(row[0]), text_or_none(row[1]))


def sent_bytes(new: Mapping[str, Attachment], blobs: Blobs) -> dict[str, int]:
    """Add the bytes of new attachments, and return where they are by their digests."""
    return {digest: blobs.add(b"".join(one.pieces)) for digest, one in new.items()}


def message_size(message: Message) -> int:
    """Return the characters of a message, by which a fork is bounded."""
    return len(message.content) + sum(len(call.arguments) for call in message.tool_calls)


def message_digests(message: Message) -> Iterable[str]:
    """Return the digests of a message's attachments."""
    return sorted(digests_of(message.media))


def media_document(media: Media) -> dict[str, Any]:
    """Return an attachment as it is stored: all but its bytes."""
    bare = media.without_data()
    return {name: value for name in _MEDIA if (value := getattr(bare, name)) not in (None, {})}
