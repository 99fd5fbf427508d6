"""Tokens of an identity provider, as its clients bring them; above all, those that are none."""

import base64
import json
import subprocess
import sys
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import ECAlgorithm

from agentos.auth.authenticator import Credentials
from agentos.auth.jwt import JwtAuthenticator
from agentos.config import Config
from agentos.errors import ConfigError, Unauthenticated
from api.conftest import Served, serving
from auth.issuer import SECRET, checking_key, claims, jwk, private_key, private_pem, public_pem, signing_key, token

ALGORITHMS = [
    *("HS256", "HS384", "HS512", "RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"),
]
REFUSED = "the token is not valid, or has expired, or is meant for another service"
PUBLIC = {"jwt_key": checking_key("ES256"), "jwt_algorithms": ("ES256",)}


@pytest.fixture(scope="module")
def make():
    with serving() as make:
        yield make


@pytest.fixture(scope="module")
def guarded(make) -> Served:
    """A server that takes tokens of one ES256 key."""
    return make(auth=("jwt",), **PUBLIC)


def ask(served: Served, text: str, path: str = "/api/v1/agents"):
    return served.client.get(path, headers={"Authorization": f"Bearer {text}"})


def recognise(text: str, **settings):
    """Return whom an authenticator with these settings takes a token for."""
    config = Config(environ={}, **{**PUBLIC, **settings})
    headers = {"authorization": f"Bearer {text}"}
    credentials = Credentials(method="GET", path="/", address="", headers=headers)
    return JwtAuthenticator(config).authenticate(credentials)


def refusal_of(text: str, **settings) -> str:
    """Return in which words a token is refused; raise if it is taken, or left to others."""
    with pytest.raises(Unauthenticated) as refusal:
        recognise(text, **settings)
    return refusal.value.message


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_is_taken_in_each_algorithm(algorithm):
    settings = {"jwt_algorithms": (algorithm,), "jwt_key": checking_key(algorithm)}
    assert recognise(token(algorithm), **settings).owner == "alice"
    head, body, signature = token(algorithm).split(".")
    assert refusal_of(f"{head}.{body}.{signature[:-8]}AAAAAAAA", **settings) == REFUSED


def test_a_token_opens_the_door_and_its_scopes_are_its_limits(guarded):
    assert ask(guarded, token()).status_code == 200
    answer = ask(guarded, token(), "/api/v1/sessions")
    assert (answer.status_code, answer.json["code"]) == (403, "FORBIDDEN")


def test_the_claim_of_the_owner_says_whose_sessions_are_seen(guarded):
    scope = "sessions:read sessions:write"
    headers = {"Authorization": f"Bearer {token(scope=scope)}"}
    made = guarded.client.post("/api/v1/sessions", json={"agent_id": "scripted"}, headers=headers)
    path = made.headers["Location"]
    assert ask(guarded, token(scope=scope), path).status_code == 200
    assert ask(guarded, token(scope=scope, sub="bob"), path).status_code == 404
    assert ask(guarded, token(scope="admin", sub="bob"), path).status_code == 200


@pytest.mark.parametrize(
    ("scope", "understood"),
    [
        ("agents:read runs:read", {"agents:read", "runs:read"}),
        (["agents:read", "agents:run:helper"], {"agents:read", "agents:run:helper"}),
        ("openid email agents:read", {"agents:read"}),
        ("", set()),
        (None, set()),
    ],
)
def test_scopes_are_a_text_or_a_list_and_others_than_ours_mean_nothing(scope, understood):
    assert recognise(token(scope=scope)).scopes == understood


def test_the_claims_can_have_other_names():
    settings = {"jwt_owner_claim": "https://example.com/tenant", "jwt_scope_claim": "scp"}
    known = recognise(token(**{"https://example.com/tenant": "acme", "scp": ["runs:read"]}), **settings)
    assert (known.id, known.owner, known.scopes) == ("jwt:acme", "acme", {"runs:read"})


def test_clocks_may_be_a_little_apart():
    for early_or_late in ({"exp": time.time() - 5}, {"nbf": time.time() + 5}, {"iat": time.time() + 5}):
        assert recognise(token(**early_or_late), jwt_leeway=20)
        assert refusal_of(token(**early_or_late), jwt_leeway=1) == REFUSED


@pytest.mark.parametrize(
    ("settings", "good", "bad"),
    [
        ({"jwt_issuer": "https://id.example"}, {"iss": "https://id.example"}, {"iss": "https://id.example/"}),
        ({"jwt_issuer": "https://id.example"}, {"iss": "https://id.example"}, {}),
        ({"jwt_audience": "agentos"}, {"aud": "agentos"}, {"aud": "other"}),
        ({"jwt_audience": "agentos"}, {"aud": ["other", "agentos"]}, {"aud": ["other"]}),
        ({"jwt_audience": "agentos"}, {"aud": "agentos"}, {}),
        ({"jwt_audience": "agentos"}, {"aud": "agentos"}, {"aud": {"agentos": 1}}),
        ({"jwt_audience": "agentos"}, {"aud": "agentos"}, {"aud": ["agentos", 1]}),
        ({}, {}, {"aud": "another service"}),
        ({}, {"iss": "anybody"}, {"aud": ["another service"]}),
    ],
)
def test_a_token_is_for_us_and_from_whom_we_trust(settings, good, bad):
    assert recognise(token(**good), **settings)
    assert refusal_of(token(**bad), **settings) == REFUSED


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": 1},
        {"exp": -1},
        {"exp": True},
        {"exp": "4000000000"},
        {"exp": "soon"},
        {"exp": {}},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"nbf": 4_000_000_000},
        {"nbf": "now"},
        {"nbf": "1"},
        {"iat": 4_000_000_000},
        {"iat": []},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": ["alice"]},
        {"sub": "anonymous"},
        {"sub": "a" * 256},
        {"sub": "alice\n"},
        {"sub": "\ud800"},
        {"scope": 7},
        {"scope": {"agents:read": True}},
        {"scope": ["agents:read", 7]},
        {"scope": ["agents:read", ["admin"]]},
        {"jti": 7},
    ],
    ids=repr,
)
def test_claims_that_do_not_say_what_they_must_are_refused(changes):
    # The library that signs would not take some of them.
    body = json.dumps(claims(**changes)).encode()
    assert refusal_of(jwt.api_jws.encode(body, signing_key("ES256"), "ES256")) == REFUSED


def encoded(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(header: object, body: object = None) -> str:
    return f"{encoded(header)}.{encoded(claims() if body is None else body)}."


def signed(header: object) -> str:
    """Return a token whose header no library would write."""
    text = unsigned(header).rstrip(".")
    algorithm = ECAlgorithm(ECAlgorithm.SHA256)
    return f"{text}.{encoded(algorithm.sign(text.encode(), signing_key('ES256')))}"


BAD = {
    "none": lambda: unsigned({"alg": "none"}),
    "None": lambda: unsigned({"alg": "None"}),
    "no algorithm": lambda: unsigned({}),
    "algorithm is a list": lambda: unsigned({"alg": ["ES256"]}),
    "algorithm is an object": lambda: unsigned({"alg": {}}),
    "no signature": lambda: unsigned({"alg": "ES256"}),
    "short signature": lambda: unsigned({"alg": "ES256"}) + "AAAA",
    "signature of zeros": lambda: unsigned({"alg": "ES256"}) + encoded(b"\0" * 64),
    "another key": lambda: token(number=1),
    "another algorithm": lambda: token("RS256"),
    "public key as secret": lambda: confused("HS256", checking_key("ES256")),
    "our own key in the header": lambda: token(number=1, header={"jwk": jwk("ES256", 1)}),
    "our own address in the header": lambda: token(number=1, header={"jku": "http://127.0.0.1:1/keys"}),
    "kid is a path": lambda: token(number=1, header={"kid": "../../../../dev/null"}),
    "kid is a number": lambda: unsigned({"alg": "ES256", "kid": 7}),
    "crit": lambda: token(header={"crit": ["exp"]}),
    "crit of what the library knows": lambda: signed({"alg": "ES256", "crit": ["b64"], "b64": True}),
    "crit is empty": lambda: token(header={"crit": []}),
    "body not in base64": lambda: unsigned({"alg": "ES256"}).replace(".", ".!", 1),
    "header is no JSON": lambda: unsigned(b"{"),
    "header is a list": lambda: unsigned([]),
    "header is deep": lambda: unsigned(b"[" * 9000),
    "header is no UTF-8": lambda: unsigned(b'{"alg":"\xff"}'),
    "header is a huge number": lambda: unsigned(b"9" * 9000),
    "body is a list": lambda: jwt.api_jws.encode(b"[]", signing_key("ES256"), "ES256"),
    "body is deep": lambda: jwt.api_jws.encode(b"[" * 9000, signing_key("ES256"), "ES256"),
    "body is no UTF-8": lambda: jwt.api_jws.encode(b'{"sub":"\xff"}', signing_key("ES256"), "ES256"),
    "too large": lambda: token(more="a" * 16_384),
    "two dots": lambda: "..",
    "letters of another alphabet": lambda: "é.é.é",
    "white space": lambda: token().replace(".", ". ", 1),
}


def confused(algorithm: str, key: str) -> str:
    """Return a token whose secret is a public key, which no honest library signs with."""
    import hashlib
    import hmac

    signed = unsigned({"alg": algorithm}).rstrip(".")
    return f"{signed}.{encoded(hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest())}"


@pytest.mark.parametrize("make_token", BAD.values(), ids=BAD)
def test_what_is_no_token_of_ours_is_refused_in_the_same_words(guarded, make_token):
    answer = ask(guarded, make_token())
    assert (answer.status_code, answer.json["code"], answer.json["message"]) == (401, "UNAUTHENTICATED", REFUSED)


@pytest.mark.parametrize("text", ["opaque", "a.b", "a.b.c.d.e", f"aos_{'0' * 16}_{'A' * 43}"])
def test_bearers_of_another_kind_are_left_to_others(guarded, text):
    assert recognise(text) is None
    assert ask(guarded, text).status_code == 401


@pytest.mark.parametrize("order", [("api_key", "jwt"), ("jwt", "api_key")])
def test_keys_and_tokens_are_both_taken(make, order):
    served = make(auth=order, **PUBLIC)
    key, _ = served.services.keys.create(name="client", owner="alice")
    assert ask(served, key).status_code == 200
    assert ask(served, token()).status_code == 200
    assert ask(served, token(number=1)).status_code == 401
    assert ask(served, key + "A").status_code == 401


def test_a_public_key_may_come_without_line_breaks():
    assert recognise(token(), jwt_key=checking_key("ES256").replace("\n", "\\n")).owner == "alice"


def test_a_key_checks_only_the_algorithms_of_its_kind():
    settings = {"jwt_key": checking_key("RS256"), "jwt_algorithms": ("RS256", "RS512", "ES256", "RS256")}
    assert recognise(token("RS256"), **settings)
    assert recognise(token("RS512"), **settings)
    assert refusal_of(token("PS256"), **settings) == REFUSED
    assert refusal_of(token("ES256"), **settings) == REFUSED


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"jwt_key": None}, "neither of AGENTOS_JWT_KEY"),
        ({"jwt_jwks": "keys.json"}, "both of AGENTOS_JWT_KEY"),
        ({"jwt_algorithms": ()}, "AGENTOS_JWT_ALGORITHMS names none"),
        ({"jwt_algorithms": ("none",)}, "AGENTOS_JWT_ALGORITHMS names none; accepted are HS256"),
        ({"jwt_algorithms": ("ES256", "none")}, "AGENTOS_JWT_ALGORITHMS names none"),
        ({"jwt_algorithms": ("es256",)}, "AGENTOS_JWT_ALGORITHMS names es256"),
        ({"jwt_algorithms": ("HS256", "RS256")}, "AGENTOS_JWT_ALGORITHMS mixes"),
        ({"jwt_algorithms": ("HS256",)}, "AGENTOS_JWT_KEY is a key in PEM"),
        ({"jwt_algorithms": ("HS256",), "jwt_key": "ssh-rsa " + "A" * 64}, "AGENTOS_JWT_KEY is a key in PEM, SSH"),
        ({"jwt_algorithms": ("HS256",), "jwt_key": json.dumps(jwk("ES256"))}, "AGENTOS_JWT_KEY is a key in PEM, SSH"),
        ({"jwt_algorithms": ("HS256",), "jwt_key": "s" * 31}, "AGENTOS_JWT_KEY is too short: HS256 needs 32 bytes"),
        ({"jwt_algorithms": ("HS256", "HS512"), "jwt_key": "s" * 63}, "too short: HS512 needs 64 bytes"),
        (
            {"jwt_algorithms": ("HS256",), "jwt_key": None, "jwt_jwks": "keys.json"},
            "AGENTOS_JWT_JWKS names public keys",
        ),
        ({"jwt_key": SECRET}, "AGENTOS_JWT_KEY is not a public key in PEM"),
        ({"jwt_key": private_pem(private_key("ES256"))}, "AGENTOS_JWT_KEY is not a public key in PEM"),
        ({"jwt_key": checking_key("RS256")}, "AGENTOS_JWT_KEY is too short, or of another kind"),
        ({"jwt_key": checking_key("ES384")}, "AGENTOS_JWT_KEY is too short, or of another kind"),
        (
            {"jwt_key": public_pem(rsa.generate_private_key(65537, 1024)), "jwt_algorithms": ("RS256",)},
            "AGENTOS_JWT_KEY is too short, or of another kind",
        ),
    ],
)
def test_settings_that_cannot_work_or_are_not_safe_stop_the_start(make, settings, named):
    with pytest.raises(ConfigError) as refusal:
        make(auth=("jwt",), **{**PUBLIC, **settings})
    assert named in refusal.value.message
    if (secret := settings.get("jwt_key")) is not None:
        assert secret not in refusal.value.message


def test_why_a_token_is_refused_is_in_the_log_alone(guarded, caplog):
    caplog.set_level("INFO", "agentos.auth.jwt")
    text = token(exp=1)
    ask(guarded, text)
    (record,) = [record for record in caplog.records if record.name == "agentos.auth.jwt"]
    assert record.reason == "ExpiredSignatureError: Signature has expired"
    assert text not in str(vars(record))


@pytest.mark.parametrize(("auth", "loaded"), [((), False), (("api_key",), False), (("jwt",), True)])
def test_the_library_is_loaded_only_for_those_who_use_tokens(auth, loaded):
    code = f"""
import sys
sys.modules["redis"] = None  # A server does not have it. Where it is, the library of the rate limits loads it.
from agentos import Config, create_app
config = Config(database_url="memory://", auth={auth!r}, jwt_key={SECRET!r}, jwt_algorithms=("HS256",), environ={{}})
app = create_app(config)
app.test_client().get("/api/v1/agents", headers={{"Authorization": "Bearer a.b.c"}})
print(sorted({{"jwt", "cryptography"}} & sys.modules.keys()))
app.extensions["agentos"].close()
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert said.strip() == str(["cryptography", "jwt"] if loaded else [])
