"""``flask agentos local``: look at the shared server of the local model, and stop it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Any

import click

from agentos.errors import AgentOSError
from agentos_local.provider import URL
from agentos_local.shared_server import SharedServer
from agentos_local.weights import find_weights


@click.group()
def local() -> None:
    """Look at, or stop, the server of the local model that all processes share."""


@local.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Say whether the server runs, where, and who uses it."""
    shown = _status()
    if as_json:
        click.echo(json.dumps(shown))
    elif not shown["running"]:
        click.echo(f"{shown['model']} is not running; it starts with the first run that needs it")
    else:
        users = "unknown" if shown["users"] is None else ", ".join(map(str, shown["users"])) or "none"
        click.echo(f"{shown['model']} is running: process {shown['pid']}, {shown['url']}")
        click.echo(f"tokens of one conversation: {shown['context']}; used by processes: {users}")


@local.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def stop(as_json: bool) -> None:
    """Stop the server; runs that use it fail, and the next run starts another."""
    try:
        stopped = _shared_server().stop()
    except AgentOSError as error:
        raise click.ClickException(error.message) from error
    if as_json:
        click.echo(json.dumps({"stopped": stopped is not None, "pid": stopped.pid if stopped else None}))
    else:
        click.echo(f"stopped process {stopped.pid}" if stopped else "nothing to stop: it is not running")


def _status() -> dict[str, Any]:
    shared = _shared_server()
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


def _shared_server() -> SharedServer:
    if os.environ.get(URL):
        raise click.ClickException(f"{URL} is set: its server is not ours to look at or to stop")
    try:
        return SharedServer(find_weights())
    except AgentOSError as error:
        raise click.ClickException(error.message) from error
