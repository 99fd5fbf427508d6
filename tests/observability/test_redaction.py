"""What counts as a secret, and what does not."""

import json
import logging
import time
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from agentos.bootstrap import build
from agentos.config import Config
from agentos.observability.logs import ConsoleFormatter, JSONFormatter
from agentos.observability.redaction import (
    Redactor,
    redact,
    redact_data,
    secrets_of,
    url_passwords,
    without_passwords,
)
from agentos.services.auth import ACCEPTED

KEY = "aos_0123456789abcdef_" + "Ab-_" * 10 + "xyz"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK\n-----END RSA PRIVATE KEY-----"

KINDS = ("sk_", "pk_", "pk-", "rk_", "hf_", "xai-", "AIza", "xoxp-", "glpat-", "gho_", "ghu_", "ghs_", "ghr_")

# A text, what must not be left of it, and what it becomes.
SECRETS = [
    (f"key {KEY} is bad", KEY[22:], "key aos_0123456789abcdef_*** is bad"),
    ("aos_0123-copied-badly-Ab-_Ab-_Ab-_", "copied", "aos_***"),
    ("Incorrect API key provided: sk-proj-Ab12Cd34.", "Ab12", "Incorrect API key provided: sk-***."),
    ("key=sk_live_4eC39HqLyjWD", "4eC39", "key=sk_***"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl!", "c2ln", "eyJ***!"),
    ("Authorization: Bearer abcdefghijkl", "abcdef", "Authorization: ***"),
    ("authorization: Basic dXNlcjpwYXNz", "dXNl", "authorization: ***"),
    ("{'Authorization': 'Bearer abcdefghijkl', 'a': 1}", "abcdef", "{'Authorization: ***', 'a': 1}"),
    ("[(b'x-api-key', b'abcdefghijkl')]", "abcdef", "[(b'x-api-key: ***')]"),
    ("Cookie: session=abc; other=d", "abc", "Cookie: ***"),
    ("sent bearer abc123def456", "abc123", "sent bearer ***"),
    ("AKIAIOSFODNN7EXAMPLE refused", "IOSFODNN7", "AKIA*** refused"),
    ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "16C7", "ghp_***"),
    ("github_pat_11ABCDEFG0aBcDeFgHiJkL_x", "11ABC", "github_pat_***"),
    ("hf_AbCdEfGhIjKlMnOpQr and xoxb-1234567890-abcdef", "AbCdEf", "hf_*** and xoxb-***"),
    ("connect(password='a b', user='me')", "a b", "connect(password=***, user='me')"),
    ('{"client_secret": "abc", "x": 1}', "abc", '{"client_secret=***, "x": 1}'),
    ("AWS_SECRET_ACCESS_KEY=abc/def+g", "abc", "AWS_SECRET_ACCESS_KEY=***"),
    ("GET /a?x=1&access_token=abc&y=2", "abc", "GET /a?x=1&access_token=***&y=2"),
    ("postgresql://me:g@heim!@db:5432/a", "heim", "postgresql://me:***@db:5432/a"),
    ("https://ghp16C7e42F292c6912E77@github.com/a", "16C7", "https://***@github.com/a"),
    ("GET /a?sig=abc&x=1", "abc", "GET /a?sig=***&x=1"),
    ("GET /a?upload-token=abc", "abc", "GET /a?upload-token=***"),
    ("GET /a?key=abc", "abc", "GET /a?key=***"),
    ("{'refresh_token': 'abc'}", "abc", "{'refresh_token=***}"),
    ("{'id_token': 'abc'}", "abc", "{'id_token=***}"),
    ("{'access_token': 'abc'}", "abc", "{'access_token=***}"),
    ("pwd=abc", "abc", "pwd=***"),
    ("api_key: abcdefgh", "abcdefgh", "api_key: ***"),
    ("apikey = 'abcdefgh'", "abcdefgh", "apikey: ***'"),
    *((f"{kind}Ab12Cd34Ef56Gh78Ij90Kl", "Ab12", f"{kind}***") for kind in KINDS),
    ("ASIAIOSFODNN7EXAMPLE", "IOSFODNN7", "ASIA***"),
    (f"key {PEM} end", "MIIEow", "key -----BEGIN RSA PRIVATE KEY----- *** end"),
    (f"cut {PEM[:40]}", "MIIE", "cut -----BEGIN RSA PRIVATE KEY----- ***"),
]

ORDINARY = [
    ACCEPTED,
    "Authorization: Bearer or X-API-Key",
    "no bearer credentials were given, and no secret: try another password",
    "the task-based, risk-averse asset was authorized; see the cookies",
    "https://example.com:8080/users/@me and me@example.com",
    "postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE",
    "postgresql+psycopg://me@db:5432/a",
    "there is no key for OpenAI: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs none",
    "setting 'openai_api_key' (from OPENAI_API_KEY) is (hidden); accepted: a text",
    "prompt_tokens=12 completion_tokens=3",
    "019ab1cd-1234-7abc-8def-0123456789ab",
]


@pytest.mark.parametrize(("text", "secret", "shown"), SECRETS)
def test_what_looks_like_a_secret_is_hidden(text: str, secret: str, shown: str) -> None:
    assert secret in text
    assert redact(text) == shown
    assert secret not in redact(json.dumps({"a": text}))  # as where a message quotes a body


@pytest.mark.parametrize("text", ORDINARY)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert redact(text) == text


NAMES = [
    *("password", "db_password", "Authorization", "X-API-Key", "api_key", "client-secret", "token", "private_key"),
    *("x-auth-token", "access_token", "sessionToken", "credentials", "api_keys", "secret_id", "k" * 200 + "-token"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["two words", 12345678, ["two words"], {"value": "two words"}])
def test_what_stands_under_the_name_of_a_secret_is_hidden_whole(name: str, value: Any) -> None:
    given = {"a": [{name: value, "other": value}]}
    assert redact_data(given) == {"a": [{name: "***", "other": value}]}


@pytest.mark.parametrize("value", [None, True, False, "", [], {}])
def test_under_the_name_of_a_secret_it_is_still_seen_whether_there_is_one(value: Any) -> None:
    assert redact_data({"password": value}) == {"password": value}


@pytest.mark.parametrize(
    "name",
    ["prompt_tokens", "max_tokens", "token_type", "token_count", "stop_token_ids", "token_timeout", "key_id", "author"],
)
def test_counts_and_what_tells_of_a_secret_are_shown(name: str) -> None:
    assert redact_data({name: 12345678}) == {name: 12345678}


@pytest.mark.parametrize("field", [{"token": "quokka"}, {"a": {"private_key": "quokka"}}, {"a": [{"sig": ["quokka"]}]}])
@pytest.mark.parametrize("formatter", [JSONFormatter(), ConsoleFormatter()])
def test_a_field_of_the_log_is_hidden_by_its_name_alone(formatter: logging.Formatter, field: dict[str, Any]) -> None:
    line = formatter.format(logging.makeLogRecord({"msg": "said", **field}))
    assert "***" in line
    assert "quokka" not in line


def test_a_known_value_is_hidden_in_every_spelling() -> None:
    value = 'p4"ss /wörd'
    redactor = Redactor(value)
    in_json = (json.dumps(value), json.dumps(value, ensure_ascii=False))
    for spelling in (value, quote(value, safe=""), quote_plus(value), *in_json):
        text = f"before {spelling} after"
        assert redactor.has_secret(text)
        assert "ss" not in redactor.redact(text), text


def test_each_redactor_keeps_its_own_secrets() -> None:
    one, other = Redactor("0penai-k3y"), Redactor()
    other.keep("anthr0pic-k3y")
    assert one.redact("0penai-k3y anthr0pic-k3y") == "*** anthr0pic-k3y"
    assert other.redact("0penai-k3y anthr0pic-k3y") == "0penai-k3y ***"


def test_the_longer_of_two_known_values_goes_first() -> None:
    redactor = Redactor("12345678", "12345678-and-more")
    assert redactor.redact("12345678-and-more, 12345678") == "***, ***"


def test_a_short_value_and_a_word_within_a_word_are_no_secrets() -> None:
    redactor = Redactor("short", "postgres")
    assert redactor.redact("short; postgresql://db, user postgres") == "short; postgresql://db, user ***"


def test_the_secrets_of_a_configuration_are_known() -> None:
    values = ["0penai-k3y", "anthr0pic-k3y", "jwt-s3cret-jwt", "datab4se-pw", "b4se-url-pw", "j3ks-token"]
    config = Config(
        environ={},
        openai_api_key=values[0],
        anthropic_api_key=values[1],
        jwt_key=values[2],
        database_url=f"postgresql+psycopg://me:{values[3]}@db/agentos",
        openai_base_url=f"https://me:{values[4]}@example.com",
        jwt_jwks=f"https://example.com/keys?access_token={values[5]}",
    )
    redactor = Redactor(*secrets_of(config))
    assert redactor.redact(" ".join(values)) == " ".join(["***"] * len(values))
    assert redactor.redact("postgresql+psycopg at example.com/keys") == "postgresql+psycopg at example.com/keys"


def test_the_secrets_of_a_server_are_known_once_it_is_built() -> None:
    build(Config(environ={}, openai_api_key="0penai-k3y-b", database_url="memory://", plugins=())).close()
    assert redact("0penai-k3y-b") == "***"


def test_a_password_is_known_as_it_is_and_as_its_address_spells_it() -> None:
    config = Config(environ={}, database_url="postgresql+psycopg://me:s%40cret-pw@db/agentos")
    assert Redactor(*secrets_of(config)).redact("s%40cret-pw s@cret-pw") == "*** ***"


HOSTILE = ["eyJ-", "a://b:", "://" + "a" * 30, "cookie  ", "password='", "bearer 1", "sk-", '"', "authorization:", "?a"]


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_text_makes_it_slow(piece: str) -> None:
    began = time.process_time()
    redact((piece * 200_000)[:200_000] + " key= @ eyj")
    assert time.process_time() - began < 1


PIECES = [
    "a",
    "a,",
    "a:1",
    ":1,",
    "[::1]",
    "://",
    "://a",
    "://a:",
    "@",
    "?",
    "&",
    "?key",
    "?key=",
    "&key=a",
    "&a",
    "#",
    " ",
]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("start", ["", "https://", "sqlite://", "https://a?key="])
def test_no_address_makes_it_slow(start: str, piece: str) -> None:
    address = start + (piece * 20_000)[:20_000] + "#x"
    began = time.process_time()
    without_passwords(address)
    list(url_passwords(address))
    assert time.process_time() - began < 0.5


def test_an_ordinary_line_costs_microseconds() -> None:
    fields = {"method": "POST", "path": "/api/v1/agents/assistant/run", "status": 200, "duration": 0.1}
    record = logging.makeLogRecord({"name": "agentos.requests", "msg": "request", **fields})
    line = JSONFormatter().format(record)
    times = []
    for _ in range(300):
        began = time.perf_counter()
        redact(line)
        times.append(time.perf_counter() - began)
    assert min(times) < 40e-6  # it takes 4 here; to try each pattern would take 100
