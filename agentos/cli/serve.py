"""``agentos serve``: the server in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from agentos.cli.opening import app_option, changed, settings
from agentos.config import Config
from agentos.env_file import outside_environment

IN_DEVELOPMENT = {
    "drain_timeout": ("AGENTOS_DRAIN_TIMEOUT", "1"),
    "log_format": ("AGENTOS_LOG_FORMAT", "console"),
}
"""Settings that --reload changes where they are not set, with their variables."""


@click.command("serve")
@click.option("--address", metavar="HOST:PORT", help="Listen here; ':8080' is all interfaces.  [setting: address]")
@click.option("--workers", type=int, help="Start so many processes.  [setting: workers]")
@click.option("--reload", is_flag=True, help="Start again when a Python file, .env or agentos.toml changes.")
@app_option
@click.pass_context
def command(ctx: click.Context, /, reload: bool, **given: Any) -> None:
    """Serve the HTTP API until SIGTERM or Ctrl-C.

    With --reload, for development: one worker, on an address of this machine alone. Runs under way get a second
    (AGENTOS_DRAIN_TIMEOUT) before each restart.
    """
    from agentos.server import AgentOS

    chosen = {name: value for name, value in given.items() if value is not None}
    config = settings(**chosen)
    if reload:
        ctx.exit(_reload(config, given["workers"]))
    if config.app is None:
        AgentOS(config).start(read_settings=lambda: Config(**chosen))
        return
    from agentos.program import load_server
    from agentos.serving.patching import is_patched, start_over

    if not is_patched():
        start_over()  # Before the program is imported: what it imports must be patched.
    server = load_server(config.app)
    server.copy(changed(server.config, **chosen) if chosen else server.config).start()


def _reload(config: Config, workers: int | None) -> int:
    from agentos.auth.exposure import is_here
    from agentos.cli.reloading import serve_and_reload

    if workers not in (None, 1):
        raise click.UsageError("--reload is for development and has one worker; leave out --workers or --reload.")
    if not is_here(config.address):
        raise click.UsageError(
            f"--reload is for development on this machine, and {config.address} is reached from others; give an address"
            " like 127.0.0.1:8080, or leave out --reload."
        )
    # A program may set the address in code, which is weaker than the command line.
    address = [] if config.sources["address"] != "given" else ["--address", config.address]
    app = [] if config.app is None else ["--app", config.app]
    unset = {variable: value for name, (variable, value) in IN_DEVELOPMENT.items() if config.sources[name] == "default"}
    return serve_and_reload([*address, "--workers", "1", *app], Path.cwd(), {**unset, **outside_environment()})
