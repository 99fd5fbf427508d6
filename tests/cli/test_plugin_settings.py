"""Settings of plugins as commands show them, and variables that nothing reads."""

import json

import pytest

WEATHER = """
from agentos import hookimpl, kinds
import click

@hookimpl
def register_settings(register):
    register("weather_units", kinds.one_of("metric", "imperial"), "metric", "Units of the answers.")
    register("weather_key", str, None, "Key of the weather service.", secret=True)
    register("weather_url", str, None, "Address of the weather service.", secret=True)
    register("weather_ports", kinds.NAMES, "80,443", "Ports to reach.")

@hookimpl
def register_commands(register, config):
    @click.command("units")
    def units():
        click.echo(config.plugin_settings["weather_units"])
    register(units)
"""

OPENING = """
from agentos import hookimpl

@hookimpl
def register_settings(register):
    register("opening_count", int, 1, "A number.")

for hook in ("storage_backends", "executors", "authenticators", "model_providers", "tools", "agents", "commands"):
    def call(register, config):
        raise SystemExit("a hook was called that opens things")
    globals()[f"register_{hook}"] = hookimpl(call)
del call
"""


@pytest.fixture(autouse=True)
def weather(install_plugin):
    install_plugin("weather", WEATHER)


def settings(cli):
    return {row["name"]: row for row in cli.json("config")["settings"]}


def test_a_setting_of_a_plugin_is_shown_with_its_source_and_plugin(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("AGENTOS_WEATHER_UNITS", "imperial")
    (tmp_path / "agentos.toml").write_text('weather_ports = ["1", "2"]\n')
    shown = settings(cli)
    assert list(shown)[-4:] == ["weather_units", "weather_key", "weather_url", "weather_ports"]
    assert shown["workers"]["plugin"] is None
    assert shown["weather_units"] == {
        "name": "weather_units",
        "value": "imperial",
        "default": "metric",
        "source": "AGENTOS_WEATHER_UNITS",
        "env": ["AGENTOS_WEATHER_UNITS"],
        "accepts": "metric or imperial",
        "help": "Units of the answers.",
        "plugin": "weather",
    }
    assert (shown["weather_ports"]["value"], shown["weather_ports"]["source"]) == (["1", "2"], "agentos.toml")
    assert shown["weather_key"]["env"] == ["AGENTOS_WEATHER_KEY", "AGENTOS_WEATHER_KEY_FILE"]
    line = ["weather_units", "imperial", "AGENTOS_WEATHER_UNITS", "AGENTOS_WEATHER_UNITS", "weather"]
    assert line in [line.split() for line in cli.ok("config").splitlines()]


def test_secrets_of_plugins_are_hidden(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_WEATHER_KEY", "geheim-geheim")
    monkeypatch.setenv("AGENTOS_WEATHER_URL", "https://me:geheim@example.com/v1")
    shown = settings(cli)
    assert shown["weather_key"]["value"] == "(hidden)"
    assert shown["weather_url"]["value"] == "https://me:***@example.com/v1"
    assert "geheim" not in cli.ok("config")


def test_showing_the_settings_calls_no_hook_that_opens_things(cli, install_plugin):
    install_plugin("opening", OPENING)
    assert settings(cli)["opening_count"]["value"] == 1


@pytest.mark.parametrize("named", ["-docs", "-run-log", "docs,weather", "weather,run-log,core"])
def test_plugins_of_the_server_itself_may_be_named(cli, monkeypatch, named):
    monkeypatch.setenv("AGENTOS_PLUGINS", named)
    monkeypatch.setenv("AGENTOS_PLUGINS_STRICT", "1")
    assert "weather_units" in settings(cli)
    assert cli("units").stderr == ""


def test_a_command_of_a_plugin_finds_its_settings(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_WEATHER_UNITS", "imperial")
    assert cli.ok("units") == "imperial\n"


def test_a_setting_of_a_program_is_given(cli, monkeypatch, tmp_path):
    (tmp_path / "shop.py").write_text(
        "from agentos import AgentOS, Config\nserver = AgentOS(Config(plugin_settings={'weather_units': 'imperial'}))\n"
    )
    monkeypatch.setenv("AGENTOS_APP", "shop:server")
    monkeypatch.syspath_prepend(tmp_path)
    row = settings(cli)["weather_units"]
    assert (row["value"], row["source"]) == ("imperial", "given")


def test_an_unknown_name_in_the_file_is_one_line(cli, tmp_path):
    (tmp_path / "agentos.toml").write_text("weather_unit = 1\n")
    assert "configuration file agentos.toml has unknown settings weather_unit; known: " in cli.fails("config")
    checks = json.loads(cli("doctor", "--json").stdout)["checks"]
    assert [(one["name"], one["status"]) for one in checks if "weather_unit;" in one["detail"]] == [
        ("server", "failed")
    ]


def test_a_value_that_is_not_accepted_breaks_the_plugin_and_is_said(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_WEATHER_UNITS", "furlongs")
    said = "setting 'weather_units' (from AGENTOS_WEATHER_UNITS) is 'furlongs'; accepted: metric or imperial"
    result = cli("config")
    assert result.exit_code == 0
    assert said in result.stderr
    assert "weather_units" not in result.stdout
    checks = {one["name"]: one for one in json.loads(cli("doctor", "--json").stdout)["checks"]}
    assert (checks["plugin weather"]["status"], said in checks["plugin weather"]["detail"]) == ("failed", True)


VARIABLES = [
    ("AGENTOS_WOKERS", "AGENTOS_WOKERS is no setting of AgentOS, nor of a plugin that is loaded; did you mean"
     " AGENTOS_WORKERS?"),
    ("AGENTOS_WEATHER_UNIT", "AGENTOS_WEATHER_UNIT is no setting of AgentOS, nor of a plugin that is loaded; did you"
     " mean AGENTOS_WEATHER_UNITS?"),
    ("AGENTOS_XYZZY", "AGENTOS_XYZZY is no setting of AgentOS, nor of a plugin that is loaded"),
    ("AGENTOS_HTTP_TIMEOUT", "AGENTOS_HTTP_TIMEOUT has no effect: plugin http is left out (AGENTOS_PLUGINS)"),
    ("AGENTOS_TOOL_POLICY", "AGENTOS_TOOL_POLICY has no effect: plugin tool-policy is left out (AGENTOS_PLUGINS)"),
    ("AGENTOS_WORKERS_FILE", "AGENTOS_WORKERS_FILE is no setting of AgentOS"),
]  # fmt: skip


@pytest.mark.parametrize(("variable", "said"), VARIABLES)
def test_a_variable_that_nothing_reads_is_a_warning(cli, monkeypatch, variable, said):
    monkeypatch.setenv(variable, "5")
    result = cli("config")
    assert result.exit_code == 0
    (warning,) = [line for line in result.stderr.splitlines() if line.startswith("Warning: ")]
    assert said in warning
    checks = json.loads(cli("doctor", "--json").stdout)["checks"]
    (found,) = [one for one in checks if one["name"] == "advice"]
    assert (found["status"], said in found["detail"]) == ("warning", True)


def test_the_variables_of_settings_are_no_warning(cli, monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("geheim-geheim")
    (tmp_path / "own.toml").touch()
    monkeypatch.setenv("AGENTOS_CONFIG", "own.toml")
    for name in ("AGENTOS_WEATHER_KEY_FILE", "AGENTOS_JWT_KEY_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "secret"))
    for name, value in {
        "AGENTOS_WORKERS": "2",
        "AGENTOS_WEATHER_UNITS": "metric",
        "AGENTOS_Y": "",
        "OTHER": "x",
    }.items():
        monkeypatch.setenv(name, value)
    assert "Warning" not in cli("config").stderr


def test_the_variables_of_a_broken_plugin_are_said_to_have_no_effect(cli, monkeypatch, install_plugin):
    install_plugin("broken", "raise RuntimeError('no way')")
    monkeypatch.setenv("AGENTOS_BROKEN_COUNT", "5")
    assert "Warning: AGENTOS_BROKEN_COUNT has no effect: plugin broken is broken." in cli("config").stderr


def test_the_doctor_names_the_settings_of_plugins_that_are_set(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_WEATHER_UNITS", "imperial")
    checks = {one["name"]: one for one in json.loads(cli("doctor", "--json").stdout)["checks"]}
    assert checks["plugin settings"]["detail"] == "set: weather_units; all others have their defaults"
