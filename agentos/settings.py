"""How a setting is declared, read and refused. The settings themselves are in :mod:`agentos.config`."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentos.errors import ConfigError
from agentos.setting_kinds import Kind, Refusal

CONFIG_FILE = "agentos.toml"
"""Read from the working directory where it exists, unless ``AGENTOS_CONFIG`` names another file."""

MAX_SECRET = 64 * 1024
"""Bytes of the largest file with a secret."""

UNSET: Any = object()


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of a setting without its value. ``env`` names its variables, the strongest first."""

    name: str
    kind: Kind
    default: Any
    help: str
    env: tuple[str, ...] = ()
    secret: bool = False

    @property
    def file_env(self) -> tuple[str, ...]:
        """Variables that name a file with the value, as secrets are mounted into containers."""
        return tuple(f"{name}_FILE" for name in self.env) if self.secret else ()

    def parse(self, value: Any, source: str) -> Any:
        """Return the checked value; raise :class:`~agentos.errors.ConfigError` that says what is wrong and where."""
        try:
            return self.kind.parse(value)
        except Refusal as refusal:
            raise ConfigError(f"setting {self.name!r} (from {source}): {refusal}") from refusal
        except (ValueError, KeyError, TypeError) as error:
            shown = "(hidden)" if self.secret else repr(value)
            raise ConfigError(
                f"setting {self.name!r} (from {source}) is {shown}; accepted: {self.kind.accepts}"
            ) from error


def setting(default: Any, kind: Kind, help: str, *, env: tuple[str, ...] = (), secret: bool = False) -> Any:
    """Declare one setting as a field of a dataclass. Its variable is ``AGENTOS_NAME`` unless ``env`` has others."""
    row = {"default": default, "kind": kind, "help": help, "env": env, "secret": secret}
    return dataclasses.field(default=UNSET, metadata=row, repr=not secret)


def settings_of(config: type) -> list[Setting]:
    """Return the settings that a dataclass declares, in their order."""
    rows = [row for row in dataclasses.fields(config) if "kind" in row.metadata]
    return [
        Setting(**{**row.metadata, "name": row.name, "env": row.metadata["env"] or (f"AGENTOS_{row.name.upper()}",)})
        for row in rows
    ]


def resolve(
    settings: list[Setting],
    given: Mapping[str, Any],
    *,
    environment: Mapping[str, str],
    file: str | Path | None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return value and source of each setting: what is given, else the environment, else the file, else the default.

    An empty variable counts as not set. A secret's variable may have ``_FILE`` behind its name, and names a file then.
    """
    path, in_file = _read_file({one.name for one in settings}, environment, file)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for one in settings:
        value, source = one.default, "default"
        variable = _variable(one, environment)
        if one.name in given:
            source = "given"
            value = one.parse(given[one.name], source)
        elif variable is not None:
            source = variable
            text = environment[variable]
            value = one.parse(_read_secret(text, variable) if variable in one.file_env else text, source)
        elif one.name in in_file:
            source = str(path)
            value = one.parse(in_file[one.name], source)
        values[one.name], sources[one.name] = value, source
    return values, sources


def read_secret(variable: str, environment: Mapping[str, str]) -> str | None:
    """Return the secret of an environment variable, or of the file that ``VARIABLE_FILE`` names; ``None`` without both.

    Every variable that a setting names by its value is read here. Raises :class:`~agentos.errors.ConfigError`.
    """
    value, path = environment.get(variable, "").strip(), environment.get(f"{variable}_FILE")
    if not path:
        return value or None
    if value:
        raise ConfigError(f"the secret {variable} is given by {variable} and by {variable}_FILE; accepted: one of them")
    return _read_secret(path, f"{variable}_FILE")


def _variable(setting: Setting, environment: Mapping[str, str]) -> str | None:
    """Return the variable that gives a setting's value, if there is one."""
    given = [name for name in (*setting.env, *setting.file_env) if environment.get(name)]
    in_files = [name for name in given if name in setting.file_env]
    if in_files and len(given) > 1:
        raise ConfigError(f"setting {setting.name!r} is given by {' and by '.join(given)}; accepted: one of them")
    return given[0] if given else None


def _read_secret(name: str, variable: str) -> str:
    """Return the secret in a file. What is wrong with it is said without a word of what it holds."""
    path = Path(name)
    try:
        if not path.is_file():  # a pipe could be read once, and each worker reads anew
            raise ConfigError(f"{variable} names {name!r}, which is no file; accepted: a file with the secret alone")
        with path.open("rb") as file:
            content = file.read(MAX_SECRET + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no path"
        raise ConfigError(f"{variable} names {name!r}, which cannot be read: {why}") from None
    if len(content) > MAX_SECRET:
        raise ConfigError(f"{variable} names {name!r}, which is larger than {MAX_SECRET // 1024} KiB: no secret is")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{variable} names {name!r}, which is not UTF-8 text") from None
    text = text.rstrip("\r\n")
    if not text.strip():
        raise ConfigError(f"{variable} names {name!r}, which is empty; write the secret into it")
    return text


def _read_file(known: set[str], environment: Mapping[str, str], file: str | Path | None) -> tuple[Path, dict[str, Any]]:
    named = file or environment.get("AGENTOS_CONFIG")
    path = Path(named or CONFIG_FILE)
    if not named and not path.is_file():
        return path, {}
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"configuration file {path} cannot be read: {error}") from error
    if unknown := sorted(values.keys() - known):
        raise ConfigError(
            f"configuration file {path} has unknown settings {', '.join(unknown)}; known: {', '.join(sorted(known))}"
        )
    return path, values
