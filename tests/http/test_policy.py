"""What is read in a URL, and what is refused: by its text, by its host, by its addresses."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from agentos import OutboundPolicy, OutboundRefused
from agentos.http.urls import parse_target


@pytest.mark.parametrize(
    ("url", "canonical", "host", "port"),
    [
        ("http://example.com", "http://example.com/", "example.com", 80),
        ("HTTPS://EXAMPLE.com:443/A?b=c#d", "https://example.com/A?b=c", "example.com", 443),
        ("http://example.com.:8080/", "http://example.com:8080/", "example.com", 8080),
        ("http://example.com:/x", "http://example.com/x", "example.com", 80),
        ("http://bücher.example/ü", "http://xn--bcher-kva.example/ü", "xn--bcher-kva.example", 80),
        ("http://\uff25xample\u3002com/", "http://example.com/", "example.com", 80),
        ("http://8.8.8.8/", "http://8.8.8.8/", "8.8.8.8", 80),
        ("http://[2606:4700:0:0::1111]:81/", "http://[2606:4700::1111]:81/", "2606:4700::1111", 81),
        ("http://_srv.example.com?x", "http://_srv.example.com/?x", "_srv.example.com", 80),
    ],
)
def test_a_url_has_one_spelling(url: str, canonical: str, host: str, port: int) -> None:
    target = parse_target(url)
    assert (target.url, target.host, target.port) == (canonical, host, port)
    assert parse_target(target.url) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "javascript:alert(1)",
        "unix:///var/run/docker.sock",
        "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
        "http://",
        "http:///path",
        "http:example.com",
        "http:/example.com",
        "http://?x",
        "http://user@example.com/",
        "http://user:password@example.com/",
        "http://example.com@127.0.0.1/",
        "http://127.0.0.1\\@example.com/",
        "http://example.com\\.evil.test/",
        "http://example.com:80:80/",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://example.com:-1/",
        "http://example.com:٨٠/",
        "http://exa mple.com/",
        "http://example.com/\r\nX: y",
        "http://example.com/\t",
        "http://example.com/\0",
        "http://exam\u00adple.com:x/",
        "http://%31%32%37.0.0.1/",
        "http://.example.com/",
        "http://example..com/",
        "http://-example.com/",
        "http://" + "a" * 64 + ".com/",
        "http://" + "a." * 130 + "com/",
        "http://example.com/" + "x" * 9000,
        "http://[::1/",
        "http://::1/",
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[v1.x]/",
        "http://[127.0.0.1]/",
        "http://[::1]x/",
        "http://example.com/\ud800",
    ],
)
def test_a_url_that_two_parsers_might_read_differently_is_refused(url: str) -> None:
    with pytest.raises(OutboundRefused):
        parse_target(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "0177.0.0.1",
        "017700000001",
        "2130706433",
        "127.0.0.1.1",
        "1.0x",
        "08.8.8.8",
        "1",
    ],
)
def test_other_spellings_of_ipv4_addresses_are_refused(host: str) -> None:
    with pytest.raises(OutboundRefused, match="four decimal numbers"):
        parse_target(f"http://{host}/")


def test_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(OutboundRefused, match="send credentials in a header") as refused:
        parse_target("http://user:hunter2@example.com/")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://example.com:22/", "http://example.com:8080/"])
def test_other_ports_than_those_of_the_web_are_refused(url: str) -> None:
    with pytest.raises(OutboundRefused, match="allowed: 80, 443"):
        OutboundPolicy().target(url)


@pytest.mark.parametrize("host", ["good.test", "a.good.org", "a.b.good.org", "8.8.8.8"])
def test_allowed_hosts_may_be_reached(host: str) -> None:
    policy = OutboundPolicy(allow_hosts=("good.test", "*.good.org", "8.8.8.8"))
    assert policy.target(f"http://{host}/").host == host


@pytest.mark.parametrize(
    "host", ["evil.test", "notgood.org", "good.org", "good.test.evil.test", "x.good.test", "9.9.9.9"]
)
def test_others_than_the_allowed_hosts_are_refused(host: str) -> None:
    policy = OutboundPolicy(allow_hosts=("good.test", "*.good.org", "8.8.8.8"))
    with pytest.raises(OutboundRefused, match="is not allowed; allowed: good"):
        policy.target(f"http://{host}/")


@pytest.mark.parametrize("host", ["bad.test", "BAD.test.", "x.worse.test", "\uff42ad.test"])
def test_denied_hosts_are_refused_even_when_allowed(host: str) -> None:
    policy = OutboundPolicy(allow_hosts=("bad.test", "x.worse.test"), deny_hosts=("bad.test", "*.worse.test"))
    with pytest.raises(OutboundRefused, match="not allowed here"):
        policy.target(f"http://{host}/")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:10.0.0.1]"])
def test_an_address_that_is_not_public_is_refused_by_the_url_alone(host: str) -> None:
    with pytest.raises(OutboundRefused, match="public internet"):
        OutboundPolicy().target(f"http://{host}/")


def test_an_allowed_host_is_no_way_into_a_private_network() -> None:
    with pytest.raises(OutboundRefused, match="public internet"):
        OutboundPolicy(allow_hosts=("intranet.test",)).check_addresses("intranet.test", ["10.0.0.1"])


def test_one_bad_address_among_good_ones_is_enough() -> None:
    with pytest.raises(OutboundRefused, match="public internet"):
        OutboundPolicy().check_addresses("mixed.test", ["8.8.8.8", "10.0.0.1"])


def test_a_refusal_does_not_tell_the_address_of_an_inner_host() -> None:
    with pytest.raises(OutboundRefused) as refused:
        OutboundPolicy().check_addresses("intranet.test", ["10.11.12.13"])
    assert "10.11" not in str(refused.value)


def test_private_networks_open_without_special_addresses() -> None:
    policy = OutboundPolicy(allow_private=True)
    assert policy.check_addresses("intranet.test", ["10.0.0.1", "::1"]) == ["10.0.0.1", "::1"]
    with pytest.raises(OutboundRefused):
        policy.check_addresses("metadata.test", ["169.254.169.254"])


def test_one_network_opens_alone() -> None:
    policy = OutboundPolicy(allow_networks=(ip_network("10.1.0.0/16"),))
    assert policy.check_addresses("a.test", ["10.1.2.3", "::ffff:10.1.2.3"])
    with pytest.raises(OutboundRefused):
        policy.check_addresses("b.test", ["10.2.2.3"])


@pytest.mark.parametrize("address", ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_denied_network_is_refused_in_every_spelling(address: str) -> None:
    policy = OutboundPolicy(deny_networks=(ip_network("8.8.8.0/24"),), allow_networks=(ip_network("8.0.0.0/8"),))
    with pytest.raises(OutboundRefused):
        policy.check_addresses("dns.test", [address])


def test_a_host_without_an_address_is_refused() -> None:
    with pytest.raises(OutboundRefused, match="no address"):
        OutboundPolicy().check_addresses("nowhere.test", [])


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("API.example.com.", "api.example.com"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("[2606:4700:0::1]", "2606:4700::1"),
        ("2606:4700::1", "2606:4700::1"),
        ("8.8.8.8", "8.8.8.8"),
        ("minio", "minio"),
    ],
)
def test_a_listed_host_is_read_as_urls_are(text: str, pattern: str) -> None:
    assert OutboundPolicy.host_pattern(text) == pattern


@pytest.mark.parametrize(
    ("text", "said"),
    [
        *((less, "host is not accepted") for less in ("", "*", "*.")),
        *((f"a.test{more}", "is more than a host") for more in (":80", "/", "/x", "?x")),
        ("http://a.test", "is more than a host"),
        ("u@a.test", "a user name or password is not accepted"),
        ("*.8.8.8.8", "nothing is below an address"),
        ("127.1", "write four decimal numbers"),
    ],
)
def test_what_is_more_or_less_than_a_host_cannot_be_listed(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        OutboundPolicy.host_pattern(text)


def test_a_private_network_opens_for_one_host_alone() -> None:
    policy = OutboundPolicy(private_hosts=("minio",))
    assert policy.check_addresses("minio", ["10.0.0.1"]) == ["10.0.0.1"]
    with pytest.raises(OutboundRefused):
        policy.check_addresses("other.test", ["10.0.0.1"])
    with pytest.raises(OutboundRefused):
        policy.check_addresses("minio", ["169.254.169.254"])
