"""What storage is asked for and what it answers, beside the values of the domain."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, NoReturn, TypeVar

from agentos.domain.event import Frame
from agentos.domain.message import Message
from agentos.domain.run import Run, RunStatus
from agentos.errors import IdempotencyMismatch, RateLimited

T = TypeVar("T")


class _Unset:
    """The type of :data:`UNSET`."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Any = _Unset()
"""Stands for "leave it as it is", where ``None`` means "clear it"."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list that is ordered by time and id: the last item of the page before."""

    time: datetime
    id: str

    @classmethod
    def of_id(cls, id: str) -> Cursor:
        """Return a place in a list that is ordered by id alone."""
        return cls(datetime(1970, 1, 1, tzinfo=UTC), id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Which part of a list: ``limit`` items after ``cursor`` or, without one, after ``offset`` items."""

    limit: int = 100
    cursor: Cursor | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, and where the next part begins; ``None`` when there is no more."""

    items: Sequence[T]
    next_cursor: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFilter:
    """Exact matches, and-ed; ``None`` matches everything. ``updated_before`` is exclusive."""

    owner: str | None = None
    agent_id: str | None = None
    user_id: str | None = None
    team_id: str | None = None
    workflow_id: str | None = None
    updated_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Exact matches, and-ed; ``None`` matches everything."""

    owner: str | None = None
    session_id: str | None = None
    agent_id: str | None = None
    status: RunStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChanges:
    """What to change in a session; what is :data:`UNSET` stays."""

    name: str | None = UNSET
    metadata: Mapping[str, Any] = UNSET
    state: Mapping[str, Any] = UNSET
    agent_id: str = UNSET
    user_id: str | None = UNSET
    team_id: str | None = UNSET
    workflow_id: str | None = UNSET

    def given(self) -> dict[str, Any]:
        """Return only what is to change, by field name."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not UNSET}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAgent:
    """An agent that was registered by HTTP or CLI, as the JSON document that was given."""

    id: str
    document: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


LISTED = ("name", "description", "model", "tools")
"""What a list of agents needs of their documents. Instructions and schemas can be a megabyte each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """An API key without its secret, of which only the SHA-256 is kept, in hexadecimal digits."""

    id: str
    name: str
    owner: str
    scopes: tuple[str, ...]
    digest: str = field(repr=False)
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """How many runs may be unfinished at once, of the new run's owner and of all; ``None``: any number."""

    of_owner: int | None = None
    of_all: int | None = None

    @property
    def limited(self) -> bool:
        """True when there is anything to count."""
        return self.of_owner is not None or self.of_all is not None

    def check(self, *, of_owner: int, of_all: int) -> None:
        """Raise :class:`~agentos.errors.RateLimited` unless one more may be added to so many unfinished runs."""
        if self.of_owner is not None and of_owner >= self.of_owner:
            _refuse("of their owner", "AGENTOS_MAX_RUNS_PER_OWNER", self.of_owner)
        if self.of_all is not None and of_all >= self.of_all:
            _refuse("of this deployment", "AGENTOS_MAX_RUNS", self.of_all)


def _refuse(whose: str, setting: str, limit: int) -> NoReturn:
    raise RateLimited(
        f"as many runs {whose} are under way as may be at once, {limit} ({setting}); try again when one has ended",
        retry_after=1.0,
    )


@dataclass(frozen=True, slots=True)
class Lease:
    """Who executes a run, and for how many ``seconds`` without a word from it the run is still its own."""

    owner: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Admission:
    """An admitted run. While its status is ``queued``, it has to wait and ``history`` is empty.

    ``history`` is the session's last turns, oldest first, whole turns only. ``interrupted`` are the ids of the runs,
    oldest first, that were asked to stop for this one.
    """

    run: Run
    history: Sequence[Message] = ()
    interrupted: Sequence[str] = ()


IDEMPOTENCY_SECONDS = 86_400.0
"""How long a key is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """A client's name for one request: the same key again means the same request, for ``seconds`` by database time.

    ``owner`` and ``route`` are what the key is unique in; ``fingerprint`` tells whether the request is the same.
    """

    owner: str
    route: str
    key: str
    fingerprint: str
    seconds: float = IDEMPOTENCY_SECONDS


@dataclass(frozen=True, slots=True)
class Repeat:
    """The key was used before: by a request with this fingerprint, which made the run or session with this id."""

    fingerprint: str
    id: str

    def check(self, key: IdempotencyKey) -> None:
        """Raise :class:`~agentos.errors.IdempotencyMismatch` unless it is the same request that came again."""
        if self.fingerprint != key.fingerprint:
            raise IdempotencyMismatch(f"Idempotency-Key {key.key!r} was used with another request; use a new key")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message in its place in a session. ``sequence`` counts 1, 2, 3 …; a deleted run leaves a gap.

    ``created_at`` of a user's message is when its run was admitted, of the others when it ended.
    """

    sequence: int
    run_id: str
    created_at: datetime
    message: Message


@dataclass(frozen=True, slots=True)
class History:
    """A part of a session's transcript, and the runs in it (the failed and cancelled ones too), oldest first."""

    messages: Sequence[StoredMessage] = ()
    runs: Sequence[Run] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """How much of an owner's data was deleted."""

    sessions: int = 0
    runs: int = 0
    attachments: int = 0

    def __add__(self, other: Deleted) -> Deleted:
        return Deleted(
            sessions=self.sessions + other.sessions,
            runs=self.runs + other.runs,
            attachments=self.attachments + other.attachments,
        )


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The revision that the database has and the one that this version of AgentOS needs.

    Revisions are whole numbers with leading zeros. A schema that is newer has what this version needs and more, unless
    ``least`` (what the schema says of itself) is beyond ``head``: this version is then too old for it.
    """

    current: str | None
    head: str | None
    least: str | None = None

    @property
    def ready(self) -> bool:
        """True when this version can work with the schema."""
        return self.current == self.head or (self.newer and not self.too_new)

    @property
    def older(self) -> bool:
        """True when an upgrade makes it ready."""
        return self.head is not None and (self.current is None or _number(self.current) < _number(self.head))

    @property
    def newer(self) -> bool:
        """True when a newer version of AgentOS has upgraded the schema."""
        return self.head is not None and _number(self.current) > _number(self.head)

    @property
    def too_new(self) -> bool:
        """True when only a newer version of AgentOS can work with the schema."""
        return self.newer and _number(self.least) > _number(self.head)

    @property
    def description(self) -> str:
        """How the two stand, in a sentence that says what to do if anything is."""
        if self.head is None:
            return "there is no schema to migrate"
        if self.current == self.head:
            return f"the schema is at {self.head}"
        if self.older:
            return (
                f"the schema is at {self.current or 'nothing'}, needed is {self.head}; run 'flask agentos db upgrade'"
            )
        if self.too_new:
            return (
                f"the schema is at {self.current}, which takes a version of AgentOS that knows revision {self.least};"
                f" this one knows up to {self.head}: run a newer version of AgentOS"
            )
        if self.newer:
            return f"the schema is at {self.current}, newer than this version's {self.head}, and has all that it needs"
        return (
            f"the schema is at {self.current!r:.40}, which is no revision of AgentOS; AGENTOS_DATABASE_URL may name"
            " another program's database"
        )


def _number(revision: str | None) -> float:
    """Return what orders revisions; what is none is neither older nor newer."""
    return int(revision) if revision is not None and re.fullmatch("[0-9]{4,9}", revision) else math.nan


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Consecutive new frames of one run. With ``attempt``, they are left out once the run is at another attempt."""

    run_id: str
    frames: Sequence[Frame] = field(default_factory=tuple)
    attempt: int | None = None
