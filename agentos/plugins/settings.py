"""Settings of plugins: asks the plugins for their rows, reads the values, and refuses names that no row has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from agentos.config import Config
from agentos.errors import ConfigError, PluginError
from agentos.observability.redaction import process, secrets_of
from agentos.plugins.manager import PluginManager, PluginReport
from agentos.registry import Registry
from agentos.setting_kinds import OF_TYPE, Kind, optional
from agentos.settings import CONFIG_VARIABLE, Setting, settings_of

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,79}")


def read_plugin_settings(manager: PluginManager, config: Config) -> Config:
    """Call ``register_settings`` of each plugin, and return the configuration with the values of their settings.

    A row that is not in order, or a value that is not accepted, makes its plugin broken. Raises
    :class:`~agentos.errors.ConfigError` for a name in the file or in ``Config(plugin_settings=…)`` that no row has.
    """
    rows = _Rows(config)
    manager.on_removal(rows.remove_source)
    manager.call("register_settings", rows.register)
    _refuse_unknown(config, rows.names, manager.reports)
    found = config.with_plugin_settings(rows.read())
    process.keep(*secrets_of(found))
    return found


def absent_plugin_of(name: str, reports: Iterable[PluginReport]) -> PluginReport | None:
    """Return the plugin, broken or left out, that a setting or a variable belongs to by the beginning of its name.

    Which settings such a plugin has is not known. By convention their names begin with its own.
    """
    plain = name.lower().removeprefix("agentos_")
    for report in reports:
        start = report.name.lower().replace("-", "_")
        if report.status != "loaded" and (plain == start or plain.startswith(f"{start}_")):
            return report
    return None


class _Rows:
    """The rows of all plugins, each read when it is registered."""

    def __init__(self, config: Config) -> None:
        self._inputs = config.inputs
        self._rows: list[tuple[Setting, Any, str]] = []
        self._settings: Registry[None] = Registry("setting")
        self._variables: Registry[None] = Registry("variable")
        self._variables.add(CONFIG_VARIABLE, None, source="core")
        self.names: set[str] = set()
        """All names, those of plugins that are broken too: a value for one is no mistake in the file."""
        for ours in settings_of(type(config)):
            self._claim(ours, "core")

    def register(
        self,
        report: PluginReport,
        name: str,
        kind: Kind | type,
        default: Any,
        help: str,
        *,
        variable: str | None = None,
        secret: bool = False,
    ) -> None:
        """Check a plugin's row and read its value; raise :class:`~agentos.errors.PluginError`."""
        row = _row(name, kind, default, help, variable=variable, secret=secret, plugin=report.name)
        self._claim(row, report.name)
        self._rows.append((row, *self._read(row)))

    def read(self) -> list[tuple[Setting, Any, str]]:
        """Return the rows with value and source: plugin by plugin, each in the order that it registered them."""
        return list(self._rows)

    def remove_source(self, plugin: str) -> None:
        """Take out what a broken plugin registered."""
        self._rows = [row for row in self._rows if row[0].plugin != plugin]
        self._settings.remove_source(plugin)
        self._variables.remove_source(plugin)

    def _claim(self, row: Setting, source: str) -> None:
        self.names.add(row.name)
        self._settings.add(row.name, None, source=source)
        for variable in (*row.env, *row.file_env):
            self._variables.add(variable, None, source=source)

    def _read(self, row: Setting) -> tuple[Any, str]:
        try:
            default = row.parse(row.default, "its default")
            value, source = self._inputs.read(row)
        except ConfigError as error:
            raise PluginError(error.message) from error
        except Exception as error:
            raise PluginError(f"setting {row.name!r}: its kind raised {type(error).__name__}") from error
        value = default if source == "default" else value
        if row.secret and not isinstance(value, str | None):
            raise PluginError(
                f"setting {row.name!r} is a secret, so its kind must give a text: others are not redacted"
            )
        return value, source


def _row(
    name: object, kind: object, default: Any, help: object, *, variable: object, secret: bool, plugin: str
) -> Setting:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PluginError(
            f"a setting is named {name!r:.100}; accepted: at most 64 lower-case letters, digits and '_', first a letter"
        )
    if isinstance(kind, type):
        kind = OF_TYPE.get(kind, kind)
    if not isinstance(kind, Kind):
        raise PluginError(
            f"the kind of setting {name!r} is {kind!r:.100}; accepted: str, int, float, bool, an agentos.Kind, or one"
            " of agentos.kinds"
        )
    if default is None:
        kind = replace(kind, parse=optional(kind.parse))
    if not isinstance(help, str) or not help.strip():
        raise PluginError(f"setting {name!r} has no help; give a sentence that says what it is for")
    variable = f"AGENTOS_{name.upper()}" if variable is None else variable
    if not isinstance(variable, str) or not VARIABLE.fullmatch(variable):
        raise PluginError(
            f"the variable of setting {name!r} is {variable!r:.100}; accepted: capital letters, digits and '_'"
        )
    return Setting(name, kind, default, help, (variable,), secret=secret, plugin=plugin)


def _refuse_unknown(config: Config, known: set[str], reports: Iterable[PluginReport]) -> None:
    reports = list(reports)
    inputs = config.inputs
    for place, names in ((f"configuration file {inputs.path}", inputs.in_file), ("plugin_settings", inputs.given)):
        unknown = [name for name in sorted(map(str, names.keys() - known)) if absent_plugin_of(name, reports) is None]
        if unknown:
            raise ConfigError(f"{place} has unknown settings {', '.join(unknown)}; known: {', '.join(sorted(known))}")
