"""Settings: where values come from, and what is said about bad ones."""

from pathlib import Path

import pytest

from agentos.config import Config
from agentos.errors import ConfigError
from agentos.setting_kinds import Rate
from agentos.settings import settings_of


def test_given_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("workers = 3\nmax_turns = 4\nhistory_turns = 5\n")
    environ = {"AGENTOS_MAX_TURNS": "6", "AGENTOS_HISTORY_TURNS": "7"}

    config = Config(history_turns=8, environ=environ, file=file)

    assert (config.history_turns, config.max_turns, config.workers, config.tool_timeout) == (8, 6, 3, 30.0)
    assert [config.sources[name] for name in ("history_turns", "max_turns", "workers", "tool_timeout")] == [
        "given",
        "AGENTOS_MAX_TURNS",
        str(file),
        "default",
    ]


def test_the_first_named_variable_is_the_strongest() -> None:
    assert Config(environ={"WEB_CONCURRENCY": "5"}).workers == 5
    assert Config(environ={"WEB_CONCURRENCY": "5", "AGENTOS_WORKERS": "4"}).workers == 4


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("AGENTOS_ADDRESS", ":8080", ":8080"),
        ("AGENTOS_ADDRESS", "[::1]:80", "[::1]:80"),
        ("AGENTOS_DEBUG", "Yes", True),
        (
            "AGENTOS_ALLOW_ORIGINS",
            "https://a.example, http://b.example:8000",
            ("https://a.example", "http://b.example:8000"),
        ),
        ("AGENTOS_MAX_REQUEST_SIZE", "2 MiB", 2 * 1024**2),
        ("AGENTOS_REQUEST_TIMEOUT", "1.5", 1.5),
        ("AGENTOS_PLUGINS", "none", ()),
        ("AGENTOS_PLUGINS", "a,b", ("a", "b")),
        ("AGENTOS_MODEL", "openai:org/model:tag", "openai:org/model:tag"),
    ],
)
def test_texts_are_understood(variable: str, text: str, value: object) -> None:
    config = Config(environ={variable: text})
    setting = next(one for one in settings_of(Config) if variable in one.env)
    assert getattr(config, setting.name) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("AGENTOS_ADDRESS", "8080"),
        ("AGENTOS_ADDRESS", "localhost:99999"),
        ("AGENTOS_ADDRESS", "http://localhost:80"),
        ("AGENTOS_WORKERS", "٣"),
        ("AGENTOS_WORKERS", "1_0"),
        ("AGENTOS_WORKERS", "0"),
        ("AGENTOS_WORKERS", "1.5"),
        ("AGENTOS_REQUEST_TIMEOUT", "nan"),
        ("AGENTOS_REQUEST_TIMEOUT", "-1"),
        ("AGENTOS_MAX_REQUEST_SIZE", "10 parsecs"),
        ("AGENTOS_DEBUG", "perhaps"),
        ("AGENTOS_LOG_LEVEL", "loud"),
        ("AGENTOS_ALLOW_ORIGINS", "example.com"),
        ("AGENTOS_MODEL", "gpt-5"),
    ],
)
def test_a_bad_value_is_refused_naming_setting_value_and_what_is_accepted(variable: str, text: str) -> None:
    setting = next(one for one in settings_of(Config) if variable in one.env)
    with pytest.raises(ConfigError) as refused:
        Config(environ={variable: text})
    for part in (setting.name, variable, repr(text), setting.kind.accepts):
        assert part in refused.value.message


def test_a_bad_secret_is_not_shown() -> None:
    with pytest.raises(ConfigError) as refused:
        Config(openai_api_key=123)  # type: ignore[arg-type]
    assert "123" not in refused.value.message


def test_a_secret_is_not_in_the_repr() -> None:
    assert "sk-secret" not in repr(Config(environ={"OPENAI_API_KEY": "sk-secret"}))


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Config(environ={"AGENTOS_WORKERS": ""}).workers == Config(environ={}).workers


@pytest.mark.parametrize("content", ["workers = ", "workers = 'many'"])
def test_a_bad_file_is_refused_by_its_name(tmp_path: Path, content: str) -> None:
    file = tmp_path / "broken.toml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"broken\.toml"):
        Config(environ={"AGENTOS_CONFIG": str(file)})


@pytest.mark.parametrize("setting", settings_of(Config), ids=lambda setting: setting.name)
def test_every_default_passes_its_own_check(setting) -> None:
    assert setting.parse(setting.default, "default") == setting.default


@pytest.mark.parametrize(
    ("text", "count", "seconds"),
    [
        ("10/s", 10, 1),
        ("100/minute", 100, 60),
        ("500/15m", 500, 900),
        ("60 / 2 hours", 60, 7200),
        ("5 per second", 5, 1),
        ("1/DAY", 1, 86400),
    ],
)
def test_a_rate_is_a_number_and_a_time(text: str, count: int, seconds: float) -> None:
    assert Config(environ={"AGENTOS_RATE_LIMIT": text}).rate_limit == Rate(count, seconds)


LIMITS = ("rate_limit", "address_rate_limit", "failed_auth_rate_limit", "max_runs_per_owner", "max_runs")
KEYS = {"AUTH": "api_key"}


@pytest.mark.parametrize(
    ("variables", "limits"),
    [
        # Without authentication there are limits only where they are set; an address has that of a key.
        ({}, (None, None, None, None, None)),
        ({"ALLOW_ANONYMOUS": "1"}, (None, None, None, None, None)),
        ({"RATE_LIMIT": "9/s"}, (Rate(9, 1), Rate(9, 1), None, None, None)),
        ({"RATE_LIMIT": "9/s", "ADDRESS_RATE_LIMIT": "8/s"}, (Rate(9, 1), Rate(8, 1), None, None, None)),
        ({"RATE_LIMIT": "9/s", "ADDRESS_RATE_LIMIT": "none"}, (Rate(9, 1), None, None, None, None)),
        ({"ADDRESS_RATE_LIMIT": "8/s", "MAX_RUNS_PER_OWNER": "7"}, (None, Rate(8, 1), None, 7, None)),
        # With authentication, keys, failures and runs are limited unless that is switched off.
        (KEYS, (Rate(50, 1), None, Rate(60, 60), 100, None)),
        ({"AUTH": "jwt"}, (Rate(50, 1), None, Rate(60, 60), 100, None)),
        ({**KEYS, "ALLOW_ANONYMOUS": "1"}, (Rate(50, 1), None, Rate(60, 60), 100, None)),
        ({**KEYS, "RATE_LIMIT": "9/s"}, (Rate(9, 1), None, Rate(60, 60), 100, None)),
        ({**KEYS, "RATE_LIMIT": "none"}, (None, None, Rate(60, 60), 100, None)),
        ({**KEYS, "RATE_LIMIT": "OFF"}, (None, None, Rate(60, 60), 100, None)),
        ({**KEYS, "RATE_LIMIT": ""}, (Rate(50, 1), None, Rate(60, 60), 100, None)),
        ({**KEYS, "ADDRESS_RATE_LIMIT": "8/s"}, (Rate(50, 1), Rate(8, 1), None, 100, None)),
        ({**KEYS, "ADDRESS_RATE_LIMIT": "none"}, (Rate(50, 1), None, Rate(60, 60), 100, None)),
        (
            {**KEYS, "ADDRESS_RATE_LIMIT": "8/s", "FAILED_AUTH_RATE_LIMIT": "5/m"},
            (Rate(50, 1), Rate(8, 1), Rate(5, 60), 100, None),
        ),
        ({**KEYS, "FAILED_AUTH_RATE_LIMIT": "off"}, (Rate(50, 1), None, None, 100, None)),
        ({**KEYS, "MAX_RUNS_PER_OWNER": "none"}, (Rate(50, 1), None, Rate(60, 60), None, None)),
        ({**KEYS, "MAX_RUNS_PER_OWNER": "7", "MAX_RUNS": "9"}, (Rate(50, 1), None, Rate(60, 60), 7, 9)),
        ({**KEYS, "MAX_RUNS": "off"}, (Rate(50, 1), None, Rate(60, 60), 100, None)),
    ],
)
def test_the_limits_in_force(variables: dict[str, str], limits: tuple[object, ...]) -> None:
    config = Config(environ={f"AGENTOS_{name}": value for name, value in variables.items()})
    assert tuple(getattr(config, name) for name in LIMITS) == limits


def test_a_limit_is_switched_off_in_code_and_in_a_file_too(tmp_path: Path) -> None:
    file = tmp_path / "agentos.toml"
    file.write_text('auth = ["api_key"]\nrate_limit = "none"\nmax_runs_per_owner = "off"\n')
    for config in (
        Config(auth=("api_key",), rate_limit=None, max_runs_per_owner=None, environ={}),
        Config(environ={}, file=file),
    ):
        assert (config.rate_limit, config.max_runs_per_owner) == (None, None)


@pytest.mark.parametrize("value", ["0", "never", "-1", "1.5"])
def test_what_is_neither_a_count_nor_none_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="from 1 to 1000000, or none"):
        Config(environ={"AGENTOS_MAX_RUNS_PER_OWNER": value})


@pytest.mark.parametrize("value", ["100", "0/s", "1/0s", "1/week", "-1/s", "1.5/s", "1/ss", Rate(0, 1), Rate(1, 0)])
def test_what_is_no_rate_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match="100/minute"):
        Config(rate_limit=value, environ={})  # type: ignore[arg-type]


SECRETS = [setting for setting in settings_of(Config) if setting.secret]


@pytest.mark.parametrize("setting", SECRETS, ids=lambda setting: setting.name)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_each_secret_may_be_in_a_file(tmp_path: Path, setting, end: str) -> None:
    file = tmp_path / "secret"
    file.write_text(f"s3cret-s3cret{end}", newline="")
    [variable] = setting.file_env
    config = Config(environ={variable: str(file)})
    assert (getattr(config, setting.name), config.sources[setting.name]) == ("s3cret-s3cret", variable)


def test_the_files_of_the_secrets_that_are_not_ours_are_read_too() -> None:
    names = {name for setting in SECRETS for name in setting.file_env}
    assert {"AGENTOS_DATABASE_URL_FILE", "OPENAI_API_KEY_FILE", "ANTHROPIC_API_KEY_FILE"} <= names


def test_only_secrets_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "workers").write_text("7")
    config = Config(environ={"AGENTOS_WORKERS_FILE": str(tmp_path / "workers")})
    assert config.sources["workers"] == "default"


def _file(tmp_path: Path, content: bytes) -> str:
    file = tmp_path / "secret"
    file.write_bytes(content)
    return str(file)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: str(folder / "nowhere"), "which is no file"),
        (lambda folder: str(folder), "which is no file"),
        (lambda folder: "/dev/zero", "which is no file"),
        (lambda folder: "nul\0byte", "OPENAI_API_KEY_FILE names"),
        (lambda folder: _file(folder, b"canary" * 20_000), "larger than 64 KiB"),
        (lambda folder: _file(folder, b"canary\xff"), "not UTF-8"),
        (lambda folder: _file(folder, b"\n"), "which is empty"),
        (lambda folder: _file(folder, b""), "which is empty"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused_without_what_it_holds(tmp_path: Path, make, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        Config(environ={"OPENAI_API_KEY_FILE": make(tmp_path)})
    assert "OPENAI_API_KEY_FILE" in refused.value.message
    assert "canary" not in refused.value.message
    assert refused.value.__cause__ is None


def test_a_secret_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    environ = {"OPENAI_API_KEY": "canary", "OPENAI_API_KEY_FILE": _file(tmp_path, b"canary")}
    with pytest.raises(ConfigError, match="OPENAI_API_KEY and by OPENAI_API_KEY_FILE") as refused:
        Config(environ=environ)
    assert "canary" not in refused.value.message
