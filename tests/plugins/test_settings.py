"""Settings of plugins: where their values come from, what hooks read, and what is said about bad ones."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from agentos import AgentOS, Config, Denied, Kind, ToolCall, ToolContext, create_app, hookimpl, kinds
from agentos.errors import ConfigError, PluginError
from agentos.observability.redaction import redact
from agentos.plugins.manager import PluginReport
from agentos.services.services import Services

Register = Callable[[Any], None]


class Plugin:
    """Registers what a test wants, and keeps the configuration that its other hooks get."""

    def __init__(self, register: Register) -> None:
        self.register = register
        self.seen: dict[str, Any] = {}

    @hookimpl
    def register_settings(self, register: Any) -> None:
        self.register(register)

    @hookimpl
    def register_storage_backends(self, register: Any, config: Config) -> None:
        self.seen["storage_backends"] = config

    @hookimpl
    def register_executors(self, register: Any, config: Config) -> None:
        self.seen["executors"] = config

    @hookimpl
    def register_authenticators(self, register: Any, config: Config) -> None:
        self.seen["authenticators"] = config

    @hookimpl
    def register_model_providers(self, register: Any, config: Config) -> None:
        self.seen["model_providers"] = config

    @hookimpl
    def register_tools(self, register: Any, config: Config) -> None:
        self.seen["tools"] = config

    @hookimpl
    def register_agents(self, register: Any, config: Config) -> None:
        self.seen["agents"] = config


def one(name: str = "weather_units", kind: Any = str, default: Any = "metric", **more: Any) -> Register:
    return lambda register: register(name, kind, default, "What it is for.", **more)


def services_of(
    plugins: Mapping[str, object], environ: Mapping[str, str] | None = None, *, strict: bool = True, **given: Any
) -> Services:
    """Build a server with these plugins and no installed one."""
    config = Config(
        **{"database_url": "memory://", "plugins": (), "plugins_strict": strict, "environ": environ or {}, **given}
    )
    services: Services = create_app(config, plugins=plugins).extensions["agentos"]
    services.close()
    return services


def config_of(register: Register, environ: Mapping[str, str] | None = None, **given: Any) -> Config:
    return services_of({"weather": Plugin(register)}, environ, **given).config


def report_of(services: Services, name: str) -> PluginReport:
    (report,) = [report for report in services.plugins.reports if report.name == name]
    return report


def toml(folder: Path, text: str) -> Path:
    file = folder / "agentos.toml"
    file.write_text(text)
    return file


def test_given_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    def register(register: Any) -> None:
        for name in ("weather_a", "weather_b", "weather_c", "weather_d"):
            register(name, int, 1, "A number.")

    file = toml(tmp_path, "weather_a = 2\nweather_b = 2\nweather_c = 2\n")
    environ = {"AGENTOS_WEATHER_A": "3", "AGENTOS_WEATHER_B": "3"}
    config = config_of(register, environ, file=file, plugin_settings={"weather_a": 4})

    assert config.plugin_settings == {"weather_a": 4, "weather_b": 3, "weather_c": 2, "weather_d": 1}
    assert {name: config.sources[name] for name in config.plugin_settings} == {
        "weather_a": "given",
        "weather_b": "AGENTOS_WEATHER_B",
        "weather_c": str(file),
        "weather_d": "default",
    }


def test_every_other_hook_finds_the_values_in_its_config() -> None:
    plugin = Plugin(one())
    services_of({"weather": plugin}, {"AGENTOS_WEATHER_UNITS": "imperial"})
    assert len(plugin.seen) == 6
    assert {config.plugin_settings["weather_units"] for config in plugin.seen.values()} == {"imperial"}


def test_the_env_file_of_the_working_directory_has_them_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLASK_SKIP_DOTENV", raising=False)
    # What the file adds stays in this process. So the name is one that no other test has.
    (tmp_path / ".env").write_text("AGENTOS_WEATHER_IN_ENV_FILE=imperial\n")
    config = Config(database_url="memory://", plugins=())
    services = create_app(config, plugins={"weather": Plugin(one("weather_in_env_file"))}).extensions["agentos"]
    services.close()
    assert services.config.plugin_settings["weather_in_env_file"] == "imperial"


@pytest.mark.parametrize(
    ("kind", "default", "text", "value"),
    [
        (str, "", " a text ", "a text"),
        (int, 0, "-7", -7),
        (float, 0.0, "1e-3", 0.001),
        (bool, False, "Yes", True),
        (kinds.whole(1, 10), 1, "10", 10),
        (kinds.seconds(0.1, 60), 1.0, "2.5", 2.5),
        (kinds.one_of("a", "b"), "a", "B", "b"),
        (kinds.SIZE, "2 MiB", "3 KiB", 3072),
        (kinds.NAMES, (), "a, b", ("a", "b")),
        (kinds.HOSTS, "", "*.Example.com", ("*.example.com",)),
        (kinds.FLAG, "0", "on", True),
        (kinds.or_none(kinds.whole(1, 9)), 5, "off", None),
        (int, None, "7", 7),
        (Kind("a text of capitals", str.upper), "x", "loud", "LOUD"),
    ],
)
def test_a_kind_reads_the_text_of_a_variable(kind: Any, default: Any, text: str, value: object) -> None:
    config = config_of(one(kind=kind, default=default), {"AGENTOS_WEATHER_UNITS": text})
    assert config.plugin_settings["weather_units"] == value


@pytest.mark.parametrize(
    ("kind", "default", "value"),
    [(kinds.SIZE, "2 MiB", 2 * 1024**2), (kinds.NAMES, "a,b", ("a", "b")), (kinds.TEXT, None, None), (int, "4", 4)],
)
def test_a_default_is_written_as_a_user_would_and_read_as_that_is(kind: Any, default: Any, value: object) -> None:
    assert config_of(one(kind=kind, default=default)).plugin_settings["weather_units"] == value


def test_an_empty_variable_counts_as_not_set() -> None:
    config = config_of(one(), {"AGENTOS_WEATHER_UNITS": ""})
    assert (config.plugin_settings["weather_units"], config.sources["weather_units"]) == ("metric", "default")


def test_a_setting_may_have_a_variable_of_another_name() -> None:
    config = config_of(one(variable="WEATHER_TOKEN"), {"WEATHER_TOKEN": "t", "AGENTOS_WEATHER_UNITS": "u"})
    assert (config.plugin_settings["weather_units"], config.sources["weather_units"]) == ("t", "WEATHER_TOKEN")


def test_a_name_that_no_plugin_has_is_an_error_that_says_what_there_is() -> None:
    with pytest.raises(KeyError, match=r"no plugin that is loaded has a setting 'weather_unit'; there are: weather_u"):
        config_of(one()).plugin_settings["weather_unit"]


def test_a_secret_may_be_in_a_file_and_is_redacted_from_then_on(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("numbat-numbat\n")
    environ = {"AGENTOS_WEATHER_KEY_FILE": str(tmp_path / "key")}
    config = config_of(one("weather_key", str, None, secret=True), environ)
    assert config.plugin_settings["weather_key"] == "numbat-numbat"
    assert config.sources["weather_key"] == "AGENTOS_WEATHER_KEY_FILE"
    assert redact("it is numbat-numbat") == "it is ***"
    assert "numbat" not in f"{config!r} {config.plugin_settings!r} {config.inputs!r}"


def test_a_value_that_is_not_accepted_breaks_its_plugin_alone(caplog: pytest.LogCaptureFixture) -> None:
    plugins = {"weather": Plugin(one(kind=int, default=1)), "other": Plugin(one("other_units"))}
    services = services_of(plugins, {"AGENTOS_WEATHER_UNITS": "many"}, strict=False)
    said = "setting 'weather_units' (from AGENTOS_WEATHER_UNITS) is 'many'; accepted: a whole number"
    assert (report_of(services, "weather").status, report_of(services, "weather").error) == ("failed", said)
    assert services.config.plugin_settings == {"other_units": "metric"}
    assert plugins["weather"].seen == {}
    (record,) = [one for one in caplog.records if one.message == "plugin is broken and was skipped"]
    assert (record.plugin, record.reason) == ("weather", said)  # type: ignore[attr-defined]


@pytest.mark.parametrize("place", ["file", "code"])
def test_a_bad_value_in_the_file_or_in_code_is_named_with_its_place(tmp_path: Path, place: str) -> None:
    file = toml(tmp_path, "weather_units = 'many'" if place == "file" else "")
    given = {} if place == "file" else {"weather_units": "many"}
    with pytest.raises(PluginError) as refused:
        config_of(one(kind=int, default=1), file=file, plugin_settings=given)
    assert f"(from {file if place == 'file' else 'given'}) is 'many'" in refused.value.message


def test_a_bad_secret_is_not_shown() -> None:
    def explode(value: Any) -> str:
        raise RuntimeError(value)

    for kind in (kinds.one_of("a"), Kind("a key", explode)):
        register = one("weather_key", kind, None, secret=True)
        with pytest.raises(PluginError, match="weather_key") as refused:
            config_of(register, {"AGENTOS_WEATHER_KEY": "wombat-wombat"})
        assert "wombat" not in refused.value.message


class Deciding(Plugin):
    @hookimpl
    def before_tool_call(self, call: ToolCall, context: ToolContext) -> Denied | None:
        return None


def test_a_server_does_not_start_without_a_deciding_plugin_that_has_a_bad_value() -> None:
    with pytest.raises(PluginError, match=r"setting 'weather_units' .from AGENTOS_WEATHER_UNITS. is 'many'.*decides"):
        services_of({"weather": Deciding(one(kind=int, default=1))}, {"AGENTOS_WEATHER_UNITS": "many"}, strict=False)


@pytest.mark.parametrize(
    ("register", "said"),
    [
        (one("Units"), "a setting is named 'Units'; accepted: at most 64 lower-case letters"),
        (one("weather-units"), "a setting is named 'weather-units'"),
        (one(kind=list), "the kind of setting 'weather_units' is <class 'list'>; accepted: str, int, float, bool"),
        (one(kind="int"), "the kind of setting 'weather_units' is 'int'"),
        (one(kind=int, default="many"), "setting 'weather_units' (from its default) is 'many'; accepted: a whole"),
        (one(variable="weather"), "the variable of setting 'weather_units' is 'weather'; accepted: capital letters"),
        (lambda register: register("weather_units", str, "", ""), "setting 'weather_units' has no help"),
        (one(kind=int, default=7, secret=True), "is a secret, so its kind must give a text"),
        (one("workers"), "setting 'workers' of 'weather' is already there: 'core' registered it"),
        (one("other_units"), "setting 'other_units' of 'weather' is already there: 'other' registered it"),
        (one(variable="OPENAI_API_KEY"), "variable 'OPENAI_API_KEY' of 'weather' is already there: 'core'"),
        (one(variable="AGENTOS_CONFIG"), "variable 'AGENTOS_CONFIG' of 'weather' is already there: 'core'"),
        (one(variable="AGENTOS_JWT_KEY_FILE"), "variable 'AGENTOS_JWT_KEY_FILE' of 'weather' is already there: 'core'"),
        (one(variable="AGENTOS_OTHER_UNITS"), "variable 'AGENTOS_OTHER_UNITS' of 'weather' is already there: 'other'"),
        (lambda register: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_a_row_that_is_not_in_order_breaks_its_plugin_alone(register: Register, said: str) -> None:
    services = services_of({"other": Plugin(one("other_units")), "weather": Plugin(register)}, strict=False)
    report = report_of(services, "weather")
    assert report.status == "failed"
    assert said in (report.error or "")
    assert services.config.plugin_settings == {"other_units": "metric"}


def test_an_unknown_name_in_the_file_is_refused_once_plugins_are_known(tmp_path: Path) -> None:
    file = toml(tmp_path, "weather_unit = 'metric'\n")
    config = Config(environ={}, file=file)  # what plugins there are is not known yet
    assert config.workers == 2
    with pytest.raises(ConfigError, match=r"agentos\.toml has unknown settings weather_unit; known: .*weather_units"):
        config_of(one(), file=file)


def test_an_unknown_name_in_code_is_refused_once_plugins_are_known() -> None:
    with pytest.raises(ConfigError, match=r"plugin_settings has unknown settings weather_unit; known: .*weather_units"):
        config_of(one(), plugin_settings={"weather_unit": "metric"})


def test_a_setting_of_the_server_is_not_given_as_one_of_a_plugin() -> None:
    with pytest.raises(ConfigError, match=r"plugin_settings has 'workers', .*give Config\(workers=…\)"):
        Config(environ={}, plugin_settings={"workers": 2})
    with pytest.raises(ConfigError, match="plugin_settings is of type list; accepted: a dictionary"):
        Config(environ={}, plugin_settings=["workers"])  # type: ignore[arg-type]


def test_the_values_of_a_plugin_that_is_not_loaded_may_stay_in_the_file(tmp_path: Path) -> None:
    def broken(register: Any) -> None:
        register("units", str, "metric", "A name that does not begin with the plugin's.")
        raise RuntimeError("no licence")

    # http is installed, and left out by `plugins=()`.
    file = toml(tmp_path, "units = 'x'\nweather_timeout = 1\nhttp_timeout = 2.5\n")
    services = services_of({"weather": Plugin(broken)}, strict=False, file=file)
    assert services.config.plugin_settings == {}


def test_settings_are_replaced_without_losing_those_of_plugins(tmp_path: Path) -> None:
    file = toml(tmp_path, "weather_c = 3\n")
    given = Config(
        database_url="memory://",
        plugins=(),
        plugin_settings={"weather_a": 1},
        environ={"AGENTOS_WEATHER_B": "2", "AGENTOS_WORKERS": "3"},
        file=file,
    )
    changed = given.replace(max_turns=4)
    assert (changed.max_turns, changed.workers, changed.sources["workers"]) == (4, 3, "AGENTOS_WORKERS")
    assert AgentOS(changed).copy().config is changed

    def register(register: Any) -> None:
        for name in ("weather_a", "weather_b", "weather_c"):
            register(name, kinds.or_none(kinds.whole(0, 9)), 0, "A number.")

    app = create_app(changed, plugins={"weather": Plugin(register)})
    app.extensions["agentos"].close()
    found = app.extensions["agentos"].config
    assert found.plugin_settings == {"weather_a": 1, "weather_b": 2, "weather_c": 3}
    # Also from a configuration that has them already.
    again = create_app(found.replace(migrate=False), plugins={"weather": Plugin(register)}).extensions["agentos"]
    again.close()
    assert again.config.plugin_settings == found.plugin_settings


def test_the_log_has_no_secret_of_a_plugin(caplog: pytest.LogCaptureFixture) -> None:
    class Telling(Plugin):
        @hookimpl
        def register_agents(self, register: Any, config: Config) -> None:
            raise RuntimeError(f"cannot log in with {config.plugin_settings['weather_key']}")

    plugin = Telling(one("weather_key", str, None, secret=True))
    with caplog.at_level(logging.ERROR):
        services = services_of({"weather": plugin}, {"AGENTOS_WEATHER_KEY": "possum-possum"}, strict=False)
    assert report_of(services, "weather").error == "RuntimeError: cannot log in with ***"
    assert "possum" not in caplog.text
