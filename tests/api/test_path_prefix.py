"""Behind a proxy that shows the server under a path, all addresses in answers are right."""

import re
from typing import Any

import pytest
import yaml

from agentos.config import Config
from agentos.errors import ConfigError


@pytest.fixture(params=["stripped", "kept"])
def at(request) -> Any:
    """Return the path that the server is asked for: the proxy strips the prefix or leaves it on."""
    return lambda prefix, path: path if request.param == "stripped" else prefix + path


# Prefixes that are the beginning of our own paths too are no exception.
PREFIXES = pytest.mark.parametrize("prefix", ["/agents", "/a/b.c/~me", "/api", "/api/v1"])


@PREFIXES
def test_the_addresses_of_answers_begin_with_it(serve, at, prefix: str) -> None:
    client = serve(root_path=prefix).client
    for path, body, where in (
        ("/api/v1/sessions", {"agent_id": "scripted"}, "/api/v1/sessions/"),
        ("/api/v1/agents", {"id": "new", "model": "test:model"}, "/api/v1/agents/new"),
        ("/api/v1/agents/scripted/run", {"input": "Hi", "background": True}, "/api/v1/runs/"),
    ):
        location = client.post(at(prefix, path), json=body).headers["Location"]
        assert location.startswith(prefix + where)
        assert client.get(location).status_code == 200
        assert client.get(at(prefix, location.removeprefix(prefix))).status_code == 200


@PREFIXES
def test_the_page_loads_its_files_under_it(serve, at, prefix: str) -> None:
    client = serve(root_path=prefix).client
    loaded = re.findall(r'(?:src|href|data-document)="([^"]*)"', client.get(at(prefix, "/docs")).text)
    assert len(loaded) == 5
    for address in loaded:
        assert address.startswith(f"{prefix}/")
        assert client.get(at(prefix, address.removeprefix(prefix))).status_code == 200


@PREFIXES
def test_the_document_says_where_the_api_is(serve, at, prefix: str) -> None:
    document = yaml.safe_load(serve(root_path=prefix).client.get(at(prefix, "/openapi.yaml")).text)
    assert document["servers"] == [{"url": prefix}]


def test_without_one_all_is_at_the_root(serve) -> None:
    client = serve(allow_anonymous=True).client
    document = yaml.safe_load(client.get("/openapi.yaml", headers={"X-Forwarded-Prefix": "/a"}).text)
    assert document["servers"] == [{"url": "/"}]
    assert client.get("/agents/api/v1/agents").status_code == 404


@pytest.mark.parametrize(
    ("settings", "header", "found"),
    [
        ({"proxy_hops": 1}, "/agents", "/agents"),
        ({"proxy_hops": 1}, "/agents/", "/agents"),
        ({"proxy_hops": 2}, "/evil, /agents", "/agents"),
        ({"proxy_hops": 0, "allow_anonymous": True}, "/agents", "/"),
        ({"proxy_hops": 1, "root_path": "/set"}, "/agents", "/set"),
        *[
            ({"proxy_hops": 1}, header, "/")
            for header in (
                "",
                "/",
                "agents",
                "//evil.example",
                "/a//b",
                "/../a",
                "/a b",
                "/a\tb",
                "/é",
                "https://a",
                "/a?b",
            )
        ],
        ({"proxy_hops": 1}, "/a" * 99, "/"),
    ],
)
def test_the_header_counts_only_from_trusted_proxies(serve, settings, header: str, found: str) -> None:
    client = serve(**({"allow_anonymous": True} | settings)).client
    answer = client.get("/openapi.yaml", headers={"X-Forwarded-Prefix": header.encode().decode("latin-1")})
    assert yaml.safe_load(answer.text)["servers"] == [{"url": found}]


def test_a_repeat_is_known_with_and_without_it(serve) -> None:
    client = serve(root_path="/agents").client
    runs = [
        client.post(f"{prefix}/api/v1/agents/scripted/run", json={"input": "Hi"}, headers={"Idempotency-Key": "k"}).json
        for prefix in ("", "/agents")
    ]
    assert runs[0]["run_id"] == runs[1]["run_id"]


@pytest.mark.parametrize("text", ["agents", "/a//b", "/a/../b", "https://example.com/a", "/a b", "/a?b", "/{a}"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="a path like /agents"):
        Config(environ={"AGENTOS_ROOT_PATH": text})


@pytest.mark.parametrize(("text", "value"), [("/agents/", "/agents"), ("/", None), ("", None), ("/a/b", "/a/b")])
def test_a_path_is_understood(text: str, value: str | None) -> None:
    assert Config(environ={"AGENTOS_ROOT_PATH": text}).root_path == value
