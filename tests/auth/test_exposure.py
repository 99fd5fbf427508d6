"""What counts as this machine; real servers are in tests/serving/test_exposure.py, requests in tests/api."""

import pytest

from agentos.auth.addresses import with_port
from agentos.auth.exposure import check_binding, require_local_peer
from agentos.config import Config
from agentos.errors import ConfigError, Forbidden

OPEN = Config(environ={})
HERE = ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"]
ELSEWHERE = ["192.0.2.1", "10.0.0.1", "0.0.0.0", "::", "2001:db8::1", "fe80::1%eth0", "::ffff:192.0.2.1", "::ffff:0:0"]


def may_listen(config, *addresses):
    try:
        check_binding(config, addresses)
    except ConfigError:
        return False
    return True


def is_served(config, peer, host, **headers):
    try:
        require_local_peer(config, peer, host, {name.replace("_", "-"): value for name, value in headers.items()})
    except Forbidden:
        return False
    return True


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:8080",
        "127.8.9.10:0",
        "localhost:8080",
        "LocalHost:8080",
        "[::1]:8080",
        "unix:/run/agentos.sock",
        *[with_port(host, 8080) for host in HERE],
    ],
)
def test_this_machine_may_be_listened_on(address):
    assert may_listen(OPEN, address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0:8080",
        "[::]:8080",
        "192.0.2.1:8080",
        "example.com:8080",
        "localhost.example.com:8080",
        "127.0.0.1.example.com:8080",
        ":8080",
        *[with_port(host, 8080) for host in ELSEWHERE],
    ],
)
def test_any_other_address_is_refused_with_the_ways_out(address):
    with pytest.raises(ConfigError) as refused:
        check_binding(OPEN, ["127.0.0.1:8080", address])
    for way in ("127.0.0.1", "flask agentos keys create", "AGENTOS_AUTH=api_key", "AGENTOS_ALLOW_ANONYMOUS=1"):
        assert way in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("settings", [{"auth": ["api_key"]}, {"auth": ["someones_own"]}, {"allow_anonymous": True}])
def test_who_asks_for_keys_or_allows_everybody_may_listen_anywhere(settings):
    config = Config(environ={}, **settings)
    assert may_listen(config, "0.0.0.0:8080", "[::]:8080")
    assert is_served(config, "192.0.2.1", "agents.example.com", x_forwarded_for="198.51.100.1", via="1.1 proxy")


@pytest.mark.parametrize("peer", ["", *HERE])
@pytest.mark.parametrize(
    "host",
    ["", "localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:8080", "127.1.2.3:80", "[::1]", "[::1]:8080", "::1"],
)
def test_this_machine_is_served(peer, host):
    assert is_served(OPEN, peer, host)


@pytest.mark.parametrize("peer", [*ELSEWHERE, "localhost.example.com", "nonsense"])
def test_a_connection_from_elsewhere_is_refused_whatever_it_says(peer):
    with pytest.raises(Forbidden, match="AGENTOS_AUTH=api_key"):
        require_local_peer(OPEN, peer, "localhost:8080", {"x-forwarded-for": "127.0.0.1"})


@pytest.mark.parametrize(
    "host",
    [
        "agents.example.com",
        "localhost.example.com:8080",
        "127.0.0.1.example.com",
        "example.com:127.0.0.1",
        "localhost@example.com",
        "localhost,example.com",
        "example.com,localhost",
        "[::1].example.com",
        "[::1]example.com:8080",
        "[example.com]",
        "192.0.2.1:8080",
        "0.0.0.0:8080",
        "[::]:8080",
        "2130706433",
        "0x7f.1",
        " localhost",
        ":8080",
        "[]",
    ],
)
def test_a_page_under_another_name_does_not_reach_it_from_this_machine(host):
    with pytest.raises(Forbidden, match="AGENTOS_ALLOW_ANONYMOUS=1"):
        require_local_peer(OPEN, "127.0.0.1", host, {})


@pytest.mark.parametrize("forwarded", ["127.0.0.1", "::1, 127.0.0.1", "127.0.0.1:50000", "[::1]:50000"])
def test_a_proxy_that_serves_this_machine_is_served(forwarded):
    assert is_served(OPEN, "127.0.0.1", "127.0.0.1:8080", x_forwarded_for=forwarded)


@pytest.mark.parametrize("forwarded", ["198.51.100.1", "127.0.0.1, 198.51.100.1", "198.51.100.1, ::1", "unknown", ","])
def test_a_proxy_that_serves_others_is_refused_even_if_it_rewrites_the_host(forwarded):
    with pytest.raises(Forbidden, match="X-Forwarded-For"):
        require_local_peer(OPEN, "127.0.0.1", "127.0.0.1:8080", {"x-forwarded-for": forwarded})
