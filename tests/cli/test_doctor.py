import pytest

from agentos.serving import descriptors

PROVIDERS = """
import time
from agentos.errors import ProviderUnavailable
from agentos.hookspecs import hookimpl
from agentos.models.scripted import ScriptedProvider

class Down(ScriptedProvider):
    def check(self):
        raise ProviderUnavailable("set DOWN_API_KEY")

class Slow(ScriptedProvider):
    def check(self):
        time.sleep(30)

class Buggy(ScriptedProvider):
    def check(self):
        return 1 / 0

@hookimpl
def register_model_providers(register):
    register("down", lambda config: Down())
    register("slow", lambda config: Slow())
    register("buggy", lambda config: Buggy())
"""


def diagnose(cli, *options: str, code: int = 0) -> dict[str, tuple[str, str]]:
    import json

    result = cli("doctor", "--json", *options)
    assert result.exit_code == code, result.output
    document = json.loads(result.stdout)
    assert document["ok"] is (code == 0)
    return {check["name"]: (check["status"], check["detail"]) for check in document["checks"]}


def test_a_sound_installation_passes(cli):
    cli.ok("db", "upgrade")
    cli.ok("register", "support", "--model", "scripted:echo")
    found = diagnose(cli)
    assert {status for status, _ in found.values()} == {"ok"}
    assert {
        "python",
        "settings",
        "plugin core",
        "database",
        "schema",
        "clock",
        "disk",
        "agent assistant",
        "agent support",
    } <= found.keys()
    assert found["model provider scripted"] == ("ok", "ok")


def test_the_limit_of_open_files_is_compared_with_the_connections(cli, monkeypatch):
    cli.ok("db", "upgrade")
    limit = descriptors.limit(raised=True)
    monkeypatch.setenv("AGENTOS_WORKER_CONNECTIONS", "10")
    status, detail = diagnose(cli)["open files"]
    assert (status, detail) == ("ok", f"{limit} for each worker (ulimit -Hn), enough for 10 connections")

    monkeypatch.setenv("AGENTOS_WORKER_CONNECTIONS", str(min(100_000, limit)))
    status, detail = diagnose(cli)["open files"]
    assert (status, "raise the limit" in detail) == ("warning", True)


def test_it_prints_a_line_a_check(cli):
    cli.ok("db", "upgrade")
    lines = cli.ok("doctor").splitlines()
    assert len(lines) == len(diagnose(cli))
    assert ["ok", "agent", "assistant", "scripted:echo,", "from", "core"] in [line.split() for line in lines]


def test_a_database_that_the_first_start_makes_is_a_warning_and_is_not_made(cli, tmp_path):
    found = diagnose(cli)
    assert found["database"][0] == "warning"
    assert found["agent assistant"][0] == "ok"
    assert not (tmp_path / "agentos.db").exists()


def test_a_schema_that_nobody_will_make_is_a_failure(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_MIGRATE", "0")
    assert "failed" in [status for status, _ in diagnose(cli, code=1).values()]


def test_a_database_out_of_reach_is_a_failure(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_DATABASE_URL", "postgresql+psycopg://me@127.0.0.1:1/agentos")
    assert diagnose(cli, code=1)["database"][0] == "failed"


def test_a_broken_plugin_is_a_failure(cli, install_plugin):
    install_plugin("broken", "raise RuntimeError('no way')")
    status, detail = diagnose(cli, code=1)["plugin broken"]
    assert (status, "no way" in detail) == ("failed", True)


@pytest.mark.parametrize(
    ("name", "value", "check"),
    [("AGENTOS_WORKERS", "many", "settings"), ("AGENTOS_DATABASE_URL", "mongodb://db", "server")],
)
def test_what_keeps_the_server_from_starting_is_a_failure(cli, monkeypatch, name, value, check):
    monkeypatch.setenv(name, value)
    status, detail = diagnose(cli, code=1)[check]
    assert (status, name in detail) == ("failed", True)


def test_a_provider_that_does_not_work_fails_only_where_an_agent_uses_it(cli, install_plugin, monkeypatch):
    install_plugin("providers", PROVIDERS)
    found = diagnose(cli, "--timeout", "0.5")
    assert found["model provider down"] == ("warning", "no agent uses it, but: set DOWN_API_KEY")
    assert found["model provider slow"] == ("warning", "no agent uses it, but: its check did not end within 0.5 s")
    assert "ZeroDivisionError" in found["model provider buggy"][1]
    monkeypatch.setenv("AGENTOS_MODEL", "down:x")
    assert diagnose(cli, "--timeout", "0.5", code=1)["model provider down"] == ("failed", "set DOWN_API_KEY")


def test_an_agent_whose_model_is_gone_is_a_failure(cli, install_plugin, monkeypatch):
    install_plugin("providers", PROVIDERS)
    cli.ok("register", "support", "--model", "down:x")
    monkeypatch.setenv("AGENTOS_PLUGINS", "none")
    status, detail = diagnose(cli, code=1)["agent support"]
    assert (status, "no model provider 'down'" in detail) == ("failed", True)


def test_a_stored_agent_that_code_hides_is_a_warning(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_ASSISTANT", "0")
    cli.ok("register", "assistant", "--model", "scripted:echo")
    monkeypatch.setenv("AGENTOS_ASSISTANT", "1")
    result = cli("doctor")
    assert result.exit_code == 0
    assert "a stored agent of this id is not served: 'core' registered the id in code" in result.stdout


ABSENT = ("", "")


@pytest.mark.parametrize(
    ("settings", "exposure", "limit"),
    [
        ({}, ("ok", "127.0.0.1:8080, for this machine alone"), ABSENT),
        ({"ALLOW_ORIGINS": "*"}, ("warning", "and every page that it opens in a browser"), ABSENT),
        (
            {"AUTH": "api_key"},
            ("ok", "127.0.0.1:8080, for callers who are known (api_key)"),
            ("ok", "50/1s for each key and 60/60s for each address without a valid credential, in each of 2 workers"),
        ),
        (
            {"AUTH": "api_key", "ADDRESS": ":8080", "RATE_LIMIT": "none"},
            ("ok", ":8080 (IPv4 and IPv6)"),
            ("warning", "60/60s for each address without a valid credential: one client may take all there is"),
        ),
        (
            {"AUTH": "api_key", "PROXY_HOPS": "1", "RATE_LIMIT": "off", "FAILED_AUTH_RATE_LIMIT": "off"},
            ("ok", "127.0.0.1:8080"),
            ("warning", "none: one client may take all there is; set AGENTOS_RATE_LIMIT"),
        ),
        (
            {"AUTH": "api_key", "ADDRESS": ":8080", "RATE_LIMIT": "100/m", "ADDRESS_RATE_LIMIT": "1000/m"},
            ("ok", ":8080 (IPv4 and IPv6)"),
            ("ok", "100/60s for each key and 1000/60s for each address, in each of 2 workers"),
        ),
        (
            {"ALLOW_ANONYMOUS": "1", "RATE_LIMIT": "100/m", "WORKERS": "4"},
            ("warning", "127.0.0.1:8080, for anybody"),
            ("ok", "100/60s for each address, in each of 4 workers"),
        ),
        (
            {"ALLOW_ANONYMOUS": "1", "ADDRESS": ":8080", "ADDRESS_RATE_LIMIT": "5/s"},
            ("warning", ":8080 (IPv4 and IPv6), for anybody who can reach it, without a key"),
            ("ok", "5/1s for each address"),
        ),
    ],
)
def test_it_says_who_can_reach_the_server_and_how_often(cli, monkeypatch, settings, exposure, limit):
    for name, value in settings.items():
        monkeypatch.setenv(f"AGENTOS_{name}", value)
    found = diagnose(cli)
    for name, (status, detail) in (("exposure", exposure), ("rate limit", limit)):
        said = found.get(name, ABSENT)
        assert said[0] == status
        assert detail in said[1]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, ABSENT),
        ({"AUTH": "api_key"}, ("ok", "100 of each owner")),
        ({"AUTH": "api_key", "MAX_RUNS_PER_OWNER": "none"}, ABSENT),
        ({"AUTH": "api_key", "MAX_RUNS": "500"}, ("ok", "100 of each owner and 500 of all")),
    ],
)
def test_it_says_how_many_runs_may_be_under_way(cli, monkeypatch, settings, said):
    for name, value in settings.items():
        monkeypatch.setenv(f"AGENTOS_{name}", value)
    assert diagnose(cli).get("runs at once", ABSENT) == said


def test_an_address_that_the_server_refuses_is_a_failure(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_ADDRESS", "0.0.0.0:8080")
    status, detail = diagnose(cli, code=1)["exposure"]
    assert (status, "AGENTOS_AUTH=api_key" in detail) == ("failed", True)
