"""Which pages may call from a browser, what they may read, and what they are told beforehand."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from agentos.auth.authenticator import Credentials
from agentos.domain.principal import Principal
from agentos.errors import Unauthenticated
from agentos.hookspecs import hookimpl

RUN = "/api/v1/agents/scripted/run"
APP, DEV = "https://app.example.com", "http://[::1]:3000"
GOOD = {"Authorization": "Bearer good"}


class OneKey:
    """Knows one key, which may read agents."""

    def authenticate(self, credentials: Credentials) -> Principal | None:
        if credentials.bearer is None:
            return None
        if credentials.bearer != "good":
            raise Unauthenticated("the key is not valid")
        return Principal(id="key:good", owner="me", scopes=["agents:read"])

    @hookimpl
    def register_authenticators(self, register: Callable[..., None]) -> None:
        register("one", lambda config, storage: self)


@pytest.fixture
def guarded(serve) -> FlaskClient:
    """A server with authentication and a limit of three requests an hour to each key."""
    limits = {"rate_limit": "3/hour", "address_rate_limit": "1000/hour"}
    return serve(plugins={"one": OneKey()}, auth=("one",), allow_origins=(APP, DEV), **limits).client


def cors(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers if name.startswith("Access-Control")}


def preflight(client: FlaskClient, path: str, origin: str = APP, method: str = "POST", headers: str = "") -> Any:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return client.options(path, headers={**asked, **({"Access-Control-Request-Headers": headers} if headers else {})})


ANSWERS = [
    ("GET", "/health", {}, 200),
    ("GET", "/api/v1/agents", GOOD, 200),
    ("GET", "/docs", GOOD, 200),
    ("POST", f"{RUN}/stream", GOOD, 403),
    ("GET", "/api/v1/agents", {}, 401),
    ("GET", "/api/v1/agents", {"Authorization": "Bearer bad"}, 401),
    ("GET", "/nowhere", GOOD, 404),
    ("GET", "/nowhere", {}, 401),
    ("PUT", "/health", GOOD, 405),
    ("OPTIONS", "/api/v1/agents", GOOD, 200),
]


@pytest.mark.parametrize("origin", [APP, DEV])
@pytest.mark.parametrize(("method", "path", "headers", "status"), ANSWERS)
def test_a_configured_origin_may_read_every_answer(guarded, origin, method, path, headers, status) -> None:
    json = {"input": "x"} if method == "POST" else None
    answer = guarded.open(path, method=method, json=json, headers={**headers, "Origin": origin})
    assert answer.status_code == status
    assert answer.headers.getlist("Access-Control-Allow-Origin") == [origin]
    assert set(answer.headers["Access-Control-Expose-Headers"].split(", ")) == {
        *("ETag", "Idempotency-Replayed", "Location", "Retry-After", "WWW-Authenticate", "X-Request-ID", "X-Run-ID"),
        "x-should-retry",
    }
    assert answer.headers.getlist("Vary") == ["Origin"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("origin", [None, "https://evil.example.com"])
@pytest.mark.parametrize(("method", "path", "headers", "status"), ANSWERS)
def test_no_other_origin_may_and_no_cache_may_mix_them_up(guarded, origin, method, path, headers, status) -> None:
    json = {"input": "x"} if method == "POST" else None
    sent = {**headers, **({"Origin": origin} if origin else {})}
    answer = guarded.open(path, method=method, json=json, headers=sent)
    assert (answer.status_code, cors(answer)) == (status, {})
    assert answer.headers.getlist("Vary") == ["Origin"]


def test_a_run_and_a_stream_may_be_read_too(serve) -> None:
    served = serve(allow_origins=(APP,))
    for path in (RUN, f"{RUN}/stream"):
        answer = served.client.post(path, json={"input": "x"}, headers={"Origin": APP})
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert answer.headers.getlist("Vary") == ["Origin"]


def test_a_page_may_read_that_it_asks_too_often_and_preflights_do_not_count(guarded) -> None:
    sent = {**GOOD, "Origin": APP}
    for _ in range(3):
        assert preflight(guarded, "/api/v1/agents").status_code == 204
        assert guarded.get("/api/v1/agents", headers=sent).status_code == 200
    refused = guarded.get("/api/v1/agents", headers=sent)
    assert refused.status_code == 429
    assert refused.headers["Access-Control-Allow-Origin"] == APP
    assert refused.headers["Vary"] == "Origin"
    assert int(refused.headers["Retry-After"]) > 0
    assert preflight(guarded, "/api/v1/agents").status_code == 204


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example.com",
        "https://app.example.com.evil.org",
        "https://evil.org/https://app.example.com",
        "https://evil-app.example.com",
        "https://appXexample.com",
        "https://app.example.co",
        "https://sub.app.example.com",
        "https://user@app.example.com",
        "https://app.example.com@evil.org",
        "http://app.example.com",
        "HTTPS://APP.EXAMPLE.COM",
        "https://App.example.com",
        "https://app.example.com:8443",
        "https://app.example.com:443",
        "https://app.example.com/",
        "https://app.example.com ",
        "https://app.example.com, https://evil.org",
        "https://app.example.com https://evil.org",
        "https://app.example.com.",
        "app.example.com",
        "http://[::1]:30001",
        "http://[::1]",
        "http://:",
        "null",
        "*",
        ".*",
        "",
    ],
)
def test_what_only_looks_like_a_configured_origin_is_none(guarded, origin: str) -> None:
    for answer in (guarded.get("/health", headers={"Origin": origin}), preflight(guarded, RUN, origin)):
        assert cors(answer) == {}
        assert answer.headers.getlist("Vary") == ["Origin"]


@pytest.mark.parametrize(
    ("configured", "sent"),
    [
        ("https://App.Example.com", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("http://app.example.com:80", "http://app.example.com"),
        ("http://[::1]:80", "http://[::1]"),
        ("https://app.example.com:80", "https://app.example.com:80"),
    ],
)
def test_an_origin_is_what_a_browser_makes_of_it(serve, configured: str, sent: str) -> None:
    answer = serve(allow_origins=(configured,)).client.get("/health", headers={"Origin": sent})
    assert answer.headers["Access-Control-Allow-Origin"] == sent


@pytest.mark.parametrize("path", [RUN, f"{RUN}/stream", "/api/v1/sessions", "/health", "/nowhere"])
def test_a_preflight_is_answered_without_a_credential(guarded, path: str) -> None:
    answer = preflight(guarded, path, headers="content-type, authorization, x-evil")
    assert (answer.status_code, answer.data) == (204, b"")
    assert "Content-Type" not in answer.headers
    found = cors(answer)
    assert found["Access-Control-Allow-Origin"] == APP
    assert found["Access-Control-Allow-Methods"].split(", ") == ["DELETE", "GET", "OPTIONS", "POST", "PUT"]
    assert found["Access-Control-Allow-Headers"] == "authorization, content-type"
    assert int(found["Access-Control-Max-Age"]) > 0
    assert "Access-Control-Allow-Credentials" not in found
    assert answer.headers.getlist("Vary") == ["Origin"]


def test_a_preflight_for_a_method_that_is_not_allowed_names_none(guarded) -> None:
    assert "Access-Control-Allow-Methods" not in preflight(guarded, RUN, method="PATCH").headers


def test_options_without_a_preflight_need_a_credential_like_all_else(guarded) -> None:
    assert guarded.options(RUN, headers={"Origin": APP}).status_code == 401
    assert guarded.options(RUN, headers={"Access-Control-Request-Method": "POST"}).status_code == 401


def test_a_star_lets_every_page_in_without_credentials(serve) -> None:
    client = serve(allow_origins=("*",)).client
    for answer in (
        client.get("/health", headers={"Origin": "https://anywhere.org"}),
        client.get("/health", headers={"Origin": "null"}),
        client.get("/health"),
        client.get("/nowhere"),
        preflight(client, RUN, "https://anywhere.org"),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_without_configured_origins_there_is_no_cors(client: FlaskClient) -> None:
    for answer in (client.get("/health", headers={"Origin": APP}), preflight(client, RUN)):
        assert cors(answer) == {}
        assert "Vary" not in answer.headers
