"""The storage in Redis, put together from its stores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from redis import Redis

from agentos.backends import PoolUse, SchemaState, Storage
from agentos_redis.storage.agents import RedisAgentStore
from agentos_redis.storage.aliases import RedisAliasStore
from agentos_redis.storage.attachments import RedisAttachmentStore
from agentos_redis.storage.database import Database
from agentos_redis.storage.durability import broken_promises
from agentos_redis.storage.events import RedisEventStore
from agentos_redis.storage.idempotency import RedisIdempotencyStore
from agentos_redis.storage.keys import RedisKeyStore
from agentos_redis.storage.records import RedisRecordStore
from agentos_redis.storage.runs import RedisRunStore
from agentos_redis.storage.sessions import RedisSessionStore

REVISION = "0001"
"""The revision of the layout of keys."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RedisStorage(Storage):
    """Keeps what the SQL storage keeps, as durably as the server is set to."""

    def __init__(self, client: Redis, prefix: str, *, strict: bool = False) -> None:
        self.database = database = Database(client, prefix, strict=strict)
        super().__init__(
            agents=RedisAgentStore(database),
            keys=RedisKeyStore(database),
            sessions=RedisSessionStore(database),
            runs=RedisRunStore(database),
            events=RedisEventStore(database),
            idempotency=RedisIdempotencyStore(database),
            attachments=RedisAttachmentStore(database),
            aliases=RedisAliasStore(database),
            records=RedisRecordStore(database),
        )

    def upgrade(self) -> None:
        self.database.check_server()
        self.database.command(lambda client: client.set(f"{self.database.prefix}revision", REVISION, nx=True))

    def schema(self) -> SchemaState:
        found = self.database.command(lambda client: client.get(f"{self.database.prefix}revision"))
        # A database without keys needs nothing: the first ones that are written are of this revision.
        return SchemaState(found.decode() if isinstance(found, bytes) else REVISION, REVISION)

    def check(self) -> None:
        self.database.check_server()
        self.database.command(lambda client: client.ping())

    def now(self) -> datetime:
        seconds, microseconds = self.database.command(lambda client: client.time())
        return _EPOCH + timedelta(seconds=seconds, microseconds=microseconds)

    def durability(self) -> Sequence[str]:
        missing = self.database.missing_commands()
        return [*([missing] if missing else []), *self.database.command(broken_promises)]

    def pool(self) -> PoolUse | None:
        pool = self.database.client.connection_pool
        (idle, _), (used, _) = pool.get_connection_count()
        return PoolUse(used=used, idle=idle, limit=pool.max_connections)

    def shrink(self) -> bool:
        return False

    def close(self) -> None:
        self.database.client.close()
        self.database.client.connection_pool.disconnect()
