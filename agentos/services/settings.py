"""The settings as they may be shown: each with where its value came from, and without what is secret in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentos.config import Config
from agentos.observability.redaction import is_whole_secret, redact_data, redact_texts, without_passwords
from agentos.provider_settings.value import ProviderSettings
from agentos.setting_kinds import Rate
from agentos.settings import Setting

Source = Literal["default", "code", "environment", "file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSetting:
    """One setting. ``value`` and ``default`` are JSON; of a secret they are ``None``, and ``is_set`` says the rest.

    ``place`` is the variable or the file that the value came from. ``accepts`` says in words what values there may be,
    ``variables`` which ones are read, the strongest first.
    """

    name: str
    value: Any
    default: Any
    is_set: bool
    secret: bool
    source: Source
    place: str | None
    accepts: str
    help: str
    variables: Sequence[str]
    plugin: str | None


def shown_settings(config: Config) -> list[ShownSetting]:
    """Return all settings, ours and behind them those of plugins, as they may be shown."""
    return [_shown(config, setting) for setting in config.settings]


def _shown(config: Config, setting: Setting) -> ShownSetting:
    value, source = config.value_of(setting), config.sources[setting.name]
    variables = [*setting.env, *setting.file_env]
    kinds: dict[str, Source] = {"default": "default", "given": "code", **dict.fromkeys(variables, "environment")}
    return ShownSetting(
        name=setting.name,
        value=_safe(setting, value),
        default=_safe(setting, setting.default),
        is_set=value not in (None, "", ()),
        secret=setting.secret,
        source=kinds.get(source, "file"),
        place=None if source in ("default", "given") else source,
        accepts=setting.kind.accepts,
        help=setting.help,
        variables=variables,
        plugin=setting.plugin,
    )


def _safe(setting: Setting, value: Any) -> Any:
    """Return the value without what is secret in it; of a secret address, all but the password is worth seeing."""
    if isinstance(value, Rate):
        return str(value)
    if isinstance(value, tuple) and value and isinstance(value[0], ProviderSettings):
        # Not by name: of what has the name of a secret, they show variables alone, and those are worth seeing.
        return [redact_texts(one.shown()) for one in value]
    if isinstance(value, str):
        if is_whole_secret(setting, value):
            return None
        value = without_passwords(value)
    return redact_data(_plain(value))


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: a plugin's kind may make anything of a text."""
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)
