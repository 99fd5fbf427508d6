"""Model providers that the settings name, as the commands show them."""

import json

import pytest

from parts.model_server import ModelServer

FILE = """
[providers.good]
base_url = "{url}"
key_variable = "GOOD_KEY"
models = ["text"]

[providers.gateway]
base_url = "http://127.0.0.1:1/v1"
headers = {{ api-key = "$GATEWAY_KEY", Cookie = "quokka=literal", X-Title = "Ours" }}
query = {{ sig = "$GATEWAY_SIG", api-version = "1" }}
"""


@pytest.fixture
def named(cli, monkeypatch):
    with ModelServer(api_key="quokka-good-key") as server:
        (cli.folder / "agentos.toml").write_text(FILE.format(url=server.url))
        monkeypatch.setenv("GOOD_KEY", "quokka-good-key")
        monkeypatch.setenv("GATEWAY_KEY", "quokka-gateway-key")
        yield server


def checks(cli, code: int) -> dict[str, tuple[str, str]]:
    result = cli("doctor", "--json")
    assert result.exit_code == code, result.output
    return {one["name"]: (one["status"], one["detail"]) for one in json.loads(result.stdout)["checks"]}


def test_config_shows_them_with_their_source_and_no_secret(cli, named):
    [row] = [row for row in cli.json("config")["settings"] if row["name"] == "providers"]
    assert row["source"] == "agentos.toml"
    assert row["env"] == ["AGENTOS_PROVIDERS"]
    assert row["value"] == [
        {
            "prefix": "gateway",
            "base_url": "http://127.0.0.1:1/v1",
            "headers": {"api-key": "$GATEWAY_KEY", "Cookie": "(hidden)", "X-Title": "Ours"},
            "query": {"sig": "$GATEWAY_SIG", "api-version": "1"},
            "missing_variables": ["GATEWAY_SIG"],
        },
        {"prefix": "good", "base_url": named.url, "key_variable": "GOOD_KEY", "models": ["text"]},
    ]
    [line] = [line for line in cli.ok("config").splitlines() if line.startswith("providers ")]
    assert f"gateway=http://127.0.0.1:1/v1, good={named.url}" in line
    assert "AGENTOS_PROVIDERS" in line


@pytest.mark.parametrize("command", [("config",), ("doctor",), ("models",), ("plugins",), ("agents",)])
def test_no_command_prints_their_secrets(cli, named, monkeypatch, command):
    monkeypatch.setenv("GATEWAY_SIG", "quokka-signature")
    for form in ((), ("--json",)):
        result = cli(*command, *form)
        assert "quokka" not in result.output + result.stderr


def test_models_and_plugins_list_them(cli, named):
    listed = cli.json("models")
    assert {"id": "good:text", "source": "settings"} in listed["models"]
    assert {"prefix": "gateway", "source": "settings"} in listed["providers"]
    lines = [line.split() for line in cli.ok("models").splitlines()]
    assert ["good:text", "settings"] in lines
    assert ["gateway:*", "settings"] in lines
    plugins = {one["name"]: one for one in cli.json("plugins")["plugins"]}
    assert plugins["settings"]["provides"] == ["model provider:gateway", "model provider:good"]


def test_doctor_asks_each_of_them(cli, named, monkeypatch):
    cli.ok("db", "upgrade")
    found = checks(cli, 0)
    assert found["model provider good"] == ("ok", f"5 models at {named.url.removesuffix('/v1')}")
    status, detail = found["model provider gateway"]
    assert (status, "environment variable GATEWAY_SIG, which is not set" in detail) == ("warning", True)
    monkeypatch.setenv("GATEWAY_SIG", "quokka-signature")
    status, detail = checks(cli, 0)["model provider gateway"]
    assert (status, "http://127.0.0.1:1 cannot be reached" in detail) == ("warning", True)
    monkeypatch.setenv("GOOD_KEY", "quokka-wrong-key")
    cli.ok("register", "support", "--model", "good:text")
    status, detail = checks(cli, 1)["model provider good"]
    assert (status, "refused the key with status 401: check GOOD_KEY" in detail) == ("failed", True)


def test_an_agent_of_such_a_provider_runs(cli, named):
    cli.ok("register", "support", "--model", "good:echo")
    assert "Hi" in cli.ok("run", "support", "Hi")


def test_a_clash_with_a_plugin_is_one_line(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_PROVIDERS", "scripted=http://127.0.0.1:1/v1")
    said = cli.fails("agents")
    assert "'providers' (from AGENTOS_PROVIDERS) names the provider 'scripted', and plugin 'core'" in said


def test_a_provider_that_is_not_accepted_is_one_line_without_its_secret(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_PROVIDERS", "a=https://me:quokka@host/v1")
    said = cli.fails("config")
    assert "setting 'providers' (from AGENTOS_PROVIDERS): provider 'a' has the option 'base_url'" in said
    assert "quokka" not in said
