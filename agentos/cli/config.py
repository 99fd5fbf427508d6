"""``flask agentos config``: the settings, and where each came from."""

from __future__ import annotations

from typing import Any

import click

from agentos.cli.opening import found_server
from agentos.cli.output import as_json, print_list
from agentos.config import Config
from agentos.provider_settings.value import HIDDEN, ProviderSettings
from agentos.setting_kinds import Rate
from agentos.settings import Setting, settings_of


@click.command("config")
@as_json
def command(as_json: bool) -> None:
    """Show each setting and where its value came from.

    Secrets are hidden, and so are passwords within addresses.
    """
    config = found_server().config
    rows = [_row(config, setting) for setting in settings_of(Config)]
    print_list(
        "settings",
        rows,
        ("SETTING", "VALUE", "SOURCE", "VARIABLE"),
        [(row["name"], _shown(row["value"]), row["source"], " or ".join(row["env"])) for row in rows],
        as_json=as_json,
    )


def _row(config: Config, setting: Setting) -> dict[str, Any]:
    return {
        "name": setting.name,
        "value": _safe(setting, getattr(config, setting.name)),
        "source": config.sources[setting.name],
        "env": [*setting.env, *setting.file_env],
        "help": setting.help,
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
    return redact_data(value)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(one if isinstance(one, str) else f"{one['prefix']}={one['base_url']}" for one in value)
    return {None: "", True: "1", False: "0"}.get(value, str(value))
