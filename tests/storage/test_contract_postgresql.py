import pytest

from agentos.config import Config
from agentos.storage.sqlalchemy import open_sql
from agentos.testing.storage import StorageContract


class TestPostgresql(StorageContract):
    @pytest.fixture
    def storage(self, fresh_postgresql_url):
        storage = open_sql(fresh_postgresql_url, Config(environ={}))
        storage.upgrade()
        yield storage
        storage.close()
