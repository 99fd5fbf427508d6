"""What a sentinel that is away, or knows no primary, costs those who need the storage."""

import socket
import time
from collections.abc import Iterator

import pytest

from agentos import StorageError
from agentos.backends import Storage
from agentos.testing.storage.contract import at_once
from parts.postgres import free_port
from parts.redis import RedisServer, Sentinel, open_redis_storage, running_redis
from parts.waiting import until

TIMEOUT = 0.4


@pytest.fixture(scope="module")
def primary() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(scope="module")
def sentinel(primary: RedisServer) -> Iterator[Sentinel]:
    sentinel = Sentinel(primary)
    try:
        storage = open_redis_storage(sentinel.url)
        until(lambda: answers(storage))
        storage.close()
        yield sentinel
    finally:
        sentinel.stop()


@pytest.fixture
def hung() -> Iterator[socket.socket]:
    """Listens, and never says anything, as a machine whose processes hang."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def behind(port: int, sentinel: Sentinel) -> Storage:
    """Open a storage that asks another sentinel first."""
    return open_redis_storage(
        f"redis+sentinel://127.0.0.1:{port},127.0.0.1:{sentinel.port}/main", redis_timeout=TIMEOUT
    )


def answers(storage: Storage) -> bool:
    try:
        storage.check()
    except StorageError:
        return False
    return True


def test_a_sentinel_that_hangs_is_waited_for_once(sentinel: Sentinel, hung: socket.socket) -> None:
    storage = behind(hung.getsockname()[1], sentinel)
    before = time.monotonic()
    storage.check()
    assert time.monotonic() - before < 3 * TIMEOUT
    before = time.monotonic()
    at_once(lambda _: storage.check())  # each with a connection of its own
    assert time.monotonic() - before < TIMEOUT
    storage.close()


def test_requests_that_wait_for_it_together_all_find_the_primary(sentinel: Sentinel, hung: socket.socket) -> None:
    for _ in range(3):
        storage = behind(hung.getsockname()[1], sentinel)
        at_once(lambda _, storage=storage: storage.check())
        storage.close()


def test_a_sentinel_that_is_gone_costs_nothing(sentinel: Sentinel) -> None:
    storage = behind(free_port(), sentinel)
    before = time.monotonic()
    storage.check()
    assert time.monotonic() - before < TIMEOUT
    storage.close()


def test_nothing_is_kept_of_requests_that_found_no_primary() -> None:
    storage = open_redis_storage(f"redis+sentinel://127.0.0.1:{free_port()}/main", redis_connections=2)
    before = time.monotonic()
    for _ in range(20):
        assert not answers(storage)
    assert time.monotonic() - before < 2
    use = storage.pool()
    assert use is not None
    assert (use.used, use.idle, use.limit) == (0, 0, 2)
    storage.close()
