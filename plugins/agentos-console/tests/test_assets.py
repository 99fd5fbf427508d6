"""The files: compressed, cached for ever, and no others."""

from __future__ import annotations

import gzip

import pytest
from agentos_console.assets import FOLDER, read_manifest

from .conftest import Console

SCRIPT = read_manifest().script
ADDRESS = f"/console/assets/{SCRIPT}"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("br", "br"),
        ("gzip", "gzip"),
        ("gzip;q=1, br;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("*", "br"),
        ("identity", None),
        ("br;q=0, gzip;q=0", None),
        ("zstd", None),
        (None, None),
    ],
)
def test_it_is_compressed_as_the_client_wants(console: Console, accepted: str | None, encoding: str | None) -> None:
    headers = {} if accepted is None else {"Accept-Encoding": accepted}
    answer = console().get(ADDRESS, headers=headers)
    assert answer.headers.get("Content-Encoding") == encoding
    suffix = {"br": ".br", "gzip": ".gz", None: ""}[encoding]
    assert answer.data == (FOLDER / f"{SCRIPT}{suffix}").read_bytes()
    assert answer.content_length == len(answer.data)
    assert answer.content_type == "text/javascript; charset=utf-8"
    assert "Accept-Encoding" in answer.vary


def test_it_is_cached_for_ever(console: Console) -> None:
    answer = console().get(ADDRESS)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_each_encoding_has_a_tag_of_its_own(console: Console) -> None:
    client = console()
    tags = [client.get(ADDRESS, headers={"Accept-Encoding": one}).headers["ETag"] for one in ("br", "gzip", "identity")]
    assert len({*tags}) == 3
    same = client.get(ADDRESS, headers={"Accept-Encoding": "br", "If-None-Match": tags[0]})
    other = client.get(ADDRESS, headers={"Accept-Encoding": "gzip", "If-None-Match": tags[0]})
    assert (same.status_code, same.data, other.status_code) == (304, b"", 200)
    assert same.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_head_says_what_get_would(console: Console) -> None:
    client = console()
    head = client.head(ADDRESS, headers={"Accept-Encoding": "br"})
    assert (head.status_code, head.data, head.headers["Content-Encoding"]) == (200, b"", "br")
    assert int(head.headers["Content-Length"]) == (FOLDER / f"{SCRIPT}.br").stat().st_size


@pytest.mark.parametrize(
    "name",
    ["none.js", "manifest.json", f"{SCRIPT}.br", "..%2Fassets.py", "%2e%2e%2fpage.py", "..%5cpage.py", "a%00b", ""],
)
def test_there_are_no_others(console: Console, name: str) -> None:
    answer = console().get(f"/console/assets/{name}")
    assert (answer.status_code, answer.json["code"]) == (404, "NOT_FOUND")
    assert "immutable" not in answer.headers.get("Cache-Control", "")


def test_what_is_compressed_is_the_same() -> None:
    for name in read_manifest().files:
        assert gzip.decompress((FOLDER / f"{name}.gz").read_bytes()) == (FOLDER / name).read_bytes()


def test_files_that_were_replaced_while_the_server_runs_are_noticed(console: Console) -> None:
    client = console()
    assert client.get(ADDRESS).status_code == 200
    read = read_manifest()
    (FOLDER / "manifest.json").touch()
    assert read_manifest() is not read  # read again, and the same
    assert read_manifest() == read
