"""Rate limits over HTTP: who is counted, what is not, and what a refusal says."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from agentos.api.kit.errors import OUTAGES
from agentos.auth.authenticator import Credentials
from agentos.domain.principal import Principal
from agentos.errors import AuthenticationUnavailable, Unauthenticated
from agentos.hookspecs import hookimpl

AGENTS = "/api/v1/agents"


class Keys:
    """Takes every key for good that does not say that it is bad; the key names its caller."""

    def authenticate(self, credentials: Credentials) -> Principal | None:
        if credentials.bearer is None:
            return None
        if credentials.bearer == "later":
            raise AuthenticationUnavailable("try again")
        if credentials.bearer == "bad":
            raise Unauthenticated("the key is not valid")
        return Principal(id=f"key:{credentials.bearer}", owner="me", scopes=["agents:read"])

    @hookimpl
    def register_authenticators(self, register: Callable[..., None]) -> None:
        register("keys", lambda config, storage: self)


@pytest.fixture
def guarded(serve) -> Callable[..., FlaskClient]:
    """Make servers with authentication and limits."""
    return lambda **settings: serve(plugins={"keys": Keys()}, auth=("keys",), **settings).client


def statuses(client: FlaskClient, times: int, *, key: str = "", peer: str = "127.0.0.1", forwarded: str = "") -> Any:
    headers = {
        **({"Authorization": f"Bearer {key}"} if key else {}),
        **({"X-Forwarded-For": forwarded} if forwarded else {}),
    }
    environ = {"REMOTE_ADDR": peer}
    return [client.get(AGENTS, headers=headers, environ_overrides=environ).status_code for _ in range(times)]


def test_without_a_setting_there_is_no_limit(client: FlaskClient) -> None:
    assert statuses(client, 50) == [200] * 50


def test_a_refusal_says_which_limit_and_when_to_come_back(serve) -> None:
    client = serve(rate_limit="2/hour").client
    assert statuses(client, 2) == [200, 200]
    refused = client.get(AGENTS)
    assert (refused.status_code, refused.json["code"]) == (429, "RATE_LIMITED")
    assert "2/3600s" in refused.json["message"]
    assert "AGENTOS_RATE_LIMIT" in refused.json["message"]
    assert 1700 < int(refused.headers["Retry-After"]) <= 1800


def test_a_refused_run_has_not_begun(serve) -> None:
    served = serve(rate_limit="1/hour")
    assert statuses(served.client, 1) == [200]
    assert served.run("x").status_code == 429
    assert served.stream("x").status_code == 429
    assert served.provider.requests == []


def test_a_key_is_counted_wherever_it_is_used_and_others_are_not(guarded) -> None:
    client = guarded(rate_limit="2/hour", address_rate_limit="100/hour")
    assert statuses(client, 2, key="a", peer="192.0.2.1") == [200, 200]
    assert statuses(client, 1, key="a", peer="192.0.2.2") == [429]
    assert statuses(client, 2, key="b", peer="192.0.2.1") == [200, 200]


def test_an_address_is_counted_whatever_keys_it_tries(guarded) -> None:
    client = guarded(address_rate_limit="3/hour")
    assert statuses(client, 2, key="bad", peer="192.0.2.1") == [401, 401]
    assert statuses(client, 1, peer="192.0.2.1") == [401]
    assert statuses(client, 1, key="good", peer="192.0.2.1") == [429]
    assert statuses(client, 1, key="good", peer="192.0.2.2") == [200]


def test_a_bad_key_uses_up_nothing_of_a_good_one(guarded) -> None:
    client = guarded(rate_limit="2/hour", address_rate_limit="100/hour")
    assert statuses(client, 5, key="bad") == [401] * 5
    assert statuses(client, 3, key="good") == [200, 200, 429]


def test_by_default_an_address_is_counted_when_it_has_no_valid_credential_and_a_good_key_passes(guarded) -> None:
    client = guarded(rate_limit="none", failed_auth_rate_limit="3/hour")
    broken, other = "192.0.2.1", "192.0.2.2"
    assert statuses(client, 100, key="good", peer=broken) == [200] * 100
    assert statuses(client, 2, key="bad", peer=broken) == [401, 401]
    assert statuses(client, 3, peer=broken) == [401, 429, 429]
    assert statuses(client, 2, key="bad", peer=broken) == [429, 429]
    assert statuses(client, 3, key="good", peer=broken) == [200] * 3
    assert statuses(client, 1, key="bad", peer=other) == [401]


def test_a_refusal_of_failures_says_which_limit_and_when_to_come_back(guarded) -> None:
    client = guarded(failed_auth_rate_limit="1/hour")
    assert statuses(client, 1) == [401]
    refused = client.get(AGENTS)
    assert (refused.status_code, refused.json["code"]) == (429, "RATE_LIMITED")
    assert "without a valid credential" in refused.json["message"]
    assert "AGENTOS_FAILED_AUTH_RATE_LIMIT" in refused.json["message"]
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600


def test_a_credential_that_cannot_be_checked_now_is_no_failure(guarded) -> None:
    client = guarded(failed_auth_rate_limit="1/hour")
    assert statuses(client, 3, key="later") == [503] * 3
    assert statuses(client, 2, key="bad") == [401, 429]


def test_credentials_that_cannot_be_checked_now_write_one_line_beside_those_of_the_requests(
    guarded, log_records: Callable[[str], list[Any]]
) -> None:
    OUTAGES["AUTHENTICATION_UNAVAILABLE"].forget()
    statuses(guarded(), 20, key="later")
    assert [record.code for record in log_records("agentos.api.kit.errors")] == ["AUTHENTICATION_UNAVAILABLE"]


def test_two_credentials_are_a_failure(guarded) -> None:
    client = guarded(failed_auth_rate_limit="1/hour")
    both = {"Authorization": "Bearer good", "X-API-Key": "other"}
    assert [client.get(AGENTS, headers=both).status_code for _ in range(2)] == [401, 429]


def test_with_keys_the_limit_of_a_key_is_none_of_its_address(guarded) -> None:
    client = guarded(rate_limit="2/hour")
    assert [statuses(client, 2, key=f"user-{n}", peer="192.0.2.1") for n in range(5)] == [[200, 200]] * 5
    assert statuses(client, 1, key="user-0", peer="192.0.2.2") == [429]


def test_failures_count_the_address_that_the_proxy_added(guarded) -> None:
    client = guarded(failed_auth_rate_limit="1/hour", proxy_hops=1)
    assert statuses(client, 1, key="bad", forwarded="198.51.100.1, 192.0.2.1") == [401]
    assert statuses(client, 1, key="bad", forwarded="198.51.100.2, 192.0.2.1") == [429]
    assert statuses(client, 1, key="bad", forwarded="198.51.100.1, 192.0.2.2") == [401]


def test_probes_are_neither_counted_nor_refused(serve) -> None:
    client = serve(rate_limit="1/hour").client
    for path in ("/health", "/ready"):
        assert [client.get(path).status_code for _ in range(3)] == [200] * 3
    assert statuses(client, 2) == [200, 429]
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("path", ["/nowhere", "/docs", "/openapi.yaml", "/api/v1/agents/none"])
def test_everything_else_is_counted(serve, path: str) -> None:
    client = serve(rate_limit="1/hour").client
    client.get(path)
    assert client.get(path).status_code == 429


def test_without_proxies_what_a_client_says_of_its_address_is_not_believed(guarded) -> None:
    client = guarded(address_rate_limit="2/hour")
    seen = [statuses(client, 1, key="a", forwarded=f"198.51.100.{number}") for number in range(3)]
    assert seen == [[200], [200], [429]]


@pytest.mark.parametrize("spoofed", ["", "198.51.100.{n}, ", "203.0.113.9, 198.51.100.{n}, ", "unknown, , {n}, "])
def test_behind_one_proxy_the_address_that_it_added_counts(guarded, spoofed: str) -> None:
    client = guarded(address_rate_limit="2/hour", proxy_hops=1)
    sent = [f"{spoofed.format(n=number)}192.0.2.1" for number in range(3)]
    assert [statuses(client, 1, key="a", forwarded=one) for one in sent] == [[200], [200], [429]]
    assert statuses(client, 1, key="a", forwarded="192.0.2.2") == [200]


def test_behind_two_proxies_the_one_before_last_counts(guarded) -> None:
    client = guarded(address_rate_limit="2/hour", proxy_hops=2)
    sent = [f"198.51.100.{number}, 192.0.2.1, 10.0.0.{number}" for number in range(3)]
    assert [statuses(client, 1, key="a", forwarded=one) for one in sent] == [[200], [200], [429]]


def test_with_fewer_entries_than_proxies_the_connection_counts(guarded) -> None:
    client = guarded(address_rate_limit="2/hour", proxy_hops=2)
    sent = [f"198.51.100.{number}" for number in range(3)]
    assert [statuses(client, 1, key="a", forwarded=one) for one in sent] == [[200], [200], [429]]


def test_the_log_has_the_address_that_counts(guarded, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "agentos.requests")
    statuses(guarded(proxy_hops=1), 1, key="a", forwarded="198.51.100.1, 192.0.2.1")
    statuses(guarded(), 1, key="a", forwarded="198.51.100.1, 192.0.2.1")
    assert [record.ip for record in caplog.records if record.name == "agentos.requests"] == ["192.0.2.1", "127.0.0.1"]
