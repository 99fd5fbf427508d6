"""``flask agentos config``: the settings, and where each came from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from agentos.cli.output import as_json, print_json, print_table

if TYPE_CHECKING:
    from agentos.config import Config
    from agentos.settings import Setting

HIDDEN = "(hidden)"

# user:password@ in an address, where SQLAlchemy lets a password hold any character, so up to the last @; and values in
# its query that are called a password, secret, token or key.
_PASSWORD = re.compile(r"(://[^:/]*:).*(?=@)|([?&][^=&#]*(?:pass|pwd|secret|token|key)[^=&#]*=)[^&#\s]+", re.IGNORECASE)


@click.command("config")
@as_json
def command(as_json: bool) -> None:
    """Show each setting and where its value came from.

    Secrets are hidden, and so are passwords within addresses.
    """
    from agentos.cli.opening import configured
    from agentos.config import Config
    from agentos.settings import settings_of

    config = configured()
    rows = [_row(config, setting) for setting in settings_of(Config)]
    if as_json:
        print_json({"settings": rows, "count": len(rows)})
        return
    print_table(
        ("SETTING", "VALUE", "SOURCE", "VARIABLE"),
        [(row["name"], _shown(row["value"]), row["source"], " or ".join(row["env"])) for row in rows],
        empty="No settings.",
        whole=("SETTING",),
    )


def _row(config: Config, setting: Setting) -> dict[str, Any]:
    return {
        "name": setting.name,
        "value": _safe(setting, getattr(config, setting.name)),
        "source": config.sources[setting.name],
        "env": list(setting.env),
        "help": setting.help,
    }


def _safe(setting: Setting, value: Any) -> Any:
    """Return the value without what is secret in it; of a secret address, all but the password is worth seeing."""
    if isinstance(value, tuple):
        return list(value)
    if not isinstance(value, str):
        return value
    if setting.secret and not (setting.name.endswith("_url") and "://" in value):
        return HIDDEN
    return without_password(value)


def without_password(url: str) -> str:
    """Return an address with the passwords in it hidden."""
    return _PASSWORD.sub(lambda match: f"{match[1] or match[2]}***", url)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return {None: "", True: "1", False: "0"}.get(value, str(value))
