"""``flask agentos local``: look at the shared server of the local model, and stop it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from agentos import AgentOSError, Config
from agentos_local.shared_server import SharedServer
from agentos_local.weights import find_weights


def local(config: Config) -> click.Group:
    """Return the group of the commands, which work with the settings of ``config``."""
    return click.Group(
        "local",
        commands=[status, stop],
        help="Look at, or stop, the server of the local model that all processes share.",
        context_settings={"obj": config},
    )


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(config: Config, as_json: bool) -> None:
    """Say whether the server runs, where, and who uses it."""
    shown = _status(config)
    if as_json:
        click.echo(json.dumps(shown))
    elif not shown["running"]:
        click.echo(f"{shown['model']} is not running; it starts with the first run that needs it")
    else:
        users = "unknown" if shown["users"] is None else ", ".join(map(str, shown["users"])) or "none"
        click.echo(f"{shown['model']} is running: process {shown['pid']}, {shown['url']}")
        click.echo(f"tokens of one conversation: {shown['context']}; used by processes: {users}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def stop(config: Config, as_json: bool) -> None:
    """Stop the server; runs that use it fail, and the next run starts another."""
    try:
        stopped = _shared_server(config).stop()
    except AgentOSError as error:
        raise click.ClickException(error.message) from error
    if as_json:
        click.echo(json.dumps({"stopped": stopped is not None, "pid": stopped.pid if stopped else None}))
    else:
        click.echo(f"stopped process {stopped.pid}" if stopped else "nothing to stop: it is not running")


def _status(config: Config) -> dict[str, Any]:
    shared = _shared_server(config)
    try:
        state = shared.state()
    except AgentOSError as error:
        raise click.ClickException(error.message) from error
    shown: dict[str, Any] = {"running": state is not None, "model": f"local:{shared.weights.name}"}
    shown |= {"description": shared.weights.description}
    if state is not None:
        known = asdict(state)
        shown |= {name: known[name] for name in ("pid", "url", "context", "started")}
        shown["users"] = shared.directory.users()
    return shown


def _shared_server(config: Config) -> SharedServer:
    if config.plugin_settings["local_url"]:
        raise click.ClickException("AGENTOS_LOCAL_URL is set: its server is not ours to look at or to stop")
    try:
        return SharedServer(find_weights(config.plugin_settings["local_model_path"]))
    except AgentOSError as error:
        raise click.ClickException(error.message) from error
