"""Everything over TLS, with a password, on Debian's Redis."""

from collections.abc import Iterator

import pytest
from agentos_redis.rate_limits import RedisRateLimitStore
from agentos_redis.signals import RedisSignals

from agentos import Rate, StorageError
from parts.redis import RedisServer, TLSRedisServer, open_redis_storage, redis_config
from parts.waiting import until


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    try:
        server = TLSRedisServer()
    except LookupError as error:
        pytest.skip(str(error))
    try:
        server.start()
        yield server
    finally:
        server.remove()


def test_the_storage_works(server: RedisServer) -> None:
    storage = open_redis_storage(server.url)
    storage.upgrade()
    storage.check()
    assert storage.records.add("counts", "a", 2, owner="me") == 2
    storage.close()


def test_signals_come(server: RedisServer) -> None:
    here, there = (RedisSignals(server.url, redis_config()) for _ in range(2))
    here.begin("here")
    with here.listen("run:1") as wakeup:
        until(lambda: here.reaches("here"))
        there.notify("run:1")
        assert wakeup.wait(5)
    for signals in (here, there):
        signals.close()


def test_requests_are_counted(server: RedisServer) -> None:
    store = RedisRateLimitStore(server.url, redis_config())
    taken = [store.take([("a", Rate(1, 60.0))]) for _ in range(2)]
    assert [one is None for one in taken] == [True, False]
    store.close()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("p%40ss%2Fword", "wrong"),
        (":p%40ss%2Fword@", ""),
        ("?ssl_ca_certs=", "?ssl_ca_certs=/etc/ssl/certs/ca-certificates.crt&db=0#"),
        ("rediss://", "redis://"),
    ],
    ids=["another password", "no password", "another authority", "no TLS"],
)
def test_what_is_not_right_is_a_storage_error_without_the_password(server: RedisServer, old: str, new: str) -> None:
    url = server.url.replace(old, new)
    if new == "redis://":
        url = url.partition("?")[0]
    storage = open_redis_storage(url)
    with pytest.raises(StorageError) as raised:
        storage.check()
    assert "p@ss" not in str(raised.value)
    storage.close()
