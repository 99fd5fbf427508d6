"""Two workers on one storage."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from parts.workers import AbsentStorage, Worker


@pytest.fixture
def storage() -> AbsentStorage:
    return AbsentStorage()


@pytest.fixture
def worker(storage: AbsentStorage) -> Iterator[Callable[..., Worker]]:
    """Make workers; those that are left are ended behind the test."""
    made: list[Worker] = []

    def make(name: str, **settings: Any) -> Worker:
        made.append(Worker(storage, name, **settings))
        return made[-1]

    yield make
    storage.away = False
    storage.free.set()
    for one in made:
        one.close()


@pytest.fixture
def here(worker: Callable[..., Worker]) -> Worker:
    return worker("here")


@pytest.fixture
def there(worker: Callable[..., Worker]) -> Worker:
    return worker("there")
