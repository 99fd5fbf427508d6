"""``flask agentos serve``: the server in the foreground."""

from __future__ import annotations

from typing import Any

import click


@click.command("serve")
@click.option("--address", metavar="HOST:PORT", help="Listen here; ':8080' is all interfaces.  [setting: address]")
@click.option("--workers", type=int, help="Start so many processes.  [setting: workers]")
def command(**given: Any) -> None:
    """Serve the HTTP API until SIGTERM or Ctrl-C."""
    from agentos.config import Config
    from agentos.server import AgentOS

    AgentOS(Config(**{name: value for name, value in given.items() if value is not None})).start()
