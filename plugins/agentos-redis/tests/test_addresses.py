"""What addresses are accepted, and what is said about those that are not."""

import pytest
from agentos_redis.connection import Address, connect

from agentos import ConfigError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://cache", {"host": "cache", "port": 6379, "db": 0}),
        ("redis://:p%40ss@cache:1/3", {"host": "cache", "port": 1, "db": 3, "password": "p@ss"}),
        ("redis://me:x@[::1]:1?db=2", {"host": "::1", "port": 1, "db": 2, "username": "me", "password": "x"}),
        ("rediss://cache?ssl_ca_certs=/ca.pem", {"host": "cache", "port": 6379, "db": 0, "ssl_ca_certs": "/ca.pem"}),
        ("unix:///run/redis.sock?db=1", {"path": "/run/redis.sock", "db": 1}),
    ],
)
def test_an_address_is_read(url, expected):
    assert Address.of(url, "AGENTOS_DATABASE_URL").arguments == expected


def test_sentinels_are_read_with_the_name_that_they_watch():
    address = Address.of("redis+sentinel://:pw@one:1,two/main/4", "AGENTOS_DATABASE_URL")
    assert (address.sentinels, address.name) == ((("one", 1), ("two", 26379)), "main")
    assert address.arguments == {"password": "pw", "db": 4}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("cache:6379", "has the scheme 'cache'"),
        ("http://cache", "has the scheme 'http'"),
        ("redis://", "has no host"),
        ("redis://cache:port", "has no host, or a bad port"),
        ("redis://cache/secret", "has a database that is no number"),
        ("redis://cache?sockettimeout=1", "has the parameter 'sockettimeout'"),
        ("redis://one,two", "names more than one host"),
        ("redis+sentinel://one", "does not name the primary"),
        ("redis://cache?ssl_ca_certs=/ca.pem", "has the parameter 'ssl_ca_certs', which only rediss://"),
        ("unix:///run/redis.sock?ssl_certfile=/c.pem", "has the parameter 'ssl_certfile', which only rediss://"),
        ("redis+sentinel://one/main?ssl_keyfile=/k.pem", "has the parameter 'ssl_keyfile', which only rediss://"),
        ("unix://", "names no socket"),
    ],
)
def test_a_bad_address_is_refused_and_nothing_secret_is_shown(url, said):
    with pytest.raises(ConfigError) as raised:
        Address.of(url, "AGENTOS_DATABASE_URL")
    assert str(raised.value.message).startswith(f"AGENTOS_DATABASE_URL {said}")
    assert "secret" not in raised.value.message


def test_a_client_has_a_bounded_pool_and_repeats_nothing():
    client = connect(Address.of("redis://127.0.0.1:1", "X"), timeout=1, connections=3)
    assert client.connection_pool.max_connections == 3
    assert client.connection_pool.connection_kwargs["retry"].get_retries() == 0
