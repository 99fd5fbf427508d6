"""A server without authentication serves its own machine alone, under whatever WSGI server it runs."""

from typing import Any

import pytest

RUN = "/api/v1/agents/scripted/run"


def status(client: Any, path: str = "/api/v1/agents", *, peer: str = "127.0.0.1", **headers: str) -> int:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.get(path, headers=sent, environ_overrides={"REMOTE_ADDR": peer})
    assert answer.status_code == 200 or answer.json["code"] == "FORBIDDEN"
    return int(answer.status_code)


STRANGERS = [
    {"peer": "192.0.2.1"},
    {"peer": "2001:db8::1", "Host": "localhost"},
    {"Host": "evil.example.com"},
    {"Host": "agents.example.com:8080"},
    {"X_Forwarded_For": "198.51.100.1"},
]


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("path", ["/api/v1/agents", "/nowhere", "/", "/docs", "/docs/start.js", "/openapi.yaml"])
def test_strangers_get_nothing(client, stranger, path) -> None:
    assert status(client, path, **stranger) == 403


def test_a_strangers_run_does_not_begin(served) -> None:
    answer = served.client.post(RUN, json={"input": "x"}, headers={"Host": "evil.example.com"})
    assert answer.status_code == 403
    assert "AGENTOS_AUTH=api_key" in answer.json["message"]
    assert served.provider.requests == []


@pytest.mark.parametrize(
    "local", [{}, {"peer": "::1"}, {"peer": ""}, {"Host": "[::1]:8080"}, {"X_Forwarded_For": "127.0.0.1"}]
)
def test_this_machine_is_served(client, local) -> None:
    assert status(client, **local) == 200


def test_what_a_proxy_says_does_not_make_a_stranger_local(serve) -> None:
    assert status(serve(proxy_hops=1).client, peer="192.0.2.1", X_Forwarded_For="127.0.0.1") == 403


@pytest.mark.parametrize("stranger", STRANGERS)
def test_probes_are_answered_to_everybody(client, stranger) -> None:
    assert status(client, "/health", **stranger) == 200


@pytest.mark.parametrize("stranger", STRANGERS)
def test_everybody_is_served_where_that_is_allowed(serve, stranger) -> None:
    assert status(serve(allow_anonymous=True).client, **stranger) == 200
