"""Authenticators that plugins bring: they are asked in the order of `AGENTOS_AUTH`, and none can open by mistake."""

from collections.abc import Callable
from typing import Any

import pytest

from agentos import Credentials, Principal, Unauthenticated, hookimpl
from agentos.errors import AuthenticationUnavailable, ConfigError, PluginError
from api.conftest import Served

AGENTS = "/api/v1/agents"


class Doorman:
    """A plugin with one authenticator, which does what the test says and remembers whom it was asked about."""

    def __init__(self, name: str, decide: Callable[[Credentials], Any]) -> None:
        self.name = name
        self.asked: list[Credentials] = []
        self._decide = decide

    @hookimpl
    def register_authenticators(self, register) -> None:
        register(self.name, lambda config, storage: self)

    def authenticate(self, credentials: Credentials) -> Any:
        self.asked.append(credentials)
        return self._decide(credentials)


def raising(error: Exception) -> Callable[[Credentials], Any]:
    def decide(_: Credentials) -> Any:
        raise error

    return decide


def known(_: Credentials) -> Principal:
    return Principal(id="badge:7", owner="alice", scopes=["agents:read"])


def nobody(_: Credentials) -> None:
    return None


@pytest.fixture
def guard(serve) -> Callable[..., Served]:
    def make(*doormen: Doorman, **settings: Any) -> Served:
        plugins = {doorman.name: doorman for doorman in doormen}
        return serve(plugins=plugins, **{"auth": tuple(plugins), **settings})

    return make


def test_it_is_told_what_a_request_says_of_its_sender(guard):
    badge = Doorman("badge", known)
    guard(badge).client.get(f"{AGENTS}/assistant?x=1", headers={"X-Badge": "Seven"})
    (credentials,) = badge.asked
    assert (credentials.method, credentials.path, credentials.address) == ("GET", f"{AGENTS}/assistant", "127.0.0.1")
    assert credentials.headers["x-badge"] == "Seven"
    assert "Seven" not in repr(credentials)


def test_it_decides_what_a_caller_may(guard):
    client = guard(Doorman("badge", known)).client
    assert client.get(AGENTS).status_code == 200
    assert client.get("/api/v1/sessions").status_code == 403


def test_who_is_not_its_own_is_the_next_ones(guard):
    first, second = Doorman("first", nobody), Doorman("second", known)
    assert guard(first, second).client.get(AGENTS).status_code == 200
    assert (len(first.asked), len(second.asked)) == (1, 1)


def test_who_is_nobodys_is_refused(guard):
    assert guard(Doorman("first", nobody), Doorman("second", nobody)).client.get(AGENTS).status_code == 401


def test_who_is_refused_by_one_is_not_shown_to_the_next(guard):
    second = Doorman("second", known)
    answer = guard(Doorman("first", raising(Unauthenticated("your badge is void"))), second).client.get(AGENTS)
    assert (answer.status_code, answer.json["message"]) == (401, "your badge is void")
    assert second.asked == []


def test_the_setting_gives_the_order_and_leaves_out(guard):
    first, second, third = (Doorman(name, known) for name in ("first", "second", "third"))
    guard(first, second, third, auth=("third", "first")).client.get(AGENTS)
    assert [len(doorman.asked) for doorman in (first, second, third)] == [0, 0, 1]


@pytest.mark.parametrize(
    ("decide", "status"),
    [
        (raising(RuntimeError("the secret is geheim")), 500),
        (raising(ValueError()), 500),
        (raising(AuthenticationUnavailable("the directory is away")), 503),
        (lambda _: True, 500),
        (lambda _: "alice", 500),
        (lambda _: {"owner": "alice", "scopes": ["admin"]}, 500),
        (lambda _: Principal(id="x", owner="", scopes=["admin"]), 500),
    ],
)
def test_one_that_fails_lets_nobody_through(guard, decide, status):
    second = Doorman("second", known)
    answer = guard(Doorman("first", decide), second).client.get(AGENTS)
    assert answer.status_code == status
    assert "geheim" not in answer.text
    assert second.asked == []


def test_health_is_asked_about_nobody(guard):
    badge = Doorman("badge", raising(RuntimeError()))
    client = guard(badge).client
    assert (client.get("/health").status_code, client.get("/ready").status_code) == (200, 200)
    assert badge.asked == []


def test_a_server_does_not_start_without_one_that_it_is_told_to_ask(guard):
    with pytest.raises(
        ConfigError, match="AGENTOS_AUTH names 'badge', which is not installed; installed are api_key, jwt"
    ):
        guard(auth=("api_key", "badge"))


def test_a_server_does_not_start_when_one_that_it_asks_is_broken(guard):
    class Broken(Doorman):
        @hookimpl
        def register_authenticators(self, register) -> None:
            super().register_authenticators(register)
            raise RuntimeError("no licence")

    with pytest.raises(ConfigError, match="AGENTOS_AUTH names 'badge', which is not installed"):
        guard(Broken("badge", known))


def test_a_plugin_cannot_take_the_place_of_the_cores(guard):
    with pytest.raises(
        PluginError, match="authenticator 'api_key' of 'api_key' is already there: 'core' registered it"
    ):
        guard(Doorman("api_key", known), plugins_strict=True)
    assert guard(Doorman("api_key", known)).client.get(AGENTS).status_code == 401
