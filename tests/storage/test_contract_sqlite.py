import shutil

import pytest

from agentos.config import Config
from agentos.storage.sqlalchemy import open_sql
from agentos.testing.storage import StorageContract


class TestSqlite(StorageContract):
    @pytest.fixture
    def storage(self, migrated, tmp_path):
        storage = open_sql(f"sqlite:///{shutil.copy(migrated, tmp_path / 'test.db')}", Config(environ={}))
        yield storage
        storage.close()
