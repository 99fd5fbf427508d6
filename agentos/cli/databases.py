"""Says which database a command uses, without its password."""

from __future__ import annotations

from pathlib import Path

import click

from agentos.cli.output import printable
from agentos.config import Config

SQLITE = "sqlite:///"


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
