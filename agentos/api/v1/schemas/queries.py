"""The query parameters of each operation."""

from __future__ import annotations

from typing import Any, get_args

from agentos.api.kit.schemas.fields import Choice, RequestSchema, StrictString, id_field
from agentos.api.kit.schemas.query_fields import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    PagingQuery,
    QueryBoolean,
    QueryCursor,
    QueryInteger,
)
from agentos.api.kit.schemas.times import StrictTime
from agentos.domain.event import EVENT_TYPES
from agentos.domain.pending import Approver, PendingKind
from agentos.domain.run import RunStatus

MAX_QUERY = 256
MAX_NUMBER = 10**18 - 1


class EventTypes(StrictString):
    """Names of events, separated by commas; empty means all."""

    def __init__(self) -> None:
        one = "|".join(EVENT_TYPES)
        super().__init__(
            "Events to send, separated by commas; empty: all. `complete`, `error`, `paused` and `resumed` always pass."
            " Has no effect on an answer that is no stream.",
            pattern=f"^(({one})(,({one}))*)?$",
            words=f"names of events, separated by commas; known are {', '.join(EVENT_TYPES)}",
            example="token,complete",
        )

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> frozenset[str]:
        return frozenset(filter(None, super()._deserialize(value).split(",")))


class AgentQuery(PagingQuery):
    """Which agents."""

    cursor = QueryCursor("agent")


class AgentVersionQuery(PagingQuery):
    """Which versions."""

    cursor = QueryCursor("version")


class AgentVersionDiffQuery(RequestSchema):
    """What a version is compared with."""

    to = QueryInteger("The other version; absent: the present one.", least=1, most=MAX_NUMBER)


class SessionQuery(PagingQuery):
    """Which sessions."""

    cursor = QueryCursor("session")
    agent_id = id_field("Only sessions of this agent.")
    user_id = id_field("Only sessions of this user.")
    team_id = id_field("Only sessions of this team.")
    workflow_id = id_field("Only sessions of this workflow.")
    q = StrictString(
        "Only sessions with this in their name, in upper or lower case.", least=1, most=MAX_QUERY, example="rome"
    )
    q_text = StrictString(
        'Only sessions in which a message of the user or the assistant has all of these words, and phrases in "double'
        ' quotes". Needs `AGENTOS_SEARCH`.',
        least=1,
        most=MAX_QUERY,
        example='train "to Rome"',
    )
    include = Choice("Also return this of each session: its `state`, which may be large.", ("state",))
    include_total = QueryBoolean("Also count all that match, as `total`.", default=False)


class RunQuery(PagingQuery):
    """Which runs."""

    cursor = QueryCursor("run")
    session_id = id_field("Only runs of this session.")
    agent_id = id_field("Only runs of this agent.")
    status = Choice("Only runs in this state.", RunStatus)
    since = StrictTime("Only runs that were created then or later.")
    until = StrictTime("Only runs that were created before.")


class ApprovalQuery(PagingQuery):
    """Which actions."""

    cursor = QueryCursor("approval")
    run_id = id_field("Only what this run waits for.")
    session_id = id_field("Only what runs of this session wait for.")
    agent_id = id_field("Only what runs of this agent wait for.")
    kind = Choice("Only actions of this kind.", PendingKind)
    tool = id_field("Only what calls of this tool wait for.")
    approver = Choice("Only approvals that need this approver.", get_args(Approver))
    owner = id_field("Only what runs of this owner wait for; for those who see more than one.")
    order = Choice("What comes first.", ("newest", "oldest"), default="newest")
    include_total = QueryBoolean("Also count all that match, as `total`.", default=False)


class ApprovalRuleQuery(RequestSchema):
    """Which remembered decisions."""

    cursor = QueryCursor("rule")
    limit = QueryInteger(
        "How many items at most. There may be fewer, and `next_cursor`, where few match.",
        least=1,
        most=MAX_LIMIT,
        default=DEFAULT_LIMIT,
    )
    session_id = id_field("Only what holds in this session.")
    agent_id = id_field("Only what holds for calls of this agent.")
    tool = id_field("Only what holds for calls of this tool.")


class HistoryQuery(RequestSchema):
    """Which messages."""

    num_messages = QueryInteger("Only the last so many.", least=1, most=MAX_LIMIT, default=MAX_LIMIT)
    before = QueryInteger(
        "Only messages before this sequence number; `next_before` of the answer before.", least=1, most=MAX_NUMBER
    )


class SummaryQuery(RequestSchema):
    """How to make a summary."""

    later = QueryBoolean("Answer at once, and let the model work in the background.", default=False, key="async")


class StreamQuery(RequestSchema):
    """What to stream."""

    types = EventTypes()


class EventsQuery(StreamQuery):
    """What to stream of a run's events."""

    after = QueryInteger("Only events after this number; what `Last-Event-ID` says counts more.", most=MAX_NUMBER)


class RunStartQuery(StreamQuery):
    """How to answer."""

    stream_events = QueryBoolean("Stream the answer, as `/run/stream` does.", default=False)


class OwnerDataQuery(RequestSchema):
    """The owner, and perhaps the user, of the data."""

    owner = id_field("The owner, as sessions and runs show it.", required=True)
    user_id = id_field("Only sessions and runs of this user of the owner.")
