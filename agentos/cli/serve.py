"""``agentos serve``: the server in the foreground."""

from __future__ import annotations

from typing import Any

import click

from agentos.cli.opening import app_option


@click.command("serve")
@click.option("--address", metavar="HOST:PORT", help="Listen here; ':8080' is all interfaces.  [setting: address]")
@click.option("--workers", type=int, help="Start so many processes.  [setting: workers]")
@app_option
def command(**given: Any) -> None:
    """Serve the HTTP API until SIGTERM or Ctrl-C."""
    from agentos.cli.opening import changed, settings
    from agentos.server import AgentOS

    chosen = {name: value for name, value in given.items() if value is not None}
    config = settings(**chosen)
    if config.app is None:
        AgentOS(config).start()
        return
    from agentos.program import load_server
    from agentos.serving.patching import is_patched, start_over

    if not is_patched():
        start_over()  # Before the program is imported: what it imports must be patched.
    server = load_server(config.app)
    server.copy(changed(server.config, **chosen) if chosen else server.config).start()
