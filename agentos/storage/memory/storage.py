"""The storage in memory, put together from its stores."""

from __future__ import annotations

from agentos.storage.interface import Storage
from agentos.storage.memory.agents import MemoryAgentStore
from agentos.storage.memory.aliases import MemoryAliasStore
from agentos.storage.memory.attachments import MemoryAttachmentStore
from agentos.storage.memory.events import MemoryEventStore
from agentos.storage.memory.idempotency import MemoryIdempotencyStore
from agentos.storage.memory.keys import MemoryKeyStore
from agentos.storage.memory.records import MemoryRecordStore
from agentos.storage.memory.rows import Rows
from agentos.storage.memory.runs import MemoryRunStore
from agentos.storage.memory.sessions import MemorySessionStore
from agentos.storage.schema import SchemaState


class MemoryStorage(Storage):
    """Keeps what the SQL storage keeps, and promises what it promises, to the threads of one process."""

    def __init__(self) -> None:
        self.rows = Rows()
        super().__init__(
            agents=MemoryAgentStore(self.rows),
            keys=MemoryKeyStore(self.rows),
            sessions=MemorySessionStore(self.rows),
            runs=MemoryRunStore(self.rows),
            events=MemoryEventStore(self.rows),
            idempotency=MemoryIdempotencyStore(self.rows),
            attachments=MemoryAttachmentStore(self.rows),
            aliases=MemoryAliasStore(self.rows),
            records=MemoryRecordStore(self.rows),
        )

    def upgrade(self) -> None: ...

    def schema(self) -> SchemaState:
        return SchemaState(None, None)

    def check(self) -> None: ...

    def shrink(self) -> bool:
        return False

    def close(self) -> None: ...
