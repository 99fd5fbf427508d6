"""Tests that every authenticator should pass."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from agentos.auth.authenticator import Authenticator, Credentials
from agentos.domain.principal import OWNER, Principal
from agentos.errors import Unauthenticated

CUT = 4
"""Characters that are cut off a valid credential. Of an encoded one, the last alone may hold nothing that counts."""

GARBAGE = ("", " ", "\x00", "é\xff", "." * 3, "a.b.c", "x" * 8000, "%00", "null", "{}", "=" * 9)


def credentials(headers: Mapping[str, str]) -> Credentials:
    """Return what a request with these headers says about its sender."""
    lower = {name.lower(): value for name, value in headers.items()}
    return Credentials(method="GET", path="/api/v1/agents", address="192.0.2.1", headers=lower)


class AuthenticatorContract:
    """Derive a test class from it and give it the fixtures ``authenticator``, ``known`` and ``refused``.

    ``known`` are the headers of a request by a caller that it knows. ``refused`` are those of a request with a
    credential of its kind that is not valid: expired, revoked, made by another issuer, or invented.

        class TestMine(AuthenticatorContract):
            @pytest.fixture
            def authenticator(self):
                return MyAuthenticator(Config(environ={}))

            @pytest.fixture
            def known(self):
                return {"Authorization": "Bearer the-right-one"}

            @pytest.fixture
            def refused(self):
                return {"Authorization": "Bearer a-wrong-one"}
    """

    @pytest.fixture
    def authenticator(self) -> Authenticator:
        """Return the authenticator under test."""
        raise NotImplementedError("define the fixture 'authenticator'")

    @pytest.fixture
    def known(self) -> Mapping[str, str]:
        """Return the headers of a caller that it knows."""
        raise NotImplementedError("define the fixture 'known'")

    @pytest.fixture
    def refused(self) -> Mapping[str, str]:
        """Return headers with a credential of its kind that is not valid."""
        raise NotImplementedError("define the fixture 'refused'")

    def test_a_known_caller_is_a_principal_with_an_owner(
        self, authenticator: Authenticator, known: Mapping[str, str]
    ) -> None:
        """Sessions and runs belong to the owner; limits and the log know the caller by its id."""
        principal = authenticator.authenticate(credentials(known))
        assert isinstance(principal, Principal)
        assert principal.id
        assert OWNER.fullmatch(principal.owner)

    def test_a_caller_stays_the_same(self, authenticator: Authenticator, known: Mapping[str, str]) -> None:
        """A second request of a caller has the same owner and counts in the same limits."""
        first, second = (authenticator.authenticate(credentials(known)) for _ in range(2))
        assert first == second

    def test_a_request_without_a_credential_is_left_to_others(self, authenticator: Authenticator) -> None:
        """It returns ``None``, so that the next authenticator is asked."""
        for headers in ({}, {"user-agent": "curl/8", "accept": "*/*"}):
            assert authenticator.authenticate(credentials(headers)) is None

    def test_a_bad_credential_is_refused_without_repeating_it(
        self, authenticator: Authenticator, refused: Mapping[str, str]
    ) -> None:
        """It raises ``Unauthenticated``: the request ends here. The message is sent, so it must not hold a secret."""
        with pytest.raises(Unauthenticated) as raised:
            authenticator.authenticate(credentials(refused))
        secrets = [part for value in refused.values() for part in value.split() if len(part) > 8]
        assert not [secret for secret in secrets if secret in raised.value.message]

    def test_a_part_of_a_credential_is_none(self, authenticator: Authenticator, known: Mapping[str, str]) -> None:
        """A credential that was cut off is refused, or is not of its kind; it never is a caller."""
        shorter = {name: value[:-CUT] for name, value in known.items()}
        assert _caller_of(authenticator, shorter) is None

    @pytest.mark.parametrize("text", GARBAGE)
    def test_garbage_is_refused_and_is_no_bug(
        self, authenticator: Authenticator, known: Mapping[str, str], text: str
    ) -> None:
        """What a stranger sends must neither pass nor raise anything but ``Unauthenticated``."""
        for headers in (
            dict.fromkeys(known, text),
            {name: f"{value.partition(' ')[0]} {text}" for name, value in known.items()},
        ):
            assert _caller_of(authenticator, headers) is None

    def test_many_threads_may_ask_at_once(
        self, authenticator: Authenticator, known: Mapping[str, str], refused: Mapping[str, str]
    ) -> None:
        """One instance serves all requests of a worker; callers must not be mixed up."""
        expected = authenticator.authenticate(credentials(known))
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda n: _caller_of(authenticator, refused if n % 2 else known), range(40)))
        assert found == [None if number % 2 else expected for number in range(40)]


def _caller_of(authenticator: Authenticator, headers: Mapping[str, str]) -> Principal | None:
    try:
        return authenticator.authenticate(credentials(headers))
    except Unauthenticated:
        return None
