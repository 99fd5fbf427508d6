"""``flask agentos config``: the settings, and where each came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agentos.cli.opening import found_server, load_plugins
from agentos.cli.output import as_json, print_list, printable
from agentos.provider_settings.value import HIDDEN

if TYPE_CHECKING:
    from agentos.services.settings import ShownSetting


@click.command("config")
@as_json
def command(as_json: bool) -> None:
    """Show each setting, also those of plugins, and where its value came from.

    Secrets are hidden, and so are passwords within addresses. Variables that nothing reads are named on standard error.
    """
    from agentos.advice import unread_variables
    from agentos.services.settings import shown_settings

    config, manager = load_plugins(found_server().config)
    rows = [_row(setting) for setting in shown_settings(config)]
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


def _row(setting: ShownSetting) -> dict[str, Any]:
    return {
        "name": setting.name,
        "value": HIDDEN if setting.value is None and setting.is_set else setting.value,
        "default": setting.default,
        "source": {"default": "default", "code": "given"}.get(setting.source) or setting.place,
        "env": setting.variables,
        "accepts": setting.accepts,
        "help": setting.help,
        "plugin": setting.plugin,
    }


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(f"{one['prefix']}={one['base_url']}" if isinstance(one, dict) else str(one) for one in value)
    return {None: "", True: "1", False: "0"}.get(value, str(value))
