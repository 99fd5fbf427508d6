"""``config`` and ``db``."""

import json
import sqlite3
from contextlib import closing

import pytest

from agentos.config import Config
from agentos.settings import settings_of
from agentos.storage.migrations import HEAD


def settings(cli):
    return {row["name"]: row for row in cli.json("config")["settings"]}


def test_each_setting_is_shown_with_its_value_and_source(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("WEB_CONCURRENCY", "7")
    (tmp_path / "agentos.toml").write_text("max_turns = 3\n")
    shown = settings(cli)
    assert list(shown) == [setting.name for setting in settings_of(Config)]
    assert (shown["workers"]["value"], shown["workers"]["source"]) == (7, "WEB_CONCURRENCY")
    assert (shown["max_turns"]["value"], shown["max_turns"]["source"]) == (3, "agentos.toml")
    assert (shown["address"]["value"], shown["address"]["source"]) == ("127.0.0.1:8080", "default")
    # What a command does to its own log is no setting of the deployment.
    assert (shown["log_level"]["value"], shown["log_level"]["source"]) == ("info", "default")
    assert ["workers", "7", "WEB_CONCURRENCY", "AGENTOS_WORKERS", "or", "WEB_CONCURRENCY"] in [
        line.split() for line in cli.ok("config").splitlines()
    ]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("OPENAI_API_KEY", "sk-geheim", "(hidden)"),
        ("ANTHROPIC_API_KEY", "sk-geheim://x", "(hidden)"),
        ("AGENTOS_DATABASE_URL", "postgresql+psycopg://me:geheim@db/agentos", "postgresql+psycopg://me:***@db/agentos"),
        (
            "AGENTOS_DATABASE_URL",
            "postgresql+psycopg://me:ge@heim@db/agentos",
            "postgresql+psycopg://me:***@db/agentos",
        ),
        (
            "AGENTOS_DATABASE_URL",
            "postgresql+psycopg://db/a?user=me&password=geheim&x=1",
            "postgresql+psycopg://db/a?user=me&password=***&x=1",
        ),
        ("AGENTOS_DATABASE_URL", "postgresql+psycopg://me:g/e?heim@db/a", "postgresql+psycopg://me:***@db/a"),
        ("AGENTOS_DATABASE_URL", "postgresql+psycopg://me@db:5432/a", "postgresql+psycopg://me@db:5432/a"),
        ("AGENTOS_DATABASE_URL", "geheim", "(hidden)"),
        ("OPENAI_BASE_URL", "https://me:geheim@example.com/v1", "https://me:***@example.com/v1"),
    ],
)
def test_secrets_are_hidden(cli, monkeypatch, name, value, shown):
    monkeypatch.setenv(name, value)
    [row] = [row for row in settings(cli).values() if row["source"] == name]
    assert row["value"] == shown
    assert "heim" not in cli.ok("config")


def test_a_secret_in_a_file_is_hidden_and_its_source_is_the_variable(cli, monkeypatch, tmp_path):
    (tmp_path / "url").write_text("postgresql://me:geheim@db/agentos\n")
    monkeypatch.delenv("AGENTOS_DATABASE_URL")
    monkeypatch.setenv("AGENTOS_DATABASE_URL_FILE", str(tmp_path / "url"))
    row = settings(cli)["database_url"]
    assert (row["value"], row["source"]) == ("postgresql://me:***@db/agentos", "AGENTOS_DATABASE_URL_FILE")
    assert row["env"] == ["AGENTOS_DATABASE_URL", "AGENTOS_DATABASE_URL_FILE"]


TALKING = """
from agentos.config import Config
from agentos.hookspecs import hookimpl
from agentos.models.scripted import ScriptedProvider

class Talking(ScriptedProvider):
    def check(self):
        raise RuntimeError(repr([Config().openai_api_key, Config().jwt_key, Config().database_url]))

@hookimpl
def register_model_providers(register):
    register("talking", lambda config: Talking())
"""

BROKEN = """
from agentos.hookspecs import hookimpl

@hookimpl
def register_agents(register, config):
    raise ValueError(f"{config.anthropic_api_key} and {config.database_url}")
"""


@pytest.mark.parametrize(
    "command",
    [("config",), ("doctor",), ("plugins",), ("models",), ("agents",), ("tools",), ("db", "current"), ("db", "check")],
)
def test_no_secret_setting_is_printed_by_any_command(cli, monkeypatch, install_plugin, command):
    secrets = [setting for setting in settings_of(Config) if setting.secret]
    for setting in secrets:
        # What is not installed ends the command; tests/plugins/test_jobs.py looks at one.
        if setting.name not in ("signals", "rate_limit_store"):
            monkeypatch.setenv(setting.env[0], f"quokka-{setting.name}-of-at-least-32-letters")
    monkeypatch.setenv("AGENTOS_DATABASE_URL", "postgresql+psycopg://me:quokka%40quokka@127.0.0.1:1/agentos")
    monkeypatch.setenv("AGENTOS_SIGNALS", "local")  # a URL of no installed plugin would end the commands
    install_plugin("talking", TALKING)
    install_plugin("broken", BROKEN)
    for form in ((), ("--json",)):
        result = cli(*command, *form)
        assert "quokka" not in result.output + result.stderr
    if command == ("doctor",):
        assert "its check raised RuntimeError: ['***', '***', 'postgresql+psycopg://me:***@" in result.output


VAULT = """
from agentos.errors import ConfigError
from agentos.hookspecs import hookimpl

def refuse(url, config):
    raise ConfigError(f"cannot open {url}, {config.openai_api_key}")

@hookimpl
def register_storage_backends(register):
    register("vault", refuse)
"""


def test_an_error_of_a_plugin_is_one_line_without_secrets(cli, monkeypatch, install_plugin):
    monkeypatch.setenv("AGENTOS_DATABASE_URL", "vault://me:geheim@db")
    monkeypatch.setenv("OPENAI_API_KEY", "geheim-geheim")
    install_plugin("vault", VAULT)
    assert cli.fails("agents") == "Error: cannot open vault://me:***@db, ***"


def test_a_rate_is_shown_as_it_can_be_given(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_RATE_LIMIT", "100 / minute")
    assert settings(cli)["rate_limit"]["value"] == "100/60s"
    assert str(Config(environ={}, rate_limit="100/60s").rate_limit) == "100/60s"


def test_a_value_that_is_not_accepted_is_one_line(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_WORKERS", "many")
    assert "setting 'workers' (from AGENTOS_WORKERS) is 'many'; accepted: a whole number" in cli.fails("config")


def test_a_schema_is_missing_until_it_is_made(cli):
    assert cli.json("db", "current")["ready"] is False
    assert "run 'flask agentos db upgrade'" in cli.fails("db", "check")
    assert cli.ok("db", "upgrade").startswith("The schema is now at ")
    assert cli.json("db", "current")["ready"] is True
    assert cli.ok("db", "check") == f"The database answers, and the schema is at {HEAD}.\n"
    assert cli.ok("db", "upgrade").startswith("The schema is at ")
    assert cli.ok("db", "current").startswith("current: ")


def test_a_database_out_of_reach_is_an_error(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_DATABASE_URL", "postgresql+psycopg://me:geheim@127.0.0.1:1/agentos")
    for command in (("db", "check"), ("db", "upgrade"), ("db", "current"), ("agents",)):
        assert "geheim" not in cli.fails(*command)


def test_a_scheme_that_nobody_serves_is_an_error(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_DATABASE_URL", "mongodb://db")
    assert "which no installed storage backend serves" in cli.fails("agents")


def newer(tmp_path, *, least=None):
    with closing(sqlite3.connect(tmp_path / "agentos.db", isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        if least is not None:
            connection.execute("CREATE TABLE schema_compatibility (least TEXT NOT NULL)")
            connection.execute("INSERT INTO schema_compatibility VALUES (?)", (least,))


def finding(cli, name):
    return {row["name"]: row for row in json.loads(cli("doctor", "--json").stdout)["checks"]}[name]


def test_a_schema_that_a_newer_version_upgraded_is_left_alone_and_is_well(cli, tmp_path):
    cli.ok("db", "upgrade")
    newer(tmp_path)
    assert "Nothing was changed: the schema is at 9999, newer than this version's" in cli.ok("db", "upgrade")
    assert cli.json("db", "current")["ready"] is True
    assert "newer than this version's" in cli.ok("db", "current")
    assert "newer than this version's" in cli.ok("db", "check")
    assert finding(cli, "schema")["status"] == "ok"
    cli.ok("sessions", "list")


def test_a_schema_that_takes_a_newer_version_says_that_one_is_needed(cli, tmp_path):
    cli.ok("db", "upgrade")
    newer(tmp_path, least="9998")
    for command in (("db", "upgrade"), ("db", "check"), ("sessions", "list")):
        said = cli.fails(*command)
        assert "run a newer version of AgentOS" in said
        assert "db upgrade" not in said
    assert cli.json("db", "current")["ready"] is False
    found = finding(cli, "schema")
    assert (found["status"], "run a newer version of AgentOS" in found["detail"]) == ("failed", True)
