import shutil

import pytest

from agentos.config import Config
from agentos.storage.sqlalchemy import open_sql
from agentos.testing.storage import StorageContract


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """Return a database to copy: a migration takes longer than most of these tests."""
    path = tmp_path_factory.mktemp("migrated") / "empty.db"
    storage = open_sql(f"sqlite:///{path}", Config(environ={}))
    storage.upgrade()
    storage.close()
    return path


class TestSqlite(StorageContract):
    @pytest.fixture
    def storage(self, migrated, tmp_path):
        storage = open_sql(f"sqlite:///{shutil.copy(migrated, tmp_path / 'test.db')}", Config(environ={}))
        yield storage
        storage.close()
