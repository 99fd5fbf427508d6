"""The options of ``flask agentos register`` for agents in guest processes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from agentos.cli.values import Text
from agentos.errors import InvalidRequest

Command = TypeVar("Command", bound=Callable[..., Any])

FIELDS = {
    "guest": "target",
    "guest_python": "python",
    "guest_processes": "processes",
    "guest_exclusive": "exclusive",
    "guest_environment": "environment",
    "guest_path": "path",
    "guest_directory": "directory",
    "guest_memory": "memory_limit",
}
"""The options by the names that click gives their values, and the fields of ``guest`` that they are."""

_OPTIONS = (
    click.option(
        "--guest",
        metavar="MODULE:NAME",
        type=Text(),
        help="Run this object in a guest process, as in support.agents:triage.",
    ),
    click.option("--guest-python", metavar="PATH", type=Text(), help="Use this Python.  [default: the server's own]"),
    click.option("--guest-processes", type=int, help="Run so many processes for all workers together.  [default: 1]"),
    click.option("--guest-exclusive", is_flag=True, help="Give each run a process of its own while it lasts."),
    click.option(
        "--guest-environment",
        metavar="NAME",
        type=Text(),
        multiple=True,
        help="Pass on this variable of the server's environment; repeatable.",
    ),
    click.option(
        "--guest-path",
        metavar="FOLDER",
        type=Text(),
        multiple=True,
        help="Import from this folder; repeatable.",
    ),
    click.option("--guest-directory", metavar="FOLDER", type=Text(), help="Work in this folder."),
    click.option("--guest-memory", metavar="BYTES", type=int, help="Replace a process that has more memory than this."),
)


def guest_options(command: Command) -> Command:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def take_guest_options(document: dict[str, Any], given: dict[str, Any]) -> None:
    """Move the options that were given from the values of a command into the ``guest`` of an agent's document.

    Paths are completed: the server may be started in another folder. Raises ``InvalidRequest`` where the other options
    are given without a guest.
    """
    values = {field: given.pop(option) for option, field in FIELDS.items()}
    said = {field: value for field, value in values.items() if value is not None and value is not False and value != ()}
    for field in ("python", "directory"):
        if field in said:
            said[field] = os.path.abspath(said[field])
    for field in ("environment", "path"):
        if field in said:
            said[field] = list(said[field])
    if "path" in said:
        said["path"] = [os.path.abspath(folder) for folder in said["path"]]
    if not said:
        return
    before = document.get("guest", {})
    if isinstance(before, str):
        before = {"target": before}
    if not isinstance(before, dict):
        raise InvalidRequest(f"the agent's 'guest' is {before!r:.100}; accepted is an object")
    if "target" not in before and "target" not in said:
        raise click.UsageError("Give --guest MODULE:NAME with the other options of guests.")
    document["guest"] = {**before, **said}
