"""The fields of query parameters: texts, read strictly."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import ValidationError

from agentos.api.cursors import CursorKind, decode_cursor
from agentos.api.schemas.fields import Choice, RequestSchema, Strict, Text, Whole, id_field
from agentos.domain.event import EVENT_TYPES
from agentos.domain.run import RunStatus
from agentos.storage.paging import Cursor

MAX_LIMIT = 1000
DEFAULT_LIMIT = 100
MAX_OFFSET = 1_000_000_000
MAX_NUMBER = 10**18 - 1
MAX_CURSOR = 1000

WORDS = {"true": True, "1": True, "false": False, "0": False}


class QueryWhole(Whole):
    """A whole number in ASCII digits: ``int()`` alone would take "1_000" and the digits of other scripts."""

    def read(self, value: Any) -> int:
        """Return what the text says."""
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,18}", value, re.ASCII):
            raise self.refused(value)
        try:
            return super().read(int(value))
        except ValidationError:
            raise self.refused(value) from None


class QueryFlag(Strict):
    """True or false."""

    def __init__(self, description: str, **options: Any) -> None:
        super().__init__(description, "true or false", {"type": "boolean"}, **options)

    def read(self, value: Any) -> bool:
        """Return what the text says."""
        if value not in WORDS:
            raise self.refused(value)
        return WORDS[value]


class QueryCursor(Strict):
    """A place in a list, as an answer before gave it."""

    def __init__(self, description: str, kind: CursorKind) -> None:
        schema = {"type": "string", "minLength": 1, "maxLength": MAX_CURSOR}
        super().__init__(description, "a 'next_cursor' of an answer of this list, unchanged", schema)
        self._kind: CursorKind = kind

    def read(self, value: Any) -> Cursor:
        """Return what the text says."""
        try:
            return decode_cursor(self._kind, value)
        except ValueError as error:
            raise self.refused(value) from error


class EventTypes(Text):
    """Names of events, separated by commas; empty means all."""

    def __init__(self) -> None:
        one = "|".join(EVENT_TYPES)
        super().__init__(
            "Events to send, separated by commas; empty: all. `error` always passes. Has no effect on an answer that is"
            " no stream.",
            pattern=f"^(({one})(,({one}))*)?$",
            words=f"names of events, separated by commas; known are {', '.join(EVENT_TYPES)}",
            example="token,complete",
        )

    def read(self, value: Any) -> Any:
        """Return what the text says."""
        return frozenset(filter(None, super().read(value).split(",")))


class PagingQuery(RequestSchema):
    """Which part of a list."""

    limit = QueryWhole(
        "How many items at most. There may be fewer, and `next_cursor`, where they are large.",
        least=1,
        most=MAX_LIMIT,
        default=DEFAULT_LIMIT,
    )
    offset = QueryWhole("How many items to skip; a cursor is quicker, and stable.", most=MAX_OFFSET)


class AgentQuery(PagingQuery):
    """Which agents."""

    cursor = QueryCursor("Where to go on: `next_cursor` of the answer before.", "agent")


class SessionQuery(PagingQuery):
    """Which sessions."""

    cursor = QueryCursor("Where to go on: `next_cursor` of the answer before.", "session")
    agent_id = id_field("Only sessions of this agent.")
    user_id = id_field("Only sessions of this user.")
    team_id = id_field("Only sessions of this team.")
    workflow_id = id_field("Only sessions of this workflow.")
    include_total = QueryFlag("Also count all that match, as `total`.", default=False)


class RunQuery(PagingQuery):
    """Which runs."""

    cursor = QueryCursor("Where to go on: `next_cursor` of the answer before.", "run")
    session_id = id_field("Only runs of this session.")
    agent_id = id_field("Only runs of this agent.")
    status = Choice("Only runs in this state.", RunStatus)


class HistoryQuery(RequestSchema):
    """Which messages."""

    num_messages = QueryWhole("Only the last so many.", least=1, most=MAX_LIMIT, default=MAX_LIMIT)
    before = QueryWhole(
        "Only messages before this sequence number; `next_before` of the answer before.", least=1, most=MAX_NUMBER
    )


class SummaryQuery(RequestSchema):
    """How to make a summary."""

    later = QueryFlag("Answer at once, and let the model work in the background.", default=False, key="async")


class StreamQuery(RequestSchema):
    """What to stream."""

    types = EventTypes()


class EventsQuery(StreamQuery):
    """What to stream of a run's events."""

    after = QueryWhole("Only events after this number; what `Last-Event-ID` says counts more.", most=MAX_NUMBER)


class RunStartQuery(StreamQuery):
    """How to answer."""

    stream_events = QueryFlag("Stream the answer, as `/run/stream` does.", default=False)
