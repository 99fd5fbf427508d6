"""Model providers from the settings: what is understood, what is refused, and where secrets come from."""

from pathlib import Path
from typing import Any

import pytest

from agentos.config import Config
from agentos.errors import ConfigError
from agentos.provider_settings import OPTIONS

URL = "https://api.groq.com/openai/v1"
FILE = """
[providers.groq]
base_url = "https://api.groq.com/openai/v1"
key_variable = "GROQ_API_KEY"
models = ["llama-3.3-70b", "qwen3"]

[providers.azure]
base_url = "https://example.openai.azure.com/openai/deployments/gpt/"
headers = { api-key = "$AZURE_KEY", X-Title = "Ours" }
query = { api-version = "2024-10-21" }
token_timeout = 30
dialect = { output_limit = "max_completion_tokens" }
"""


def providers(value: Any, environ: dict[str, str] | None = None) -> dict[str, Any]:
    return {one.prefix: one for one in Config(providers=value, environ=environ or {}).providers}


def test_a_file_names_providers_with_their_options(tmp_path: Path) -> None:
    file = tmp_path / "agentos.toml"
    file.write_text(FILE)
    config = Config(environ={"GROQ_API_KEY": "gsk-1", "AZURE_KEY": "az-1"}, file=file)
    azure, groq = config.providers
    assert config.sources["providers"] == str(file)
    assert (groq.address, groq.request_headers, groq.models) == (
        URL,
        {"Authorization": "Bearer gsk-1"},
        ("llama-3.3-70b", "qwen3"),
    )
    assert azure.address == "https://example.openai.azure.com/openai/deployments/gpt?api-version=2024-10-21"
    assert azure.request_headers == {"api-key": "az-1", "X-Title": "Ours"}
    assert (azure.token_timeout, azure.dialect) == (30.0, {"output_limit": "max_completion_tokens"})


def test_the_variable_names_providers_and_is_stronger_than_the_file(tmp_path: Path) -> None:
    file = tmp_path / "agentos.toml"
    file.write_text(FILE)
    text = f"groq={URL} key=GROQ_API_KEY, ollama=http://127.0.0.1:11434/v1 ,"
    config = Config(environ={"AGENTOS_PROVIDERS": text, "GROQ_API_KEY": " gsk-1\n"}, file=file)
    assert [(one.prefix, one.base_url, one.key_variable) for one in config.providers] == [
        ("groq", URL, "GROQ_API_KEY"),
        ("ollama", "http://127.0.0.1:11434/v1", None),
    ]
    assert config.providers[0].request_headers == {"Authorization": "Bearer gsk-1"}
    assert config.providers[1].request_headers == {}


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("$KEY", "s3cret"),
        ("${KEY}", "s3cret"),
        ("Bearer $KEY", "Bearer s3cret"),
        ("${KEY}-$OTHER", "s3cret-more"),
        ("plain text", "plain text"),
        ("costs $$5", "costs $5"),
    ],
)
def test_a_variable_may_stand_in_a_header_or_a_parameter(written: str, sent: str) -> None:
    table = {"base_url": URL, "headers": {"X-Key": written}, "query": {"k": written}}
    one = providers({"a": table}, {"KEY": "s3cret", "OTHER": "more"})["a"]
    assert one.request_headers == {"X-Key": sent}
    assert one.address == f"{URL}?k={sent.replace(' ', '+').replace('$', '%24')}"


def test_a_key_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-quokka-file\n")
    table = {"a": {"base_url": URL, "key_variable": "KEY"}}
    environ = {"KEY_FILE": str(tmp_path / "key")}

    (provider,) = Config(providers=table, environ=environ).providers
    assert provider.request_headers == {"Authorization": "Bearer sk-quokka-file"}

    with pytest.raises(ConfigError, match="by KEY and by KEY_FILE"):
        Config(providers=table, environ={**environ, "KEY": "sk-other"})


@pytest.mark.parametrize("environ", [{}, {"KEY": ""}, {"KEY": " \n"}])
def test_a_variable_that_is_not_set_is_missing_and_stops_nothing(environ: dict[str, str]) -> None:
    table = {"base_url": URL, "key_variable": "KEY", "headers": {"X-Org": "$ORG"}}
    assert providers({"a": table}, environ)["a"].missing_variables == ["KEY", "ORG"]


GOOD = {"base_url": URL}
REFUSED: list[tuple[Any, list[str]]] = [
    ({"a:b": GOOD}, ["'a:b'", "letters, digits"]),
    ({"a b": GOOD}, ["'a b'"]),
    ({"": GOOD}, ["''"]),
    ({"-a": GOOD}, ["'-a'"]),
    ({"ä": GOOD}, ["'ä'"]),
    ({"a" * 65: GOOD}, ["1 to 64"]),
    ({"a": URL}, ["'a'", "base_url"]),
    ({"a": {}}, ["'a'", "'base_url'"]),
    ({"a": {**GOOD, "keyvariable": "K"}}, ["'a'", "'keyvariable'", "known are base_url, key_variable"]),
    ({"a": {**GOOD, "api_key": "sk-quokka"}}, ["'a'", "'api_key'", "key_variable"]),
    ({"a": {"base_url": "ftp://host/v1"}}, ["'a'", "'base_url'", "http(s)://host"]),
    ({"a": {"base_url": "file:///etc/passwd"}}, ["'base_url'"]),
    ({"a": {"base_url": "host:80"}}, ["'base_url'"]),
    ({"a": {"base_url": "https://me:quokka@host/v1"}}, ["'base_url'", "without user name"]),
    ({"a": {"base_url": "https://quokka@host/v1"}}, ["'base_url'"]),
    ({"a": {"base_url": "https://host/v1?key=quokka"}}, ["'base_url'", "query"]),
    ({"a": {"base_url": "https://host/v1#quokka"}}, ["'base_url'"]),
    ({"a": {"base_url": "https://host:99999/v1"}}, ["'base_url'"]),
    ({"a": {"base_url": "https://"}}, ["'base_url'"]),
    ({"a": {"base_url": "https://ho st/v1"}}, ["'base_url'"]),
    ({"a": {"base_url": "https://host/v1\r\nX: y"}}, ["'base_url'"]),
    ({"a": {"base_url": "https://host\\@quokka/v1"}}, ["'base_url'"]),
    ({"a": {"base_url": 5}}, ["'base_url'"]),
    ({"a": {**GOOD, "key_variable": "sk-quokka-1"}}, ["'key_variable'", "name of an environment variable"]),
    ({"a": {**GOOD, "key_variable": "$KEY"}}, ["'key_variable'"]),
    ({"a": {**GOOD, "key_variable": 5}}, ["'key_variable'"]),
    ({"a": {**GOOD, "headers": ["X"]}}, ["'headers'", "table"]),
    ({"a": {**GOOD, "headers": {"X": 5}}}, ["'headers'"]),
    ({"a": {**GOOD, "headers": {"X y": "quokka"}}}, ["'headers'"]),
    ({"a": {**GOOD, "headers": {"X": "quokka\r\nY: z"}}}, ["'headers'"]),
    ({"a": {**GOOD, "headers": {"X": "quokka $ 5"}}}, ["'headers'", "$$"]),
    ({"a": {**GOOD, "headers": {"X": "1", "x": "2"}}}, ["'headers'"]),
    *(({"a": {**GOOD, "headers": {name: "quokka"}}}, ["'headers'"]) for name in ("HOST", "Content-Length", "te")),
    *(
        ({"a": {**GOOD, "headers": {name: "q"}}}, ["'headers'"])
        for name in ("Proxy-Authorization", "Transfer-Encoding", "User-Agent")
    ),
    (
        {"a": {**GOOD, "key_variable": "K", "headers": {"authorization": "quokka"}}},
        ["'key_variable'", "'Authorization'"],
    ),
    ({"a": {**GOOD, "query": "api-version=1"}}, ["'query'"]),
    ({"a": {**GOOD, "query": {"v": 1}}}, ["'query'"]),
    ({"a": {**GOOD, "token_timeout": 0}}, ["'token_timeout'", "seconds, from 0.1 to 3600"]),
    ({"a": {**GOOD, "token_timeout": "soon"}}, ["'token_timeout'"]),
    ({"a": {**GOOD, "dialect": "mistral"}}, ["'dialect'"]),
    ({"a": {**GOOD, "dialect": {"x": [1]}}}, ["'dialect'"]),
    ({"a": {**GOOD, "models": "m"}}, ["'models'", "list"]),
    ({"a": {**GOOD, "models": ["a b"]}}, ["'models'"]),
    ({"a": {**GOOD, "models": [1]}}, ["'models'"]),
    ({"a": {**GOOD, "models": ["m"] * 1001}}, ["'models'"]),
    ({f"p{number}": GOOD for number in range(101)}, ["accepted: in a file"]),
    ([GOOD], ["accepted: in a file"]),
    (5, ["accepted: in a file"]),
    ("groq", ["provider 1", "NAME=URL key=VARIABLE"]),
    (f"{URL}", ["provider 1"]),
    (f"a={URL}, a={URL}", ["'a'", "twice"]),
    (f"a={URL} key=K key=L", ["'a'", "[providers.a]"]),
    (f"a={URL} headers=x", ["'a'", "[providers.a]"]),
    (f"a={URL} key=", ["'key_variable'"]),
    ("a=", ["'base_url'"]),
    ("a=https://me:quokka@host", ["'base_url'"]),
    ("https://quokka@host/v1 key=K", ["provider 1"]),
]


@pytest.mark.parametrize(("value", "said"), REFUSED, ids=lambda value: repr(value)[:60])
def test_what_is_not_accepted_is_refused_by_provider_and_option(value: Any, said: list[str]) -> None:
    given = {"environ": {"AGENTOS_PROVIDERS": value}} if isinstance(value, str) else {"providers": value, "environ": {}}
    with pytest.raises(ConfigError) as refused:
        Config(**given)
    source = "AGENTOS_PROVIDERS" if isinstance(value, str) else "given"
    assert refused.value.message.startswith(f"setting 'providers' (from {source}): ")
    for part in said:
        assert part in refused.value.message
    assert "quokka" not in refused.value.message


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:11434/v1", "http://[::1]:8000", "HTTPS://API.example/v1/", "https://a_b.example/x/y:z"],
)
def test_addresses_of_all_usual_forms_are_accepted(url: str) -> None:
    assert providers({"a": {"base_url": url}})["a"].base_url == url.rstrip("/")


def test_no_secret_is_shown() -> None:
    table = {
        "base_url": URL,
        "key_variable": "KEY",
        "headers": {"api-key": "quokka-literal", "X-Gateway-Token": "Bearer $TOKEN", "X-Title": "Ours"},
        "query": {"sig": "quokka-signature", "api-version": "1"},
    }
    environ = {"KEY": "quokka-key", "TOKEN": "quokka-token"}
    config = Config(providers={"a": table}, environ=environ)
    one = config.providers[0]
    for shown in (repr(config), repr(one), str(one), f"{one.shown()}"):
        assert "quokka" not in shown
    assert one.shown()["headers"] == {
        "api-key": "(hidden)",
        "X-Gateway-Token": "Bearer $TOKEN",
        "X-Title": "Ours",
    }
    assert {"quokka-key", "quokka-token", "quokka-literal", "quokka-signature"} <= set(one.secrets())


def test_each_option_says_what_it_accepts_and_means() -> None:
    for option in OPTIONS.values():
        assert option.accepts
        assert option.help.endswith(".")
