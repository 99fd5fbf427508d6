"""What a fault test does to the database of a shop, past the servers: time passes, stored texts change."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy
from sqlalchemy import BigInteger, String, inspect, text

if TYPE_CHECKING:
    from redis import Redis

LATE = 60
"""Seconds by which runs that no worker has claimed become overdue."""


class ShopDatabase(ABC):
    """A database at ``url``. Tables have their names of SQL, for each kind of database."""

    def __init__(self, url: str) -> None:
        self.url = url

    @staticmethod
    def at(url: str) -> ShopDatabase:
        return RedisShopDatabase(url) if url.startswith("redis:") else SqlShopDatabase(url)

    @abstractmethod
    def change(self, table: str, old: str, new: str, *, run_id: str) -> int:
        """Replace a text in all documents of a run in a table; return in how many documents."""

    @abstractmethod
    def move_clock(self, seconds: float) -> None:
        """Let time pass for the database: every time that is stored becomes earlier."""

    @abstractmethod
    def rows(self, table: str) -> int:
        """Return how many rows a table has."""

    @abstractmethod
    def expect_claims(self) -> None:
        """Let the time be over in which runs that wait for a worker should have been claimed: others look for them."""


class SqlShopDatabase(ShopDatabase):
    """SQLite or PostgreSQL."""

    def change(self, table: str, old: str, new: str, *, run_id: str) -> int:
        changed = 0
        with self._engine().begin() as connection:
            for column in inspect(connection).get_columns(table):
                name = column["name"]
                if isinstance(column["type"], String) and not name.endswith("id"):
                    statement = f"UPDATE {table} SET {name} = replace({name}, :old, :new)"
                    only = f" WHERE run_id = :run AND {name} LIKE :found"
                    values = {"old": old, "new": new, "run": run_id, "found": f"%{old}%"}
                    changed += connection.execute(text(statement + only), values).rowcount
        return changed

    def move_clock(self, seconds: float) -> None:
        with self._engine().begin() as connection:
            for table in inspect(connection).get_table_names():
                for column in inspect(connection).get_columns(table):
                    if isinstance(column["type"], BigInteger) and column["name"].endswith(("_at", "_until")):
                        name = column["name"]
                        statement = f"UPDATE {table} SET {name} = {name} - :by WHERE {name} IS NOT NULL"
                        connection.execute(text(statement), {"by": microseconds(seconds)})
            for id, document in connection.execute(text("SELECT id, document FROM pending_actions")).all():
                values = {"id": id, "document": earlier_document(document, seconds)}
                connection.execute(text("UPDATE pending_actions SET document = :document WHERE id = :id"), values)

    def rows(self, table: str) -> int:
        with self._engine().connect() as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())

    def expect_claims(self) -> None:
        late = "UPDATE runs SET lease_until = lease_until - :by WHERE status = 'queued' AND lease_owner IS NULL"
        with self._engine().begin() as connection:
            connection.execute(text(late), {"by": microseconds(LATE)})

    def _engine(self) -> sqlalchemy.Engine:
        return sqlalchemy.create_engine(self.url, poolclass=sqlalchemy.NullPool)


PREFIX = "agentos:"
KEYS = {"records": "record", "pending_actions": "action", "run_checkpoints": "checkpoints"}
"""What the keys of a table begin with: a hash for each row, or a list of the rows of a run."""
TIME = re.compile(rb"\A[0-9]{16}(?=[: ]|\Z)")
"""A time with which a stored text begins: microseconds, as today's times have 16 digits."""
FIRST_TIME = 10**15
"""Scores from here on are times. Others are positions and turns."""
EXPECT_CLAIMS = """
for _, id in ipairs(redis.call('SMEMBERS', ARGV[1] .. 'unclaimed')) do
  redis.call('ZINCRBY', ARGV[1] .. 'leases', ARGV[2], id)
end
"""


class RedisShopDatabase(ShopDatabase):
    """Redis, with the keys that ``agentos_redis`` writes there."""

    def change(self, table: str, old: str, new: str, *, run_id: str) -> int:
        changed = 0
        with self._client() as client:
            if table == "run_checkpoints":
                key = f"{PREFIX}checkpoints:{run_id}"
                for place, document in enumerate(client.lrange(key, 0, -1)):
                    if old.encode() in document:
                        client.lset(key, place, document.replace(old.encode(), new.encode()))
                        changed += 1
                return changed
            for action_id in client.lrange(f"{PREFIX}actions:{run_id}", 0, -1):
                key = f"{PREFIX}action:{action_id.decode()}"
                for name in ("text", "answer"):
                    document = client.hget(key, name) or b""
                    if old.encode() in document:
                        client.hset(key, name, document.replace(old.encode(), new.encode()))
                        changed += 1
        return changed

    def move_clock(self, seconds: float) -> None:
        with self._client() as client:
            for key in list(client.scan_iter(f"{PREFIX}*", count=1000)):
                kind = client.type(key)
                if kind == b"hash":
                    move_hash(client, key, seconds)
                elif kind == b"zset":
                    move_sorted_set(client, key, seconds)

    def rows(self, table: str) -> int:
        with self._client() as client:
            keys = list(client.scan_iter(f"{PREFIX}{KEYS[table]}:*", count=1000))
            return sum(client.llen(key) if client.type(key) == b"list" else 1 for key in keys)

    def expect_claims(self) -> None:
        with self._client() as client:  # A script: no worker claims a run between the look and the change.
            client.eval(EXPECT_CLAIMS, 0, PREFIX, -microseconds(LATE))

    @contextmanager
    def _client(self) -> Iterator[Redis]:
        from redis import Redis

        with Redis.from_url(self.url) as client:
            yield client


def move_hash(client: Redis, key: bytes, seconds: float) -> None:
    """Move the times that are values, and those in the documents of actions and API keys."""
    for name, value in client.hgetall(key).items():
        moved = earlier_document(value, seconds).encode() if name == b"text" else earlier_text(value, seconds)
        if moved != value:
            client.hset(key, name, moved)


def move_sorted_set(client: Redis, key: bytes, seconds: float) -> None:
    """Move the times that are members of an index, and those that are scores."""
    before = dict(client.zrange(key, 0, -1, withscores=True))
    moved = {
        earlier_text(member, seconds): score - microseconds(seconds) if score >= FIRST_TIME else score
        for member, score in before.items()
    }
    if moved != before:
        client.delete(key)
        client.zadd(key, moved)


def earlier_text(stored: bytes, seconds: float) -> bytes:
    """Return a stored text; if it begins with a time, with an earlier one."""
    return TIME.sub(lambda found: b"%016d" % (int(found[0]) - microseconds(seconds)), stored)


def earlier_document(document: str | bytes, seconds: float) -> str:
    """Return the document of a pending action or an API key with earlier times."""
    moved = json.loads(document)
    for name in moved.keys() & {"created_at", "expires_at"}:
        time = moved[name]
        if time.isdigit():
            moved[name] = earlier_text(time.encode(), seconds).decode()
        else:
            moved[name] = (datetime.fromisoformat(time) - timedelta(seconds=seconds)).isoformat()
    return json.dumps(moved)


def microseconds(seconds: float) -> int:
    return int(seconds * 1e6)
