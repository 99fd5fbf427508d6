import pytest

from agentos.testing.storage import StorageContract
from parts.redis import open_redis_storage


class TestRedis(StorageContract):
    @pytest.fixture
    def storage(self, fresh_redis_url):
        storage = open_redis_storage(fresh_redis_url)
        storage.upgrade()
        yield storage
        storage.close()
