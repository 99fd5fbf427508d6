"""``flask agentos models``: what models agents may name."""

from __future__ import annotations

import click

from agentos.cli.opening import app_option, opened
from agentos.cli.output import as_json, print_list


@click.command("models")
@as_json
@app_option
def command(as_json: bool) -> None:
    """List models worth knowing.

    Each is shown with the plugin that it came from. Any other name of a listed provider may work too; a provider that
    lists no models is shown with '*'.
    """
    with opened(migrate=False) as services:
        models = services.catalog.names()
        providers = [(entry.name, entry.source) for entry in services.catalog]
    listed = {name.partition(":")[0] for name, _ in models}
    silent = [(f"{prefix}:*", source) for prefix, source in providers if prefix not in listed]
    print_list(
        "models",
        [{"id": name, "source": source} for name, source in models],
        ("MODEL", "PLUGIN"),
        sorted(models + silent),
        as_json=as_json,
        empty="No model providers.",
        providers=[{"prefix": prefix, "source": source} for prefix, source in providers],
    )
