"""The group of all commands: it imports each when it is asked for, adds those of plugins, and words our errors."""

from __future__ import annotations

import errno
import io
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from agentos.cli.opening import app_option, load_plugins, settings
from agentos.cli.output import discard_output, error_line, escape_unencodable
from agentos.errors import AgentOSError, PluginError

if TYPE_CHECKING:
    from agentos.plugins.manager import PluginReport

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a full disk, and of a quota that is used up."""

PLUGIN_COMMANDS = "agentos.cli.plugin_commands"
"""Under this key the commands of plugins are kept for the length of one call."""


class Failure(click.ClickException):
    """Ends the program with exit code 1 and one line on standard error, for any message."""

    def __init__(self, message: str) -> None:
        super().__init__(error_line(message))


class CommandGroup(click.Group):
    """Finds its own commands in ``modules`` (each has a ``command``), and others through ``register_commands``.

    Plugins are loaded for help and for a name that is not ours; one that is broken costs its own commands alone.
    """

    def __init__(self, name: str, *, modules: Mapping[str, str], **options: Any) -> None:
        super().__init__(name, **options)
        app_option(self)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted({*self._modules, *self.commands, *self._of_plugins(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name; ours win."""
        if cmd_name in self._modules:
            command: click.Command = import_module(self._modules[cmd_name]).command
            return command
        return super().get_command(ctx, cmd_name) or self._of_plugins(ctx).get(cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command. Our errors end it with one line; anything else is a bug and keeps its traceback."""
        _accept_any_bytes()
        escape_unencodable()
        try:
            return super().invoke(ctx)
        except AgentOSError as error:
            raise Failure(error.message_to_operator) from error
        except OSError as error:
            if error.errno not in FULL:
                raise
            discard_output()
            raise Failure(f"{error.filename or 'the output'} cannot be written: {error.strerror}") from error

    def _of_plugins(self, ctx: click.Context) -> Mapping[str, click.Command]:
        found: Mapping[str, click.Command] | None = ctx.meta.get(PLUGIN_COMMANDS)
        if found is None:
            found = ctx.meta[PLUGIN_COMMANDS] = self._load_plugins()
        return found

    def _load_plugins(self) -> dict[str, click.Command]:
        from agentos.registry import Registry

        registry: Registry[click.Command] = Registry("command")
        try:
            for name in self._modules:
                registry.add(name, _TAKEN, source="core")
            config, manager = load_plugins(settings())
            manager.on_removal(registry.remove_source)
            manager.call("register_commands", partial(_register_into, registry), config=config)
        except AgentOSError as error:
            # A setting or plugin that is not accepted must not take away the help, nor the commands that explain it.
            click.echo(f"Warning: plugins were not asked for commands: {error_line(error.message)}", err=True)
        return {entry.name: entry.value for entry in registry if entry.value is not _TAKEN}


_TAKEN = click.Command("taken")


def _accept_any_bytes() -> None:
    """Have bytes of standard input that are no UTF-8 read as those of arguments are: commands know what to do then.

    Else it would depend on the locale whether it ends with a traceback.
    """
    if isinstance(sys.stdin, io.TextIOWrapper):
        with suppress(io.UnsupportedOperation):  # something was read from it before
            sys.stdin.reconfigure(errors="surrogateescape")


def _register_into(registry: Any, report: PluginReport, command: click.Command) -> None:
    if not isinstance(command, click.Command) or not command.name:
        raise PluginError(f"register_commands was given {command!r:.100}; accepted are click commands with a name")
    registry.add(command.name, command, source=report.name)
    report.provides.append(f"command:{command.name}")
