"""Key sets: in a file that is replaced, and at an issuer that rotates its keys, is slow, or is down."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from jwt.algorithms import ECAlgorithm

from agentos.auth.authenticator import Credentials
from agentos.auth.jwks import FetchedKeys
from agentos.auth.jwt import JwtAuthenticator
from agentos.config import Config
from agentos.errors import AuthenticationUnavailable, ConfigError, Unauthenticated
from auth.issuer import CERTIFICATE, Issuer, issuing, jwk, private_key, token
from parts.server import AgentOSServer
from parts.waiting import until


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Door:
    """A server's authenticator for the keys of an issuer, or in a file."""

    def __init__(self, source: str, **settings) -> None:
        self.clock = Clock()
        config = Config(environ={}, jwt_jwks=source, **settings)
        self._authenticator = JwtAuthenticator(config, clock=self.clock)

    def __call__(self, text: str) -> str:
        """Return how a token fares."""
        headers = {"authorization": f"Bearer {text}"}
        try:
            known = self._authenticator.authenticate(Credentials(method="GET", path="/", address="", headers=headers))
        except Unauthenticated:
            return "refused"
        except AuthenticationUnavailable:
            return "unavailable"
        assert known is not None
        return known.owner


def signed(number: int = 0, algorithm: str = "ES256") -> str:
    return token(algorithm, number, header={"kid": f"key-{number}"})


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


# --- in a file ---------------------------------------------------------------------------------------------------


def written(path: Path, *keys: dict) -> Path:
    path.write_text(json.dumps({"keys": keys}))
    return path


def test_a_file_of_keys_is_read_again_when_it_has_changed(tmp_path):
    door = Door(str(written(tmp_path / "keys.json", jwk("ES256"))))
    assert (door(signed(0)), door(signed(1))) == ("alice", "refused")
    written(tmp_path / "next.json", jwk("ES256", 1)).replace(tmp_path / "keys.json")
    assert (door(signed(0)), door(signed(1))) == ("refused", "alice")


@pytest.mark.parametrize("spoil", [lambda path: path.write_text('{"keys": ['), lambda path: path.unlink()])
def test_a_file_that_cannot_be_read_any_more_changes_nothing_until_it_can(tmp_path, spoil, caplog):
    path = written(tmp_path / "keys.json", jwk("ES256"))
    door = Door(str(path))
    spoil(path)
    assert [door(signed(0)) for _ in range(3)] == ["alice"] * 3
    assert [record.message for record in caplog.records].count(
        "the key set of tokens cannot be read; the old one stays"
    ) == 1
    written(path, jwk("ES256", 1))
    assert (door(signed(0)), door(signed(1))) == ("refused", "alice")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("", "cannot be read"),
        ("[]", "no JSON object with a list 'keys'"),
        ('{"keys": {}}', "no JSON object with a list 'keys'"),
        ("[" * 100_000, "cannot be read"),
        ('{"keys": []}', "has no key for AGENTOS_JWT_ALGORITHMS, RS256, ES256"),
        (json.dumps({"keys": [jwk("EdDSA")]}), "has no key for AGENTOS_JWT_ALGORITHMS"),
        (json.dumps({"keys": [jwk("ES384", alg=None)]}), "has no key for AGENTOS_JWT_ALGORITHMS"),
        (json.dumps({"keys": [jwk("ES256")] * 101}), "of up to 100"),
    ],
)
def test_a_file_without_usable_keys_stops_the_start(tmp_path, content, said):
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError) as refusal:
        Door(str(path))
    assert refusal.value.message.startswith("AGENTOS_JWT_JWKS: the key set ")
    assert said in refusal.value.message


SHARED = {"kty": "oct", "k": "c2VjcmV0" * 10, "kid": "key-0"}


@pytest.mark.parametrize(
    "unusable",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"alg": "ES384"},
        {"crv": "P-384"},
        {"crv": "none", "alg": None},
        {"kty": "RSA"},
        {"kty": None},
        {"kty": {"EC": 1}},
        {"x": None},
        {"x": "AAAA"},
        {"x": 7},
        {"x": "!"},
        {"d": "AAAA"},
        {"kid": "another"},
        {"kid": 7},
        {"key_ops": 7},
    ],
    ids=repr,
)
def test_a_key_that_is_not_for_checking_these_tokens_is_not_used(tmp_path, unusable):
    good = jwk("RS256", 5)
    door = Door(str(written(tmp_path / "keys.json", jwk("ES256", 0, **unusable), good, SHARED, "key", 7)))
    assert door(signed(0)) == "refused"
    assert door(signed(5, "RS256")) == "alice"


def test_a_private_key_that_got_into_a_key_set_is_not_used_and_reported(tmp_path, caplog):
    leaked = {"kid": "key-0", **ECAlgorithm.to_jwk(private_key("ES256"), as_dict=True)}
    door = Door(str(written(tmp_path / "keys.json", leaked, jwk("ES256", 1))))
    assert (door(signed(0)), door(signed(1))) == ("refused", "alice")
    (record,) = [record for record in caplog.records if "private key" in record.message]
    assert record.kid == "key-0"
    assert leaked["d"] not in str(vars(record))


def test_a_token_need_not_name_the_only_key_of_its_algorithm(tmp_path):
    path = written(tmp_path / "keys.json", jwk("ES256"), jwk("RS256"))
    assert Door(str(path))(token()) == "alice"
    written(path, jwk("ES256"), jwk("ES256", 1))
    assert Door(str(path))(token()) == "refused"


def test_a_key_without_a_name_and_an_algorithm_is_for_all_that_fit(tmp_path):
    path = written(tmp_path / "keys.json", jwk("RS256", kid=None, alg=None, use=None))
    door = Door(str(path), jwt_algorithms=("RS256", "PS512", "ES256"))
    assert [door(signed(0, algorithm)) for algorithm in ("RS256", "PS512", "RS512")] == ["alice", "alice", "refused"]


# --- at an issuer ------------------------------------------------------------------------------------------------


def test_keys_are_fetched_with_the_first_token_and_kept(issuer):
    door = Door(issuer.url)
    assert issuer.asked == 0
    assert [door(signed(0)) for _ in range(5)] == ["alice"] * 5
    door.clock.now += 299
    assert door(signed(0)) == "alice"
    assert issuer.asked == 1


def test_a_new_key_is_known_as_soon_as_a_token_names_it(issuer):
    door = Door(issuer.url)
    assert door(signed(0)) == "alice"
    issuer.keys.append(jwk("ES256", 1))
    door.clock.now += 31
    assert (door(signed(1)), door(signed(0))) == ("alice", "alice")
    assert issuer.asked == 2


def test_a_key_that_was_taken_back_is_refused_after_five_minutes(issuer):
    door = Door(issuer.url)
    assert door(signed(0)) == "alice"
    issuer.keys[:] = [jwk("ES256", 1)]
    door.clock.now += 299
    assert door(signed(0)) == "alice"
    door.clock.now += 1
    assert door(signed(0)) == "refused"
    issuer.keys.clear()
    door.clock.now += 300
    assert door(signed(1)) == "refused"


def test_tokens_with_invented_keys_do_not_make_us_hammer_the_issuer(issuer):
    door = Door(issuer.url)
    assert [door(token(header={"kid": f"invented-{number}"})) for number in range(50)] == ["refused"] * 50
    assert issuer.asked == 1
    door.clock.now += 30
    assert [door(token(header={"kid": f"invented-{number}"})) for number in range(50)] == ["refused"] * 50
    assert issuer.asked == 2


def test_while_the_issuer_is_down_its_old_keys_serve(issuer):
    door = Door(issuer.url)
    assert door(signed(0)) == "alice"
    issuer.down()
    door.clock.now += 3600
    assert [door(signed(0)) for _ in range(10)] == ["alice"] * 10
    assert issuer.asked == 2
    # A key that is not among the old ones may be a new one: nobody can say that it is not.
    assert door(signed(1)) == "unavailable"
    issuer.answer = None
    issuer.keys[:] = [jwk("ES256", 1)]
    door.clock.now += 30
    assert (door(signed(1)), door(signed(0))) == ("alice", "refused")


def test_an_issuer_that_was_never_there_is_no_fault_of_the_token(issuer):
    door = Door(issuer.url)
    issuer.down()
    assert [door(signed(0)) for _ in range(10)] == ["unavailable"] * 10
    assert issuer.asked == 1
    issuer.answer = None
    door.clock.now += 5
    assert door(signed(0)) == "alice"


def test_a_server_whose_issuer_is_not_there_says_so_and_serves_keys(serve):
    with issuing() as gone:
        url = gone.url
    served = serve(auth=("jwt", "api_key"), jwt_jwks=url)
    answer = served.client.get("/api/v1/agents", headers={"Authorization": f"Bearer {signed(0)}"})
    assert (answer.status_code, answer.json["code"]) == (503, "AUTHENTICATION_UNAVAILABLE")
    assert int(answer.headers["Retry-After"]) == 5
    assert url not in answer.text
    key, _ = served.services.keys.create(name="client", owner="alice")
    assert served.client.get("/api/v1/agents", headers={"X-API-Key": key}).status_code == 200


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"", {}),
        (200, b"<html>", {}),
        (200, b"\x1f\x8b", {"Content-Encoding": "gzip"}),
        (200, b'{"keys": []', {"Content-Length": "1000"}),
        (200, json.dumps({"keys": [jwk("ES256")]}).encode() + b" " * 600_000, {}),
        (404, json.dumps({"keys": [jwk("ES256")]}).encode(), {}),
        (302, json.dumps({"keys": [jwk("ES256")]}).encode(), {"Location": "/keys?again"}),
    ],
)
def test_only_a_whole_key_set_is_believed_and_no_redirect_followed(issuer, answer):
    door = Door(issuer.url)
    issuer.answer = answer
    assert door(signed(0)) == "unavailable"
    assert issuer.asked == 1
    issuer.answer = None
    door.clock.now += 5
    assert door(signed(0)) == "alice"
    issuer.answer = answer
    door.clock.now += 300
    assert door(signed(0)) == "alice"


def test_an_issuer_whom_nobody_vouches_for_is_not_asked():
    with issuing(tls=True) as impostor:
        assert Door(impostor.url)(signed(0)) == "unavailable"
        assert impostor.asked == 0


def test_no_proxy_of_the_environment_is_asked(issuer, monkeypatch):
    with issuing() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("all_proxy", proxy.url)
        assert Door(issuer.url)(signed(0)) == "alice"
        assert proxy.asked == 0


@pytest.mark.parametrize(("delay", "drip"), [(2.0, 0.0), (0.0, 0.1)])
def test_a_fetch_ends_in_time_whatever_the_issuer_does(issuer, delay, drip):
    issuer.delay, issuer.drip = delay, drip
    keys = FetchedKeys(issuer.url, ["ES256"], time.monotonic, seconds=0.3)
    began = time.monotonic()
    with pytest.raises(AuthenticationUnavailable):
        keys.find("key-0", "ES256")
    assert time.monotonic() - began < 1.8


def test_one_thread_fetches_for_all(issuer):
    issuer.delay = 0.2
    door = Door(issuer.url)
    fared: list[str] = []
    threads = [threading.Thread(target=lambda: fared.append(door(signed(0)))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fared == ["alice"] * 10
    assert issuer.asked == 1


def test_those_who_have_their_key_do_not_wait_for_the_next_set(issuer):
    door = Door(issuer.url)
    assert door(signed(0)) == "alice"
    issuer.delay = 1.0
    door.clock.now += 300
    fetching = threading.Thread(target=door, args=(signed(0),))
    fetching.start()
    until(lambda: issuer.asked == 2)
    assert door(signed(0)) == "alice"
    assert fetching.is_alive()
    fetching.join()
    assert issuer.asked == 2


@pytest.mark.parametrize(
    "address",
    [
        "http://id.example/keys",
        "http://10.0.0.1/keys",
        "http://localhost.example/keys",
        "http://127.0.0.1.example/keys",
        "http://localhost@id.example/keys",
        "https://me:secret@id.example/keys",
        "https:///keys",
        "ftp://localhost/keys",
        "file:///etc/keys.json",
        "HTTP://id.example/keys",
        "http://[::1",
    ],
)
def test_an_address_at_which_others_could_answer_is_refused(address):
    with pytest.raises(ConfigError, match="AGENTOS_JWT_JWKS is not accepted: give a file, or a URL with https"):
        Door(address)


@pytest.mark.parametrize(
    "address", ["https://id.example/keys", "http://localhost:1/keys", "http://[::1]:1/", "http://127.8.8.8:1/keys"]
)
def test_an_address_is_not_asked_at_the_start(address, caplog):
    Door(address)
    assert caplog.records == []  # none answers, which would be told


@pytest.fixture
def secure_issuer() -> Iterator[Issuer]:
    with issuing(tls=True) as issuer:
        yield issuer


def test_a_worker_serves_others_while_it_fetches(secure_issuer, tmp_path):
    issuer = secure_issuer
    issuer.delay = 1.5
    env = {"AGENTOS_AUTH": "jwt", "AGENTOS_JWT_JWKS": issuer.url, "SSL_CERT_FILE": str(CERTIFICATE)}
    fared: list[int] = []
    with AgentOSServer(env, cwd=tmp_path, workers=1, plugins="none") as server:

        def ask() -> None:
            headers = {"Authorization": f"Bearer {signed(0)}"}
            fared.append(requests.get(f"{server.url}/api/v1/agents", headers=headers, timeout=10).status_code)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        until(lambda: issuer.asked)
        assert requests.get(f"{server.url}/health", timeout=10).status_code == 200
        assert fared == []
        for thread in threads:
            thread.join()
    assert fared == [200] * 3
    assert issuer.asked == 1
