"""Opens what a command works on: the configuration, and the server's use cases without the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentos.cli.output import printable
from agentos.config import Config

if TYPE_CHECKING:
    from agentos.plugins.manager import PluginManager
    from agentos.server import AgentOS
    from agentos.services.services import Services

LOG_ON_TERMINAL = {"log_level": "error", "log_format": "console"}
"""What a command does to the log's settings that are not set: its user wants its output, not a server's log."""

SQLITE = "sqlite:///"

APP = "agentos.cli.app"
"""Under this key the context of a command keeps what ``--app`` named."""


def _remember(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta[APP] = value


app_option = click.option(
    "--app",
    metavar="MODULE:NAME",
    expose_value=False,
    is_eager=True,
    callback=_remember,
    help="Use the agents of this program, as in server:server.  [setting: app]",
)
"""The option ``--app``, which the group has and each command that works on agents."""


def settings(**given: Any) -> Config:
    """Read the settings, with what ``--app`` named, and set up the log; raises ``ConfigError``."""
    from agentos.observability.logs import configure_logging

    context = click.get_current_context(silent=True)
    if context is not None and (app := context.meta.get(APP)) is not None:
        given["app"] = app
    config = Config(**given)
    unset: dict[str, Any] = {
        name: value for name, value in LOG_ON_TERMINAL.items() if config.sources[name] == "default"
    }
    configure_logging(Config(**unset), audit=False)
    return config


def found_server() -> AgentOS:
    """Return the server that a command works on: of the program that ``app`` names, or one without agents in code."""
    from agentos.server import AgentOS

    config = settings()
    if config.app is None:
        return AgentOS(config)
    from agentos.program import load_server

    server = load_server(config.app)
    return server if server.config.app == config.app else server.copy(changed(server.config, app=config.app))


def changed(config: Config, **given: Any) -> Config:
    """Return the settings with others in their place. Each keeps where it came from."""
    return config.replace(**given)


def load_plugins(config: Config) -> tuple[Config, PluginManager]:
    """Load the plugins and read their settings; no other hook of theirs is called.

    Return the configuration with these settings, and the plugins.
    """
    from agentos import hookspecs
    from agentos.api.own_plugins import OWN_PLUGINS
    from agentos.plugins.manager import PluginManager
    from agentos.plugins.settings import read_plugin_settings

    manager = PluginManager(hookspecs, allowed=config.plugins, strict=config.plugins_strict)
    for name in ("core", "run-log"):  # They have no settings, but AGENTOS_PLUGINS may name them.
        manager.report(name)
    for name, plugin in OWN_PLUGINS.items():
        manager.add(name, plugin)
    manager.load_installed()
    return read_plugin_settings(manager, config), manager


@contextmanager
def opened(*, migrate: bool = True) -> Iterator[Services]:
    """Open the use cases for a command, and close them behind it.

    Without ``migrate`` the database is left as it is, and not even connected to before it is needed.
    """
    server = found_server()
    config = server.config if migrate else changed(server.config, migrate=False)
    announce(config)
    with _built(server, config) as services:
        yield services


@contextmanager
def opened_aside() -> Iterator[Services]:
    """Open the use cases for a command that asks what is installed: with a database in memory, and no credential."""
    server = found_server()
    with _built(server, changed(server.config, database_url="memory://", auth=())) as services:
        yield services


@contextmanager
def _built(server: AgentOS, config: Config) -> Iterator[Services]:
    from agentos.api.own_plugins import OWN_PLUGINS
    from agentos.bootstrap import build

    services = build(config, agents=server.agents, tools=server.tools, plugins=OWN_PLUGINS)
    try:
        yield services
    finally:
        services.close()


@contextmanager
def opened_for_runs() -> Iterator[Services]:
    """Open the use cases for a command that executes runs: their leases are kept, and none outlives the command.

    Runs of workers that are gone are left to the servers, which live long enough to continue them.
    """
    with opened() as services:
        services.sweeper.transient = True
        services.watch_runs()
        try:
            yield services
        finally:
            services.drain(0)


def announce(config: Config) -> None:
    """Say on standard error that a command makes a new database file, where no setting named one.

    That is what happens in the wrong folder: the server's database is in another one.
    """
    context = click.get_current_context(silent=True)
    if config.sources["database_url"] != "default" or (context is not None and context.params.get("as_json")):
        return
    if (file := sqlite_file(config.database_url)) is not None and not file.exists():
        click.echo(f"New database {printable(str(file))} (set AGENTOS_DATABASE_URL to use another).", err=True)


def database_name(url: str) -> str:
    """Return what is worth showing of a database's address: the file, or scheme, host and database. Never a password.

    >>> database_name("postgresql+psycopg://ada:secret@db.example.com:5432/agents?password=secret")
    'postgresql+psycopg://db.example.com:5432/agents'
    """
    if (file := sqlite_file(url)) is not None:
        return f"{SQLITE}{file}"
    scheme, separator, rest = url.partition("://")
    if not separator:
        return "an address without a scheme"
    place, query, _ = rest.partition("?")
    # A password may hold `?`, `/` and `@`, and so may the query: where it is unclear which it is, neither is shown.
    shown = "…" if query and rest.rfind("@") > len(place) else place.rpartition("@")[2]
    return printable(f"{scheme}://{shown}")


def sqlite_file(url: str) -> Path | None:
    """Return the file of an SQLite address, with its folder; ``None`` for a database in memory and other backends."""
    path = url.removeprefix(SQLITE).partition("?")[0]
    if not url.startswith(SQLITE) or path in ("", ":memory:") or path.startswith("file:"):
        return None
    return Path(path).absolute()
