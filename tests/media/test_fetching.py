"""Attachments that are named by URL and brought in. Where they may come from is in ``tests/http``."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from agentos import Config, Media, OutboundClient, OutboundPolicy
from agentos.errors import InvalidMedia
from agentos.media.fetching import MediaFetcher, media_client
from parts.site import PICTURE, Names, Site

HERE = OutboundPolicy(ports=None, allow_networks=(ip_network("127.0.0.1/32"),))


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


def fetch(
    *media: Media, client: OutboundClient | None = None, seconds: float = 5, **settings: Any
) -> tuple[Media, ...]:
    config = Config(**{"media_fetch": True, "environ": {}, **settings})
    client = client or replace(media_client(config), policy=HERE)
    return MediaFetcher(config, client=client).fetch(media, deadline=time.monotonic() + seconds)


def test_a_picture_comes_with_its_bytes_and_keeps_its_address(site: Site) -> None:
    given = Media("image", url=f"{site.url}/picture", name="a", metadata={"k": 1})
    (brought,) = fetch(given)
    assert brought == replace(given, data=base64.b64encode(PICTURE).decode(), content_type="image/png")
    assert brought.describe()["url"] == given.url
    assert "data" not in brought.describe()
    assert site.requests[0]["headers"]["Accept"] == "image/*"


def test_nothing_is_fetched_unless_asked_for(site: Site) -> None:
    media = (Media("image", url=f"{site.url}/picture"),)
    assert fetch(*media, media_fetch=False) == media
    assert site.connections == 0


def test_data_stays_as_it_is_and_all_keep_their_places(site: Site) -> None:
    data = Media("image", data="AAAA", content_type="image/gif")
    brought = fetch(data, Media("file", url=f"{site.url}/hello"), data)
    assert brought[0] == brought[2] == data
    assert base64.b64decode(brought[1].data or "") == b"hello"
    assert brought[1].content_type == "text/plain"


@pytest.mark.parametrize("said", ["application/octet-stream", "binary/octet-stream;x=y", "none", "a/b/c"])
def test_a_store_that_knows_no_types_is_helped_by_the_client_or_the_bytes(site: Site, said: str) -> None:
    address = f"{site.url}/picture?{said}"
    assert fetch(Media("image", url=address))[0].content_type == "image/png"
    assert fetch(Media("image", url=address, content_type="image/x-mine"))[0].content_type == "image/x-mine"


@pytest.mark.parametrize(
    ("kind", "path", "words"),
    [
        ("image", "hello", "is of type 'image', but what is there is 'text/plain'"),
        ("audio", "picture", "but what is there is 'image/png'"),
        ("image", "picture?text/html", "'text/html'"),
        ("image", "type?application/octet-stream", "'application/octet-stream'"),
        ("image", "status?404", "the server answered with status 404"),
        ("image", "status?500", "status 500"),
        ("file", "bytes?0", "is empty"),
        ("file", "bytes?2000", "has more than 1024 bytes"),
        ("file", "bomb?gzip", "has more than 1024 bytes"),
        ("file", "flood?body", "has more than 1024 bytes"),
        ("file", "flood?nothing", "no host that is allowed gave a whole answer in time"),
        ("file", "cut", "no host that is allowed gave a whole answer in time"),
    ],
)
def test_what_is_there_and_cannot_be_used_is_refused_with_its_reason(
    site: Site, kind: Any, path: str, words: str
) -> None:
    with pytest.raises(InvalidMedia, match=r"^media\[1\]\.url ") as refused:
        fetch(
            Media("image", url=f"{site.url}/picture"), Media(kind, url=f"{site.url}/{path}"), max_attachment_size=1024
        )
    assert words in refused.value.message


def test_what_is_brought_in_is_no_way_around_the_size_of_a_request(site: Site) -> None:
    file = Media("file", url=f"{site.url}/bytes?1000")
    assert len(fetch(file, file, max_request_size=2048, max_attachment_size=1024)) == 2
    with pytest.raises(InvalidMedia, match=r"media\[2\]\.url: what is fetched has more than 2048 bytes together"):
        fetch(file, file, file, max_request_size=2048, max_attachment_size=1024)


def test_from_outside_no_two_inner_hosts_can_be_told_apart(site: Site) -> None:
    """Refused, unknown, closed and silent: one message."""
    closed = Site()
    closed.close()
    client = OutboundClient(
        policy=HERE, resolver=Names(inside_test=[["10.0.0.1"]], here_test=[["127.0.0.1"]]), timeout=1
    )
    urls = [
        "http://inside.test/",
        "http://unknown.test/",
        f"http://here.test:{closed.port}/",
        f"http://here.test:{site.port}/redirect?302,http://inside.test/",
        f"http://here.test:{site.port}/redirect?302,http://unknown.test/",
        f"http://here.test:{site.port}/redirect?302,http://10.0.0.1:6379/",
        f"http://here.test:{site.port}/trickle",
    ]
    messages = set()
    for url in urls:
        with pytest.raises(InvalidMedia) as refused:
            fetch(Media("image", url=url), client=client)
        messages.add(refused.value.message)
    assert len(messages) == 1


def test_the_deadline_holds_for_all_together(site: Site) -> None:
    begun = time.monotonic()
    with pytest.raises(InvalidMedia, match=r"media\[1\]\.url cannot be fetched"):
        fetch(Media("image", url=f"{site.url}/picture"), Media("file", url=f"{site.url}/trickle"), seconds=0.4)
    assert time.monotonic() - begun < 2


def test_the_settings_open_what_the_operator_lists_and_nothing_else(site: Site) -> None:
    names = Names({"minio": [["127.0.0.1"]], "cdn.test": [["127.0.0.1"]], "both.test": [["127.0.0.1"]]})

    def brought(host: str, *allowed: str) -> bool:
        config = Config(media_fetch=True, environ={}, media_hosts=allowed)
        fetcher = MediaFetcher(config, client=replace(media_client(config), resolver=names))
        try:
            fetcher.fetch([Media("image", url=f"http://{host}:{site.port}/picture")], deadline=time.monotonic() + 5)
        except InvalidMedia:
            return False
        return True

    assert brought("minio", "minio")
    assert brought("127.0.0.1", "127.0.0.1")
    assert not brought("minio", "other")
    assert not brought("cdn.test", "cdn.test"), "a public name that leads inside is no internal host"
    assert not brought("cdn.test", "*.test", "minio")
    assert brought("both.test", "both.test", "127.0.0.1"), "its address is listed too"
