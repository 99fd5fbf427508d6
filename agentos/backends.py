"""What a storage backend is made of: the contracts of its stores, their values, and what all backends do alike.

For plugins that register a storage (:func:`~agentos.hookspecs.register_storage_backends`). These names change when the
server learns to store something new, so a backend names the versions of AgentOS that it is for.
"""

from agentos.domain.activity import Backlog, PoolUse
from agentos.domain.checkpoint import Checkpoint
from agentos.domain.event import Frame
from agentos.domain.media import Media
from agentos.domain.message import Message
from agentos.domain.pending import Answer, PendingAction, PendingKind
from agentos.domain.run import BusyPolicy, Run, RunError, RunStatus
from agentos.domain.run_step import RunStep
from agentos.domain.session import ForkedFrom, Session, Summary
from agentos.domain.session_state import StateChange
from agentos.domain.stored_request import StoredRequest
from agentos.domain.text import folded
from agentos.domain.usage import Usage
from agentos.errors import RunFinished
from agentos.storage.admission import Admission, Ended, Lease, Quota, Unattended
from agentos.storage.agents import (
    KEEP,
    AgentStore,
    AgentVersion,
    StoredAgent,
    listed_part,
    other_agent_version,
    place_of_version,
)
from agentos.storage.aliases import Alias, AliasStore
from agentos.storage.answers import new_answers
from agentos.storage.attachments import (
    Attachment,
    AttachmentStore,
    digest_of,
    digests_of,
    media_of,
    read_in_messages,
    read_in_run,
)
from agentos.storage.events import EventStore, FrameBatch, check_consecutive
from agentos.storage.forks import MAX_CHARACTERS, MAX_MESSAGES, check_size
from agentos.storage.history import (
    MAX_RUNS_WITHOUT_MESSAGES,
    MAX_SIZE_WITHOUT_MESSAGES,
    MOST_CONTINUED,
    History,
    StoredMessage,
    of_a_run,
    stored_messages,
)
from agentos.storage.idempotency import IdempotencyKey, IdempotencyStore, Replay
from agentos.storage.interface import Storage
from agentos.storage.json_text import dumps, loads
from agentos.storage.keys import KeyStore, StoredKey
from agentos.storage.message_documents import message_document, message_of
from agentos.storage.paging import Cursor, Page, Paging, next_place, page_of
from agentos.storage.pause_documents import action_of, action_text, answer_text, checkpoint_of, checkpoint_text
from agentos.storage.pauses import Answered, PendingFilter, WaitingAction, check_paused
from agentos.storage.records import (
    LARGEST_VALUE,
    NO_RECORDS,
    Record,
    RecordKey,
    RecordStore,
    check_value,
    document_text,
    id_and_owner,
    not_at,
    place_of,
)
from agentos.storage.run_ends import ended_at, said_at
from agentos.storage.run_requests import messages_text, request_of, request_text
from agentos.storage.runs import CLAIM_WITHIN, Deleted, RunFilter, RunStore
from agentos.storage.schema import SchemaState
from agentos.storage.sessions import SessionChanges, SessionFilter, SessionStore, other_version
from agentos.storage.text_query import has_phrase, words_of

__all__ = [
    "CLAIM_WITHIN",
    "KEEP",
    "LARGEST_VALUE",
    "MAX_CHARACTERS",
    "MAX_MESSAGES",
    "MAX_RUNS_WITHOUT_MESSAGES",
    "MAX_SIZE_WITHOUT_MESSAGES",
    "MOST_CONTINUED",
    "NO_RECORDS",
    "Admission",
    "AgentStore",
    "AgentVersion",
    "Alias",
    "AliasStore",
    "Answer",
    "Answered",
    "Attachment",
    "AttachmentStore",
    "Backlog",
    "BusyPolicy",
    "Checkpoint",
    "Cursor",
    "Deleted",
    "Ended",
    "EventStore",
    "ForkedFrom",
    "Frame",
    "FrameBatch",
    "History",
    "IdempotencyKey",
    "IdempotencyStore",
    "KeyStore",
    "Lease",
    "Media",
    "Message",
    "Page",
    "Paging",
    "PendingAction",
    "PendingFilter",
    "PendingKind",
    "PoolUse",
    "Quota",
    "Record",
    "RecordKey",
    "RecordStore",
    "Replay",
    "Run",
    "RunError",
    "RunFilter",
    "RunFinished",
    "RunStatus",
    "RunStep",
    "RunStore",
    "SchemaState",
    "Session",
    "SessionChanges",
    "SessionFilter",
    "SessionStore",
    "StateChange",
    "Storage",
    "StoredAgent",
    "StoredKey",
    "StoredMessage",
    "StoredRequest",
    "Summary",
    "Unattended",
    "Usage",
    "WaitingAction",
    "action_of",
    "action_text",
    "answer_text",
    "check_consecutive",
    "check_paused",
    "check_size",
    "check_value",
    "checkpoint_of",
    "checkpoint_text",
    "digest_of",
    "digests_of",
    "document_text",
    "dumps",
    "ended_at",
    "folded",
    "has_phrase",
    "id_and_owner",
    "listed_part",
    "loads",
    "media_of",
    "message_document",
    "message_of",
    "messages_text",
    "new_answers",
    "next_place",
    "not_at",
    "of_a_run",
    "other_agent_version",
    "other_version",
    "page_of",
    "place_of",
    "place_of_version",
    "read_in_messages",
    "read_in_run",
    "request_of",
    "request_text",
    "said_at",
    "stored_messages",
    "words_of",
]
