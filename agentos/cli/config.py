"""``flask agentos config``: the settings, and where each came from."""

from __future__ import annotations

from typing import Any

import click

from agentos.cli.opening import found_server, load_plugins
from agentos.cli.output import as_json, print_list, printable
from agentos.config import Config
from agentos.provider_settings.value import HIDDEN, ProviderSettings
from agentos.setting_kinds import Rate
from agentos.settings import Setting


@click.command("config")
@as_json
def command(as_json: bool) -> None:
    """Show each setting, also those of plugins, and where its value came from.

    Secrets are hidden, and so are passwords within addresses. Variables that nothing reads are named on standard error.
    """
    from agentos.advice import unread_variables

    config, manager = load_plugins(found_server().config)
    rows = [_row(config, setting) for setting in config.settings]
    print_list(
        "settings",
        rows,
        ("SETTING", "VALUE", "SOURCE", "VARIABLE", "PLUGIN"),
        [
            (row["name"], _shown(row["value"]), row["source"], " or ".join(row["env"]), row["plugin"] or "")
            for row in rows
        ],
        as_json=as_json,
    )
    for sentence in unread_variables(config, manager.reports):
        click.echo(f"Warning: {printable(sentence)}.", err=True)


def _row(config: Config, setting: Setting) -> dict[str, Any]:
    return {
        "name": setting.name,
        "value": _safe(setting, config.value_of(setting)),
        "source": config.sources[setting.name],
        "env": [*setting.env, *setting.file_env],
        "help": setting.help,
        "plugin": setting.plugin,
    }


def _safe(setting: Setting, value: Any) -> Any:
    """Return the value without what is secret in it; of a secret address, all but the password is worth seeing."""
    from agentos.observability.redaction import is_whole_secret, redact_data, without_passwords

    if isinstance(value, Rate):
        return str(value)
    if isinstance(value, tuple) and value and isinstance(value[0], ProviderSettings):
        return [one.shown() for one in value]
    if isinstance(value, str):
        value = HIDDEN if is_whole_secret(setting, value) else without_passwords(value)
    return redact_data(_plain(value))


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: a plugin's kind may make anything of a text."""
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(f"{one['prefix']}={one['base_url']}" if isinstance(one, dict) else str(one) for one in value)
    return {None: "", True: "1", False: "0"}.get(value, str(value))
