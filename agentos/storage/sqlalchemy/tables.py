"""The tables, and an index for every query that the interface offers. A change here needs a migration beside it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Integer, Text, and_, false, literal_column, text
from sqlalchemy.schema import Column, ForeignKey, ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table

from agentos.storage.sqlalchemy import agent_tables as agent_tables  # theirs are of the same metadata
from agentos.storage.sqlalchemy import attachment_tables as attachment_tables
from agentos.storage.sqlalchemy import pause_tables as pause_tables
from agentos.storage.sqlalchemy.column_types import CHANGING, Json, Key, Owner, Time, only
from agentos.storage.sqlalchemy.column_types import metadata as metadata
from agentos.storage.sqlalchemy.columns import without_index

# `updated_at` changes once a run, at its admission; what the end of a run changes is in no index on purpose.
sessions = Table(
    "sessions",
    metadata,
    Column("id", Key, primary_key=True),
    Column("agent_id", Key, nullable=False),
    Column("owner", **Owner),
    Column("user_id", Key),
    Column("team_id", Key),
    Column("workflow_id", Key),
    Column("name", Text),
    Column("metadata", Json, nullable=False),
    Column("state", Json, nullable=False),
    Column("summary", Json),
    Column("version", Integer, nullable=False),
    Column("run_count", Integer, nullable=False),
    Column("total_tokens", BigInteger, nullable=False),
    Column("next_position", Integer, nullable=False),
    Column("turn_count", Integer, nullable=False),
    Column("message_count", Integer, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
    Column("forked_from", Json),
    Index("ix_sessions_activity", "updated_at", "id"),
    Index("ix_sessions_agent", "agent_id", "updated_at", "id"),
    Index("ix_sessions_owner", "owner", "updated_at", "id"),
    Index("ix_sessions_owner_agent", "owner", "agent_id", "updated_at", "id"),
    **CHANGING,
)

# By something that most of them do not have: those without it cost nothing.
for _name in ("user", "team", "workflow"):
    _column = sessions.c[f"{_name}_id"]
    _given = only(_column.is_not(None))
    Index(f"ix_sessions_{_name}", _column, sessions.c.updated_at, sessions.c.id, **_given)
    Index(f"ix_sessions_owner_{_name}", sessions.c.owner, _column, sessions.c.updated_at, sessions.c.id, **_given)

runs = Table(
    "runs",
    metadata,
    Column("id", Key, primary_key=True),
    Column("agent_id", Key, nullable=False),
    Column("owner", **Owner),
    Column("session_id", Key, ForeignKey("sessions.id", name="fk_runs_session", ondelete="CASCADE")),
    Column("user_id", Key),
    Column("position", Integer),
    Column("turn", Integer),
    Column("status", Key, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("lease_owner", Key),
    Column("lease_until", Time),
    Column("cancel_requested", Boolean, nullable=False),
    Column("forget_requested", Boolean, nullable=False, server_default=false()),
    Column("input", Text, nullable=False),
    Column("content", Text),
    Column("reasoning", Text),
    Column("error", Json),
    Column("model", Text),
    Column("finish_reason", Key),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger),
    Column("loops", Integer, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("context", Json, nullable=False),
    Column("request", Json),
    Column("caller_id", Key),
    Column("parent_run_id", Key),
    Column("created_at", Time, nullable=False),
    Column("started_at", Time),
    Column("ended_at", Time),
    Column("steps", Json),
    Column("crashes", Integer, nullable=False, server_default=text("0")),
    Column("agent_version", Integer),
    Index("ix_runs_agent", "agent_id", "created_at", "id"),
    Index("ix_runs_status", "status", "created_at", "id"),
    Index("ix_runs_created", "created_at", "id"),
    Index("ix_runs_owner", "owner", "created_at", "id"),
    Index("ix_runs_owner_agent", "owner", "agent_id", "created_at", "id"),
    Index("ix_runs_owner_status", "owner", "status", "created_at", "id"),
    **CHANGING,
)

# Each index is a page more that a commit has to write, so a run without a session is in none that begins with it.
_in_session = runs.c.session_id.is_not(None)
Index("ux_runs_position", runs.c.session_id, runs.c.position, unique=True, **only(_in_session))
Index("ix_runs_session", runs.c.session_id, runs.c.created_at, runs.c.id, **only(_in_session))

# Few runs have a parent, and no plain run is in here.
Index("ix_runs_parent", runs.c.parent_run_id, runs.c.created_at, runs.c.id, **only(runs.c.parent_run_id.is_not(None)))

# Only what is under way, however many runs have ended. `lease_until` is left out: a heartbeat then changes no index.
_under_way = runs.c.ended_at.is_(None)
Index("ix_runs_open", runs.c.session_id, runs.c.position, **only(_in_session & _under_way))
Index("ix_runs_lease", runs.c.lease_owner, **only(_under_way))
# Empty nearly always, which is what each worker asks for a few times a second.
Index("ix_runs_to_stop", runs.c.lease_owner, **only(_under_way & runs.c.cancel_requested))

# Background runs, and paused runs that were answered, until a worker claims them: no plain run is ever in here. A
# partial index serves a query that has its condition, in the same words; in these words, no other index serves it.
# `lease_until` is left out here too.
IS_UNCLAIMED = without_index(and_(runs.c.status == literal_column("'queued'"), runs.c.lease_owner.is_(None)))
Index("ix_runs_unclaimed", runs.c.created_at, runs.c.id, **only(IS_UNCLAIMED))

# Beside the run, not in its row: SQLite writes the whole row anew at each heartbeat, and what clients keep with their
# attachments may be long. `attachments` describes them and says where their bytes are. Rows of earlier versions have
# `media` alone, with the bytes in base64. In new rows it is for workers of such a version, and has no bytes: a run that
# they take over fails at the model instead of answering without them.
run_media = Table(
    "run_media",
    metadata,
    Column("run_id", Key, ForeignKey("runs.id", name="fk_run_media_run", ondelete="CASCADE"), primary_key=True),
    Column("media", Json, nullable=False),
    Column("attachments", Json),
)

# The conversation that a client sent with a run. Beside the run for the same reason: it may have megabytes.
run_conversations = Table(
    "run_conversations",
    metadata,
    Column("run_id", Key, ForeignKey("runs.id", name="fk_run_conversations_run", ondelete="CASCADE"), primary_key=True),
    Column("messages", Json, nullable=False),
)

# `provider_details` is {"provider": …, "message": …, "calls": {ID: …}}, for that provider alone. Tool calls stay lists
# of three, which workers of an earlier version read too.
# `attachments` is as in `run_media`. In rows of earlier versions, `shares_media` says that the message's attachments
# are those of its run; else `media` has them. In new rows `media` is for such a version: what it can show again.
# `position` is of messages that were added to the session, and not left by a run of it: that of the last run before.
messages = Table(
    "messages",
    metadata,
    Column("session_id", Key, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("run_id", Key, nullable=False),
    Column("role", Key, nullable=False),
    Column("content", Text, nullable=False),
    Column("tool_calls", Json),
    Column("tool_call_id", Text),
    Column("provider_details", Json),
    Column("shares_media", Boolean, nullable=False),
    Column("media", Json),
    Column("attachments", Json),
    Column("position", Integer),
    Column("created_at", Time, nullable=False),
    PrimaryKeyConstraint("session_id", "sequence", name="pk_messages"),
    ForeignKeyConstraint(["session_id"], ["sessions.id"], name="fk_messages_session", ondelete="CASCADE"),
    Index("ix_messages_turn", "session_id", "turn", "sequence"),
)

# A row holds the frames `first` to `last`. The one that the end of the run wrote says when that was: the logs that have
# been kept long enough are found without a look at the runs, and those that were deleted are in no index any more.
run_events = Table(
    "run_events",
    metadata,
    Column("run_id", Key, nullable=False),
    Column("first", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    Column("events", Text, nullable=False),
    Column("ended_at", Time),
    PrimaryKeyConstraint("run_id", "first", name="pk_run_events"),
    ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_events_run", ondelete="CASCADE"),
)
Index("ix_run_events_ended", run_events.c.ended_at, **only(run_events.c.ended_at.is_not(None)))

# `due_at` is in an index, which a lease leaves as it is: of the records that are due, few are leased.
records = Table(
    "records",
    metadata,
    Column("collection", Key, nullable=False),
    Column("owner", Key, nullable=False),
    Column("id", Key, nullable=False),
    Column("document", Json, nullable=False),
    Column("due_at", Time),
    Column("version", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("value", BigInteger, nullable=False),
    Column("worker_id", Key),
    Column("lease_until", Time),
    Column("created_at", Time, nullable=False),
    PrimaryKeyConstraint("collection", "owner", "id", name="pk_records"),
    Index("ix_records_created", "collection", "created_at", "id", "owner"),
    Index("ix_records_owner", "owner", "collection", "created_at", "id"),
    **CHANGING,
)
Index("ix_records_due", records.c.collection, records.c.due_at, **only(records.c.due_at.is_not(None)))

# `made_id` is of the run or session that the key's request made. It refers to nothing: the key outlives what it made.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("owner", Key, nullable=False),
    Column("route", Key, nullable=False),
    Column("key", Key, nullable=False),
    Column("fingerprint", Key, nullable=False),
    Column("made_id", Key, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False),
    PrimaryKeyConstraint("owner", "route", "key", name="pk_idempotency_keys"),
    Index("ix_idempotency_keys_created", "created_at"),
)

# `digest` is the SHA-256 of `id`, which an index may not have room for. The other index serves deletions of sessions.
aliases = Table(
    "aliases",
    metadata,
    Column("owner", Key, nullable=False),
    Column("door", Key, nullable=False),
    Column("digest", Key, nullable=False),
    Column("id", Key, nullable=False),
    Column("session_id", Key, nullable=False),
    Column("created_at", Time, nullable=False),
    PrimaryKeyConstraint("owner", "door", "digest", name="pk_aliases"),
    ForeignKeyConstraint(["session_id"], ["sessions.id"], name="fk_aliases_session", ondelete="CASCADE"),
    Index("ix_aliases_session", "session_id"),
)

# The secret itself is nowhere: `digest` is the SHA-256 of it. Looked up by `id`, which a key's text begins with.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", Text, nullable=False),
    Column("owner", Key, nullable=False),
    Column("scopes", Json, nullable=False),
    Column("digest", Key, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time),
    Column("revoked_at", Time),
    Index("ix_api_keys_created", "created_at", "id"),
)
