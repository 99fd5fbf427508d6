"""Rows to domain objects and back; the only module that knows both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from agentos.domain.event import Frame
from agentos.domain.media import Media
from agentos.domain.message import Message, ToolCall
from agentos.domain.run import Run, RunError, RunStatus
from agentos.domain.session import Session, Summary
from agentos.domain.usage import Usage
from agentos.storage.json_text import dumps, loads
from agentos.storage.sqlalchemy.connection import Row
from agentos.storage.turn import ending, said_at
from agentos.storage.values import LISTED, StoredAgent, StoredKey, StoredMessage

Values = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(time: datetime) -> int:
    """Return an aware time as the tables hold it."""
    return (time - _EPOCH) // _MICROSECOND


def time_of(stored: int) -> datetime:
    """Return a stored time, aware, in UTC."""
    return _EPOCH + timedelta(microseconds=stored)


def _time_or_none(stored: int | None) -> datetime | None:
    return None if stored is None else time_of(stored)


def _microseconds_or_none(time: datetime | None) -> int | None:
    return None if time is None else microseconds(time)


def _object(text: str) -> dict[str, Any]:
    """Return a stored JSON object; most are empty, which is worth a short cut."""
    value: dict[str, Any] = {} if text == "{}" else loads(text)
    return value


def agent_values(agent: StoredAgent) -> Values:
    """Return the row of a stored agent."""
    return {
        "id": agent.id,
        "document": dumps(agent.document),
        "created_at": microseconds(agent.created_at),
        "updated_at": microseconds(agent.updated_at),
        "listed": dumps(_listed(agent.document)),
        "listed_at": microseconds(agent.updated_at),
    }


def agent_of(row: Row) -> StoredAgent:
    """Return the stored agent of a row."""
    return StoredAgent(
        id=row.id,
        document=_object(row.document),
        created_at=time_of(row.created_at),
        updated_at=time_of(row.updated_at),
    )


def listed_agent_of(row: Row) -> StoredAgent:
    """Return the stored agent of a row of a list."""
    return replace(agent_of(row), document=_listed(_object(row.document)))


def _listed(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in LISTED if name in document}


def key_values(key: StoredKey) -> Values:
    """Return the row of an API key."""
    return {
        "id": key.id,
        "name": key.name,
        "owner": key.owner,
        "scopes": dumps(key.scopes),
        "digest": key.digest,
        "created_at": microseconds(key.created_at),
        "expires_at": _microseconds_or_none(key.expires_at),
        "revoked_at": _microseconds_or_none(key.revoked_at),
    }


def key_of(row: Row) -> StoredKey:
    """Return the API key of a row."""
    return StoredKey(
        id=row.id,
        name=row.name,
        owner=row.owner,
        scopes=tuple(loads(row.scopes)),
        digest=row.digest,
        created_at=time_of(row.created_at),
        expires_at=_time_or_none(row.expires_at),
        revoked_at=_time_or_none(row.revoked_at),
    )


_SESSION_TEXTS = ("id", "owner", "agent_id", "user_id", "team_id", "workflow_id", "name")


def session_values(session: Session) -> Values:
    """Return the row of a new session."""
    return {
        **{name: getattr(session, name) for name in _SESSION_TEXTS},
        "metadata": dumps(session.metadata),
        "state": dumps(session.state),
        "summary": None,
        "run_count": session.run_count,
        "total_tokens": session.total_tokens,
        "version": session.version,
        "created_at": microseconds(session.created_at),
        "updated_at": microseconds(session.updated_at),
        "next_position": 1,
        "turn_count": 0,
        "message_count": 0,
    }


def change_values(changes: Mapping[str, Any]) -> Values:
    """Return the columns of what is to change in a session."""
    return {name: dumps(value) if name in ("metadata", "state") else value for name, value in changes.items()}


def session_of(row: Row) -> Session:
    """Return the session of a row."""
    return Session(
        id=row.id,
        agent_id=row.agent_id,
        owner=row.owner,
        user_id=row.user_id,
        team_id=row.team_id,
        workflow_id=row.workflow_id,
        name=row.name,
        metadata=_object(row.metadata),
        state=_object(row.state),
        run_count=row.run_count,
        total_tokens=row.total_tokens,
        version=row.version,
        created_at=time_of(row.created_at),
        updated_at=time_of(row.updated_at),
    )


def summary_text(summary: Summary) -> str:
    """Return a summary as the session's row holds it."""
    return dumps(
        {
            "content": summary.content,
            "run_count": summary.run_count,
            "total_tokens": summary.total_tokens,
            "created_at": microseconds(summary.created_at),
        }
    )


def summary_of(text: str) -> Summary:
    """Return the summary of :func:`summary_text`."""
    stored = loads(text)
    return Summary(**{**stored, "created_at": time_of(stored["created_at"])})


def run_values(run: Run) -> Values:
    """Return the row of a new run, without what the database decides."""
    return {
        "id": run.id,
        "agent_id": run.agent_id,
        "owner": run.owner,
        "session_id": run.session_id,
        "user_id": run.user_id,
        "attempt": run.attempt,
        "input": run.input,
        "created_at": microseconds(run.created_at),
        "context": dumps(run.context),
        **_outcome(run),
    }


def ending_values(run: Run) -> Values:
    """Return the columns that the end of a run sets."""
    return {"status": run.status.value, "ended_at": microseconds(ending(run)), **_outcome(run)}


def _outcome(run: Run) -> Values:
    """Return the columns that a run has from its admission on and that its end may change."""
    return {
        "content": run.content,
        "reasoning": run.reasoning,
        "error": None if run.error is None else _error_text(run.error),
        "model": run.model,
        "finish_reason": run.finish_reason,
        "prompt_tokens": run.usage.prompt_tokens,
        "completion_tokens": run.usage.completion_tokens,
        "reasoning_tokens": run.usage.reasoning_tokens,
        "cached_tokens": run.usage.cached_tokens,
        "loops": run.loops,
        "metadata": dumps(run.metadata),
    }


def _error_text(error: RunError) -> str:
    return dumps({"code": error.code, "error": error.error, "message": error.message, "details": error.details})


def run_of(row: Row) -> Run:
    """Return the run of a row that has its ``attachments`` beside it."""
    return Run(
        id=row.id,
        agent_id=row.agent_id,
        owner=row.owner,
        session_id=row.session_id,
        user_id=row.user_id,
        position=row.position,
        attempt=row.attempt,
        status=RunStatus(row.status),
        input=row.input,
        media=attachments_of(row.attachments),
        content=row.content,
        reasoning=row.reasoning,
        error=None if row.error is None else RunError(**loads(row.error)),
        model=row.model,
        finish_reason=row.finish_reason,
        usage=Usage(row.prompt_tokens, row.completion_tokens, row.reasoning_tokens, row.cached_tokens),
        loops=row.loops,
        metadata=_object(row.metadata),
        context=_object(row.context),
        created_at=time_of(row.created_at),
        started_at=_time_or_none(row.started_at),
        ended_at=_time_or_none(row.ended_at),
    )


_OLD_MEDIA = ("type", "url", "data", "content_type", "name", "metadata")
_ATTACHMENTS = ("type", "url", "content_type", "name", "metadata", "size", "reference")


def attachments_text(media: Iterable[Media]) -> str:
    """Return attachments as they are stored: all but their bytes."""
    return _media_text((one.without_data() for one in media), _ATTACHMENTS)


def attachments_of(text: str | None) -> tuple[Media, ...]:
    """Return the attachments of :func:`attachments_text`, or those of a row of an earlier version with their bytes."""
    return () if text is None else tuple(Media(**one) for one in loads(text))


def media_values(run_id: str, media: Sequence[Media]) -> Values:
    """Return the row of a run's attachments."""
    described = [one.without_data() for one in media]
    return {
        "run_id": run_id,
        "media": _media_text(described, _OLD_MEDIA),
        "attachments": attachments_text(described),
    }


def _media_text(media: Iterable[Media], names: Sequence[str]) -> str:
    return dumps([{name: value for name in names if (value := getattr(one, name)) is not None} for one in media])


def message_values(run: Run, messages: Sequence[Message], *, turn: int, last: int) -> list[Values]:
    """Return the rows of a turn whose last message has the sequence ``last``."""
    first = last - len(messages) + 1
    return [
        {
            "session_id": run.session_id,
            "sequence": sequence,
            "turn": turn,
            "run_id": run.id,
            "role": message.role,
            "content": message.content,
            "tool_calls": _tool_calls_text(message.tool_calls),
            "tool_call_id": message.tool_call_id,
            "provider_details": _details_text(message),
            "shares_media": False,
            "media": _address_media(message.media),
            "attachments": attachments_text(message.media) if message.media else None,
            "created_at": microseconds(said_at(run, message)),
        }
        for sequence, message in enumerate(messages, first)
    ]


def _address_media(media: Sequence[Media]) -> str | None:
    """Return what an earlier version of the server can show a model again: attachments that have no bytes of ours."""
    addressed = [one for one in media if one.byte_count is None]
    return _media_text(addressed, _OLD_MEDIA) if addressed else None


def _tool_calls_text(calls: Sequence[ToolCall]) -> str | None:
    return dumps([[call.id, call.name, call.arguments] for call in calls]) if calls else None


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
    return StoredMessage(
        sequence=row.sequence,
        run_id=row.run_id,
        created_at=time_of(row.created_at),
        message=message,
    )


def frames_text(frames: Iterable[Frame]) -> str:
    """Return frames as one text: a line each of number, type and data, which is one line of UTF-8 itself."""
    return "\n".join(f"{frame.number} {frame.type} {frame.data.decode()}" for frame in frames)


def frames_of(text: str) -> Iterator[Frame]:
    """Yield the frames of :func:`frames_text`, byte for byte."""
    for line in text.split("\n"):  # not splitlines(): the data may hold U+2028 and its like
        number, kind, data = line.split(" ", 2)
        yield Frame(int(number), kind, data.encode())
