from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from parts.migrated import migrated_sqlite
from parts.storages import open_storage as open_by_url


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/test.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def sql_url(request):
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "fresh_postgresql_url")


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def lasting_url(request):
    fixtures = {"sqlite": "sqlite_url", "postgresql": "fresh_postgresql_url", "redis": "fresh_redis_url"}
    return request.getfixturevalue(fixtures[request.param])


@pytest.fixture
def open_storage():
    """Open a storage as a worker does; all are closed after the test."""
    opened = []

    def open_one(url):
        storage = open_by_url(url)
        opened.append(storage)
        return storage

    yield open_one
    for storage in opened:
        storage.close()


@pytest.fixture
def storage(open_storage, sql_url):
    if sql_url.startswith("sqlite"):
        migrated_sqlite(Path(sql_url.removeprefix("sqlite:///")))
    storage = open_storage(sql_url)
    storage.upgrade()
    return storage


@dataclass
class Recording:
    """What was sent to the database, and how many rows it read (PostgreSQL) or changed."""

    statements: list[tuple[str, object]] = field(default_factory=list)
    rows: int = 0


@pytest.fixture
def recording():
    """Record the statements of all engines while the block runs."""

    @contextmanager
    def record() -> Iterator[Recording]:
        recorded = Recording()

        def after(connection, cursor, statement, parameters, context, many):
            recorded.statements.append((statement, parameters))
            recorded.rows += max(cursor.rowcount, 0)

        event.listen(Engine, "after_cursor_execute", after)
        try:
            yield recorded
        finally:
            event.remove(Engine, "after_cursor_execute", after)

    return record
