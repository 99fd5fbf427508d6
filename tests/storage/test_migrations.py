import sqlite3
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from agentos.errors import StorageError
from agentos.storage import migrations
from agentos.storage.migrations import HEAD
from agentos.storage.sqlalchemy.tables import metadata
from agentos.testing.storage.contract import new_session

UPGRADE = """
import sys
from agentos.config import Config
from agentos.storage.sqlalchemy import open_sql

storage = open_sql(sys.argv[1], Config(environ={}))
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.readline()
storage.upgrade()
storage.check()
assert storage.schema().ready
storage.close()
"""


@pytest.fixture
def engine(sql_url):
    engine = create_engine(sql_url)
    yield engine
    engine.dispose()


def test_the_migrations_make_the_tables(storage, engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_head_is_the_newest_revision():
    config = AlembicConfig()
    config.set_main_option("script_location", migrations.__path__[0])
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_a_new_database_is_at_no_revision_until_it_is_upgraded(open_storage, sql_url):
    storage = open_storage(sql_url)
    assert storage.schema().current is None
    assert not storage.schema().ready
    storage.upgrade()
    assert storage.schema().current == HEAD


def test_an_upgrade_at_head_is_one_query(storage, recording):
    with recording() as recorded:
        storage.upgrade()
    assert len(recorded.statements) == 1


def test_an_upgrade_keeps_what_is_there(storage, engine, open_storage, sql_url):
    session = new_session(storage)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE other (id INTEGER)"))
    again = open_storage(sql_url)
    again.upgrade()
    assert again.get_session(session.id) == session


def test_workers_that_start_on_an_empty_database_do_not_race(sql_url):
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", UPGRADE, sql_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    failures = [worker.communicate(timeout=60)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4, "\n".join(failures)


def test_a_migration_that_fails_leaves_nothing_behind(open_storage, sql_url, engine):
    storage = open_storage(sql_url)
    if sql_url.startswith("sqlite"):
        sqlite3.connect(sql_url.removeprefix("sqlite:///")).close()
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE messages (id INTEGER)"))
    with pytest.raises(StorageError):
        storage.upgrade()
    assert storage.schema().current is None
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE messages"))
    storage.upgrade()
    assert storage.schema().ready


def test_a_database_of_a_newer_version_is_refused(storage, engine):
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="newer version"):
        storage.upgrade()


def test_ids_are_ordered_by_code_point_on_postgresql(fresh_postgresql_url, open_storage):
    open_storage(fresh_postgresql_url).upgrade()
    engine = create_engine(fresh_postgresql_url)
    ids = text(
        "SELECT count(*) FILTER (WHERE collation_name = 'C'), count(*) FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
        " AND (column_name = 'id' OR column_name LIKE '%\\_id') AND column_name <> 'tool_call_id'"
    )
    with engine.connect() as connection:
        in_order, every = connection.execute(ids).one()
    engine.dispose()
    assert in_order == every > 8
