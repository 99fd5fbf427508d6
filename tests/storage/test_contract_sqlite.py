import pytest

from agentos.testing.storage import StorageContract
from parts.migrated import migrated_sqlite
from parts.storages import open_storage


class TestSqlite(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path):
        storage = open_storage(migrated_sqlite(tmp_path / "test.db"))
        yield storage
        storage.close()
