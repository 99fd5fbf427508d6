"""A server without authentication is used by its own pages and allowed ones; other sites' pages get nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from api.conftest import serving

AGENTS = "/api/v1/agents"
RUN = "/api/v1/agents/scripted/run"
DEV = "http://localhost:3000"
ALLOWED = ("https://app.example.com", "http://[::1]:3000", "https://other.example.com:443")


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    """One server for all rows: nothing that is asked here changes it."""
    with serving() as make:
        yield make().client


def ask(
    client: FlaskClient, headers: dict[str, str], path: str = AGENTS, method: str = "GET", scheme: str = "http"
) -> Any:
    """Ask as a browser does; the server is 127.0.0.1:8080 unless the headers say otherwise."""
    sent = {"Host": "127.0.0.1:8080", **headers}
    return client.open(path, method=method, headers=sent, environ_overrides={"wsgi.url_scheme": scheme})


SITE = "Sec-Fetch-Site"
CASES: list[tuple[dict[str, str], int]] = [
    # Programs, and people at the address bar.
    ({}, 200),
    ({SITE: "none"}, 200),
    ({SITE: "none", "Sec-Fetch-Mode": "navigate"}, 200),
    # The server's own pages.
    ({SITE: "same-origin"}, 200),
    ({"Origin": "http://127.0.0.1:8080"}, 200),
    ({"Origin": "http://127.0.0.1:8080", SITE: "same-origin"}, 200),
    ({"Origin": "http://localhost:8080", "Host": "localhost:8080"}, 200),
    ({"Origin": "http://localhost:8080", "Host": "LOCALHOST:8080"}, 200),
    ({"Origin": "http://localhost", "Host": "localhost"}, 200),
    ({"Origin": "http://localhost", "Host": "localhost:80"}, 200),
    ({"Origin": "http://[::1]:8080", "Host": "[::1]:8080"}, 200),
    # Other sites' pages, also those of this machine.
    ({SITE: "cross-site"}, 403),
    ({SITE: "same-site"}, 403),
    ({SITE: "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403),
    ({SITE: "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403),
    ({SITE: "Same-Origin"}, 403),
    ({SITE: "same-origin,cross-site"}, 403),
    ({SITE: "somewhere"}, 403),
    ({SITE: ""}, 403),
    ({"Origin": "https://evil.example.com"}, 403),
    ({"Origin": "https://evil.example.com", SITE: "cross-site"}, 403),
    ({"Origin": DEV}, 403),
    ({"Origin": DEV, SITE: "same-site"}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "null", SITE: "same-origin"}, 403),
    ({"Origin": ""}, 403),
    ({"Origin": "https://127.0.0.1:8080"}, 403),
    ({"Origin": "http://127.0.0.1:8081"}, 403),
    ({"Origin": "http://127.0.0.1"}, 403),
    ({"Origin": "http://localhost:8080"}, 403),
    ({"Origin": "http://[::1]:8080"}, 403),
    ({"Origin": "http://127.0.0.1:8080, https://evil.example.com"}, 403),
    ({"Origin": "http://127.0.0.1:8080.evil.example.com"}, 403),
    ({"Origin": "http://127.0.0.1:8080@evil.example.com"}, 403),
    ({"Origin": "http://127.0.0.1:8080/"}, 403),
    ({"Origin": "127.0.0.1:8080"}, 403),
    ({"Origin": "file://"}, 403),
    ({"Origin": "chrome-extension://abcdefgh"}, 403),
    # When two disagree, the stricter wins.
    ({"Origin": "https://evil.example.com", SITE: "same-origin"}, 403),
    ({"Origin": "https://evil.example.com", SITE: "none"}, 403),
    ({"Origin": "http://127.0.0.1:8080", SITE: "cross-site"}, 403),
    ({"Origin": "http://127.0.0.1:8080", SITE: "same-site"}, 403),
    # DNS rebinding: the page's own name leads here.
    ({"Origin": "http://evil.example.com:8080", "Host": "evil.example.com:8080", SITE: "same-origin"}, 403),
    ({"Host": "evil.example.com:8080", SITE: "same-origin"}, 403),
]


@pytest.mark.parametrize(("headers", "status"), CASES)
def test_which_pages_may_read(client, headers: dict[str, str], status: int) -> None:
    answer = ask(client, headers)
    assert answer.status_code == status
    assert status == 200 or answer.json["code"] == "FORBIDDEN"
    assert not any(name.startswith("Access-Control") for name, _ in answer.headers)


@pytest.mark.parametrize(("headers", "status"), CASES)
def test_which_pages_may_act(served, headers: dict[str, str], status: int) -> None:
    sent = {"Host": "127.0.0.1:8080", **headers}
    answer = served.client.post(RUN, json={"input": "x"}, headers=sent)
    assert answer.status_code == status
    assert len(served.provider.requests) == (1 if status == 200 else 0)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://app.example.com", SITE: "cross-site"}, 200),
        ({"Origin": "https://app.example.com"}, 200),
        ({"Origin": "http://[::1]:3000", SITE: "same-site"}, 200),
        ({"Origin": "https://other.example.com", SITE: "cross-site"}, 200),
        ({"Origin": "http://127.0.0.1:8080", SITE: "same-origin"}, 200),
        ({}, 200),
        ({"Origin": "https://app.example.com:8443", SITE: "cross-site"}, 403),
        ({"Origin": "https://App.example.com"}, 403),
        ({"Origin": "http://app.example.com"}, 403),
        ({"Origin": "https://sub.app.example.com"}, 403),
        ({"Origin": "https://app.example.com, https://evil.example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({SITE: "cross-site"}, 403),
        ({"Origin": "https://app.example.com", "X-Real-IP": "198.51.100.7"}, 403),
        ({"Origin": "https://app.example.com", "Host": "evil.example.com"}, 403),
    ],
)
def test_allowed_origins_may_call(serve, headers: dict[str, str], status: int) -> None:
    client = serve(allow_origins=ALLOWED).client
    assert ask(client, headers).status_code == status
    body = {"input": "x"}
    assert client.post(RUN, json=body, headers={"Host": "127.0.0.1:8080", **headers}).status_code == status


def test_with_a_star_every_page_may_call(serve) -> None:
    client = serve(allow_origins=("*",)).client
    for headers in ({"Origin": "https://a.org", SITE: "cross-site"}, {"Origin": "null"}, {SITE: "cross-site"}):
        assert ask(client, headers).status_code == 200


def test_behind_tls_the_own_origin_is_https(client) -> None:
    assert ask(client, {"Origin": "https://127.0.0.1:8080"}, scheme="https").status_code == 200
    assert ask(client, {"Origin": "https://localhost", "Host": "localhost"}, scheme="https").status_code == 200
    assert ask(client, {"Origin": "http://127.0.0.1:8080"}, scheme="https").status_code == 403


NAVIGATION = {SITE: "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/docs", NAVIGATION, 200),
        ("GET", "/docs/", NAVIGATION, 200),
        ("GET", "/", NAVIGATION, 200),
        ("GET", "/docs", {SITE: "same-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ("GET", "/docs", {**NAVIGATION, "Sec-Fetch-Dest": "iframe"}, 403),
        ("GET", "/docs", {**NAVIGATION, "Sec-Fetch-Mode": "cors", "Origin": "https://evil.example.com"}, 403),
        ("GET", "/docs", {**NAVIGATION, "Sec-Fetch-Mode": "no-cors"}, 403),
        ("POST", "/docs", {**NAVIGATION, "Origin": "https://evil.example.com"}, 403),
        ("GET", "/docs/swagger-ui.css", NAVIGATION, 403),
        ("GET", "/openapi.yaml", NAVIGATION, 403),
        ("GET", AGENTS, NAVIGATION, 403),
        ("GET", "/api/v1/sessions", NAVIGATION, 403),
        ("GET", "/nowhere", NAVIGATION, 403),
        ("GET", "/docs", {**NAVIGATION, "X-Forwarded-For": "198.51.100.7"}, 403),
        ("GET", "/docs", {**NAVIGATION, "Host": "evil.example.com"}, 403),
    ],
)
def test_a_link_may_lead_to_a_page_and_not_to_the_api(
    client, method: str, path: str, headers: Any, status: int
) -> None:
    assert ask(client, headers, path, method).status_code == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", RUN),
        ("POST", f"{RUN}/stream"),
        ("POST", "/api/v1/sessions"),
        ("POST", "/api/v1/agents"),
        ("POST", "/api/v1/runs/none/cancel"),
        ("POST", "/api/v1/sessions/none/summary"),
        ("DELETE", "/api/v1/sessions/none"),
        ("PUT", "/api/v1/agents/none"),
        ("GET", "/nowhere"),
    ],
)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json", None])
def test_no_simple_request_of_another_site_reaches_anything(served, method: str, path: str, kind: str | None) -> None:
    """What a form or fetch() sends without a preflight."""
    headers = {"Origin": "https://evil.example.com", SITE: "cross-site"}
    answer = served.client.open(path, method=method, data='{"input": "x"}', content_type=kind, headers=headers)
    assert answer.status_code == 403
    assert served.provider.requests == []
    assert served.services.storage.agents.list(limit=1) == []


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"])
def test_a_body_is_json_by_its_type_whatever_it_holds(served, kind: str) -> None:
    answer = served.client.post(RUN, data='{"input": "x"}', content_type=kind)
    assert answer.status_code == 415
    assert served.provider.requests == []


@pytest.mark.parametrize("allowed", [(), ("https://app.example.com",)])
@pytest.mark.parametrize("path", [AGENTS, RUN, "/nowhere"])
def test_a_preflight_of_another_site_is_refused(serve, allowed: tuple[str, ...], path: str) -> None:
    served = serve(allow_origins=allowed)
    for origin in ("https://evil.example.com", "null", DEV):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST", SITE: "cross-site"}
        answer = served.client.options(path, headers=asked)
        assert answer.status_code == 403
        assert not any(name.startswith("Access-Control") for name, _ in answer.headers)


def test_a_preflight_of_an_allowed_site_is_answered(serve) -> None:
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST", SITE: "cross-site"}
    answer = serve(allow_origins=ALLOWED).client.options(RUN, headers=asked)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Origin": DEV, SITE: "same-site"}, f"set AGENTOS_ALLOW_ORIGINS={DEV}"),
        ({"Origin": "http://[::1]:3000"}, "set AGENTOS_ALLOW_ORIGINS=http://[::1]:3000"),
        ({"Origin": "null"}, "Serve the page over http or https and name its origin"),
        ({"Origin": "chrome-extension://abcdefgh"}, "Serve the page over http or https and name its origin"),
        ({"Origin": "http://a; rm -rf /"}, "as in AGENTOS_ALLOW_ORIGINS=http://localhost:3000"),
        ({SITE: "cross-site"}, "name the page's origin in AGENTOS_ALLOW_ORIGINS"),
    ],
)
def test_the_refusal_says_what_to_set(client, headers: dict[str, str], said: str) -> None:
    assert said in ask(client, headers).json["message"]


def test_what_the_refusal_says_works(serve) -> None:
    message = ask(serve().client, {"Origin": DEV}).json["message"]
    origin = message.partition("AGENTOS_ALLOW_ORIGINS=")[2]
    assert ask(serve(allow_origins=origin).client, {"Origin": DEV}).status_code == 200


@pytest.mark.parametrize("settings", [{"allow_anonymous": True}])
def test_where_everybody_may_call_pages_may_too(serve, settings: Any) -> None:
    assert ask(serve(**settings).client, {"Origin": "https://a.org", SITE: "cross-site"}).status_code == 200
