"""Which attachments are accepted by their own words: how many, how large, at which hosts."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from agentos import Config, Media
from agentos.errors import ConfigError, InvalidMedia
from agentos.media.policy import MediaPolicy


def check(*media: Media, **settings: Any) -> None:
    MediaPolicy(Config(environ={}, **settings)).check(media)


def accepts(*media: Media, **settings: Any) -> bool:
    try:
        check(*media, **settings)
    except InvalidMedia:
        return False
    return True


def at(host: str) -> Media:
    return Media("image", url=f"https://{host}/a.png")


def of(size: int) -> Media:
    return Media("file", data=base64.b64encode(bytes(size)).decode(), content_type="application/zip")


def test_as_many_attachments_as_the_setting_says() -> None:
    assert accepts(at("a.test"), at("a.test"), max_attachments=2)
    with pytest.raises(InvalidMedia, match="3 attachments are too many; at most 2"):
        check(at("a.test"), at("a.test"), at("a.test"), max_attachments=2)


@pytest.mark.parametrize("size", [1022, 1023, 1024])
def test_data_of_the_largest_size_is_accepted(size: int) -> None:
    assert accepts(of(size), max_attachment_size=1024)


@pytest.mark.parametrize("size", [1025, 1026, 5000])
def test_data_is_measured_decoded(size: int) -> None:
    with pytest.raises(InvalidMedia, match=rf"media\[1\]\.data has {size} bytes; at most 1024"):
        check(of(1), of(size), max_attachment_size=1024)


@pytest.mark.parametrize("data", ["AAA", "AA=A", "A===", "AAAA\n", "AA AA", "AA-_", "é", "\u0661AAA"])
def test_data_that_is_not_strictly_base64_is_refused(data: str) -> None:
    with pytest.raises(InvalidMedia, match=r"media\[0\]\.data is not base64"):
        check(Media("image", data=data, content_type="image/png"))


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("image", "audio/wav"),
        ("audio", "application/json"),
        ("video", "image/png"),
        ("image", "png"),
        ("file", "a/b c"),
    ],
)
@pytest.mark.parametrize("source", [{"data": "AAAA"}, {"url": "https://a.test/"}])
def test_a_content_type_has_to_be_one_and_to_fit(kind: Any, content_type: str, source: dict[str, str]) -> None:
    with pytest.raises(InvalidMedia, match=r"^media\[0\]"):
        check(Media(kind, content_type=content_type, **source))


@pytest.mark.parametrize("media", [Media("image"), Media("image", url="https://a.test/", data="AAAA")])
def test_a_client_gives_exactly_one_of_url_and_data(media: Media) -> None:
    with pytest.raises(InvalidMedia, match="exactly one"):
        check(media)


@pytest.mark.parametrize("host", ["example.com", "8.8.8.8", "[2606:4700::1111]", "example.com:8443", "bücher.example"])
def test_any_public_host_is_accepted_on_any_port(host: str) -> None:
    assert accepts(at(host))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "x.localhost",
        "minio",
        "MINIO.",
        "printer.local",
        "metadata.google.internal",
        "db.svc",
        "db.prod.svc.cluster.local",
        "nas.home.arpa",
        "wiki.corp",
        "\uff4cocalhost",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "[fd00:ec2::254]",
        "[::ffff:10.0.0.1]",
    ],
)
def test_what_is_internal_is_refused_though_nobody_of_ours_fetches_it(host: str) -> None:
    with pytest.raises(InvalidMedia, match=r"^media\[0\]\.url is .*(internal network|public internet)"):
        check(at(host))


@pytest.mark.parametrize("host", ["example.com", "EXAMPLE.com.", "a.example.org", "a.b.example.org", "8.8.8.8"])
def test_the_allowed_hosts_are_accepted(host: str) -> None:
    assert accepts(at(host), media_hosts=("example.com", "*.example.org", "8.8.8.8"))


@pytest.mark.parametrize("host", ["a.example.com", "example.org", "notexample.org", "example.com.evil.test", "9.9.9.9"])
def test_others_than_the_allowed_hosts_are_refused_and_the_allowed_are_named(host: str) -> None:
    with pytest.raises(InvalidMedia, match=r"accepted are example\.com, \*\.example\.org$"):
        check(at(host), media_hosts=("example.com", "*.example.org", "minio", "10.1.2.3"))


@pytest.mark.parametrize("host", ["bad.test", "BAD.test.", "x.worse.test", "8.8.8.8", "[::ffff:808:808]"])
def test_denied_hosts_are_refused_even_when_allowed(host: str) -> None:
    denied = ("bad.test", "*.worse.test", "8.8.8.8")
    for allowed in ((), ("bad.test", "*.worse.test", "8.8.8.8", "::ffff:808:808")):
        with pytest.raises(InvalidMedia, match=r"^media\[0\]\.url is not accepted"):
            check(at(host), media_hosts=allowed, media_hosts_denied=denied)


@pytest.mark.parametrize("host", ["minio", "minio:9000", "a.corp.internal", "10.1.2.3", "[fd00::1]"])
def test_an_internal_host_that_the_operator_lists_is_accepted(host: str) -> None:
    assert accepts(at(host), media_hosts=("minio", "*.corp.internal", "10.1.2.3", "fd00::1"))


@pytest.mark.parametrize("host", ["169.254.169.254", "168.63.129.16", "0.0.0.0", "[fe80::1]"])
def test_a_metadata_service_is_refused_even_when_listed(host: str) -> None:
    with pytest.raises(InvalidMedia, match="public internet"):
        check(at(host), media_hosts=(host.strip("[]"),))


@pytest.mark.parametrize("host", ["127.1", "8.8.8.8.8", "a..b"])
def test_a_setting_that_names_no_host_is_refused_at_start(host: str) -> None:
    with pytest.raises(ConfigError, match="media_hosts"):
        MediaPolicy(Config(environ={}, media_hosts=(host,)))


def test_ports_are_the_webs_where_we_fetch_from_any_host() -> None:
    with pytest.raises(InvalidMedia, match="port 8443 is not allowed; allowed: 80, 443"):
        check(at("example.com:8443"), media_fetch=True)
    assert accepts(at("example.com:8443"), media_fetch=True, media_hosts=("example.com",))
