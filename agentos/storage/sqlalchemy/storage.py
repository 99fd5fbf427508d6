"""The storage in an SQL database, put together from a store for each concern."""

from __future__ import annotations

from agentos.storage.sqlalchemy.admission import AdmissionStore
from agentos.storage.sqlalchemy.agents import AgentStore
from agentos.storage.sqlalchemy.attachments import AttachmentStore
from agentos.storage.sqlalchemy.cancelling import CancelStore
from agentos.storage.sqlalchemy.deleting import DeletingStore
from agentos.storage.sqlalchemy.endings import EndingStore
from agentos.storage.sqlalchemy.events import EventStore
from agentos.storage.sqlalchemy.history import HistoryStore
from agentos.storage.sqlalchemy.housekeeping import HousekeepingStore
from agentos.storage.sqlalchemy.idempotency import IdempotencyStore
from agentos.storage.sqlalchemy.keys import KeyStore
from agentos.storage.sqlalchemy.leases import LeaseStore
from agentos.storage.sqlalchemy.owner_data import OwnerDataStore
from agentos.storage.sqlalchemy.runs import RunStore
from agentos.storage.sqlalchemy.schema import SchemaStore
from agentos.storage.sqlalchemy.sessions import SessionStore
from agentos.storage.sqlalchemy.summaries import SummaryStore


class SqlStorage(
    SchemaStore,
    AgentStore,
    KeyStore,
    SessionStore,
    SummaryStore,
    HistoryStore,
    IdempotencyStore,
    AdmissionStore,
    CancelStore,
    EndingStore,
    RunStore,
    LeaseStore,
    AttachmentStore,
    EventStore,
    HousekeepingStore,
    DeletingStore,
    OwnerDataStore,
):
    """Keeps everything in SQLite or PostgreSQL."""
