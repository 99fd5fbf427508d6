"""A server without authentication refuses what came through a proxy from elsewhere."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from agentos.auth.proxies import PROXY_HEADERS
from api.conftest import serving

AGENTS = "/api/v1/agents"
LOCAL = ("127.0.0.1", "127.0.0.1:50000", "::1", "[::1]:50000", "127.0.0.1, ::1", "localhost", "::ffff:127.0.0.1")
FOREIGN = (
    "198.51.100.7",
    "10.0.0.5",
    "2001:db8::1",
    "[2001:db8::1]:443",
    "127.0.0.1, 198.51.100.7",
    "198.51.100.7, 127.0.0.1",
    "unknown",
    "_hidden",
    "0.0.0.0",
    "127.0.0.1.example.com",
    "127.0.0.1 198.51.100.7",
    "127.0.0.1,",
    ",",
    "",
)
CLIENT = [name for name, (kind, _) in PROXY_HEADERS.items() if kind == "client"]
HOST = [name for name, (kind, _) in PROXY_HEADERS.items() if kind == "host"]
MARKS = [
    *[name for name, (kind, _) in PROXY_HEADERS.items() if kind == "mark"],
    *("x-forwarded-proto", "x-forwarded-port", "x-forwarded-server", "x-forwarded-anything"),
]


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    """One server for all rows: nothing that is asked here changes it."""
    with serving() as make:
        yield make().client


def ask(client: FlaskClient, headers: dict[str, str], path: str = AGENTS) -> Any:
    return client.get(path, headers=headers)


@pytest.mark.parametrize("value", FOREIGN)
@pytest.mark.parametrize("name", CLIENT)
def test_a_client_elsewhere_is_refused(client, name: str, value: str) -> None:
    answer = ask(client, {name: value})
    assert (answer.status_code, answer.json["code"]) == (403, "FORBIDDEN")
    for said in (name.title(), "AGENTOS_AUTH=api_key", "AGENTOS_ALLOW_ANONYMOUS=1"):
        assert said in answer.json["message"]


@pytest.mark.parametrize("value", LOCAL)
@pytest.mark.parametrize("name", CLIENT)
def test_a_client_on_this_machine_is_served(client, name: str, value: str) -> None:
    assert ask(client, {name: value}).status_code == 200


@pytest.mark.parametrize("name", HOST)
@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("localhost", 200),
        ("localhost:8443", 200),
        ("[::1]:8443", 200),
        ("agents.example.com", 403),
        ("localhost, agents.example.com", 403),
        ("localhost.example.com", 403),
        ("192.168.1.10:8080", 403),
        ("", 403),
    ],
)
def test_the_name_that_a_client_asked_for_has_to_be_this_machines(client, name: str, value: str, status: int) -> None:
    assert ask(client, {name: value}).status_code == status


@pytest.mark.parametrize("name", MARKS)
def test_a_proxy_has_to_say_that_its_client_is_on_this_machine(client, name: str) -> None:
    assert ask(client, {name: "1"}).status_code == 403
    assert ask(client, {name: "1", "X-Forwarded-Host": "localhost"}).status_code == 403
    assert ask(client, {name: "1", "X-Forwarded-For": "198.51.100.7"}).status_code == 403
    assert ask(client, {name: "1", "X-Forwarded-For": "127.0.0.1"}).status_code == 200
    assert ask(client, {name: "1", "Forwarded": "for=127.0.0.1"}).status_code == 200


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("for=127.0.0.1", 200),
        ("For=127.0.0.1", 200),
        ('for="127.0.0.1:47011"', 200),
        ('for="[::1]:47011"', 200),
        ('for="[::1]";proto=https;by=127.0.0.1;host=localhost', 200),
        ("for=127.0.0.1, for=127.0.0.2", 200),
        ('for=127.0.0.1 , for="\\[::1]"', 200),
        ("proto=https;for=127.0.0.1", 200),
        ('for=127.0.0.1;ext="a;b, for=198.51.100.7"', 200),
        ("for=198.51.100.7", 403),
        ('for="[2001:db8::1]:47011"', 403),
        ("for=127.0.0.1, for=198.51.100.7", 403),
        ("for=198.51.100.7,for=127.0.0.1", 403),
        ("for=198.51.100.7;for=127.0.0.1", 403),
        ("for=127.0.0.1;for=198.51.100.7", 403),
        ("FOR=198.51.100.7;for=127.0.0.1", 403),
        ("for=127.0.0.1;by=203.0.113.1", 403),
        ("for=127.0.0.1;host=agents.example.com", 403),
        ("for=unknown", 403),
        ("for=_hidden", 403),
        ('for=""', 403),
        ("for=", 403),
        ("proto=https", 403),
        ("host=localhost;proto=https", 403),
        ("for=127.0.0.1, proto=https", 403),
        ("127.0.0.1", 403),
        ("for 127.0.0.1", 403),
        ('for="127.0.0.1', 403),
        ('for="127.0.0.1"x', 403),
        ("for=127.0.0.1;", 403),
        ("for=127.0.0.1,", 403),
        ("", 403),
    ],
)
def test_forwarded_is_read_as_rfc_7239_writes_it(client, value: str, status: int) -> None:
    assert ask(client, {"Forwarded": value}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "X-Forwarded-Proto": "https", "Via": "1.1 a"}, 200),
        ({"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "198.51.100.7"}, 403),
        ({"X-Forwarded-For": "127.0.0.1", "CF-Connecting-IP": "198.51.100.7"}, 403),
        ({"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "agents.example.com"}, 403),
        ({"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=198.51.100.7"}, 403),
        ({"User-Agent": "curl/8.5", "X-Request-ID": "a", "Traceparent": "00-1-2-03", "Accept": "*/*"}, 200),
    ],
)
def test_each_header_has_to_fit(client, headers: dict[str, str], status: int) -> None:
    assert ask(client, headers).status_code == status


@pytest.mark.parametrize("path", ["/api/v1/agents", "/nowhere", "/docs", "/docs/start.js", "/openapi.yaml", "/"])
def test_every_address_is_kept_but_the_probes(client, path: str) -> None:
    assert ask(client, {"X-Real-IP": "198.51.100.7"}, path).status_code == 403
    for probe in ("/health", "/ready"):
        assert ask(client, {"X-Real-IP": "198.51.100.7"}, probe).status_code == 200


def test_a_long_hostile_header_is_read_at_once(client) -> None:
    for value in ('for="' + "\\" * 8000, "for=127.0.0.1;" * 500, "a" * 8000, 'for="' * 1500):
        assert ask(client, {"Forwarded": value}).status_code == 403


def test_a_server_that_everybody_may_use_believes_its_proxy(serve) -> None:
    client = serve(allow_anonymous=True).client
    assert ask(client, {"X-Forwarded-For": "198.51.100.7", "Via": "1.1 proxy"}).status_code == 200
