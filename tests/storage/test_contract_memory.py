import pytest

from agentos.storage.memory import MemoryStorage
from agentos.testing.storage import StorageContract


class TestMemory(StorageContract):
    @pytest.fixture
    def storage(self):
        return MemoryStorage()
