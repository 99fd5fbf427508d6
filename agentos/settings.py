"""How a setting is declared, read and refused.

Our own settings are in :mod:`agentos.config`; those of plugins come through :mod:`agentos.plugins.settings`.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agentos.errors import ConfigError
from agentos.setting_kinds import Kind, Refusal

CONFIG_FILE = "agentos.toml"
"""Read from the working directory where it exists, unless another file is named."""

CONFIG_VARIABLE = "AGENTOS_CONFIG"
"""Names that file. It is the one variable of ours that is no setting."""

MAX_SECRET = 64 * 1024
"""Bytes of the largest file with a secret."""

UNSET: Any = object()


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of a setting without its value. ``env`` names its variables, the strongest first.

    ``plugin`` is the plugin that it belongs to; ``None`` for our own.
    """

    name: str
    kind: Kind
    default: Any
    help: str
    env: tuple[str, ...] = ()
    secret: bool = False
    plugin: str | None = None

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


@dataclass(frozen=True, slots=True, repr=False)
class Inputs:
    """What a configuration is read from: the values given in code, the environment, and a file.

    They are kept, because plugins and their settings are known only later. ``file`` is the name that was given in code;
    ``path`` is the file that was looked at, and ``in_file`` are its values.
    """

    given: Mapping[str, Any]
    environment: Mapping[str, str]
    file: str | Path | None
    path: Path
    in_file: Mapping[str, Any]

    @classmethod
    def collect(cls, given: Mapping[str, Any], environment: Mapping[str, str], file: str | Path | None) -> Inputs:
        """Read the file, and keep all as it is now; raise :class:`~agentos.errors.ConfigError`."""
        path, in_file = _read_file(environment, file)
        return cls(MappingProxyType(dict(given)), MappingProxyType(dict(environment)), file, path, in_file)

    def read(self, setting: Setting) -> tuple[Any, str]:
        """Return value and source of a setting: what is given, else the environment, else the file, else the default.

        An empty variable counts as not set. A secret's variable may have ``_FILE`` behind its name, and names a file
        then. Raises :class:`~agentos.errors.ConfigError`.
        """
        if setting.name in self.given:
            return setting.parse(self.given[setting.name], "given"), "given"
        variable = _variable(setting, self.environment)
        if variable is not None:
            text = self.environment[variable]
            text = _read_secret(text, variable) if variable in setting.file_env else text
            return setting.parse(text, variable), variable
        if setting.name in self.in_file:
            return setting.parse(self.in_file[setting.name], str(self.path)), str(self.path)
        return setting.default, "default"


class PluginSettings(Mapping[str, Any]):
    """The values of plugins' settings, by name. Its ``repr`` has the names alone: a value may be a secret."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            names = ", ".join(self._values) or "none"
            raise KeyError(f"no plugin that is loaded has a setting {name!r}; there are: {names}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"PluginSettings({', '.join(self._values)})"


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


def _read_file(environment: Mapping[str, str], file: str | Path | None) -> tuple[Path, dict[str, Any]]:
    named = file or environment.get(CONFIG_VARIABLE)
    path = Path(named or CONFIG_FILE)
    if not named and not path.is_file():
        return path, {}
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"configuration file {path} cannot be read: {error}") from error
    return path, values
