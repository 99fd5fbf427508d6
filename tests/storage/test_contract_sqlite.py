import pytest

from agentos.config import Config
from agentos.storage.sqlalchemy import open_sql
from agentos.testing.storage import StorageContract


class TestSqlite(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path):
        storage = open_sql(f"sqlite:///{tmp_path}/test.db", Config(environ={}))
        storage.upgrade()
        yield storage
        storage.close()
