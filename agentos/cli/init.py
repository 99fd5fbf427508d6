"""``agentos init``: write a project to start from."""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from shlex import quote

import click

from agentos.cli.group import Failure
from agentos.cli.output import printable

FILES = (
    "server.py",
    "tools.py",
    "test_server.py",
    "agentos.toml",
    ".env",
    ".env.example",
    "requirements.txt",
    "Dockerfile",
    ".dockerignore",
    ".gitignore",
    "README.md",
)


@click.command("init")
@click.argument("directory", metavar="[DIR]", type=click.Path(file_okay=False, path_type=Path), default=".")
def command(directory: Path) -> None:
    """Write a project into DIR: an agent, a tool, a test, settings, a Dockerfile.

    DIR is the working directory unless given, and is made if it is not there. No file is ever replaced.
    """
    if taken := [name for name in FILES if (directory / name).exists() or (directory / name).is_symlink()]:
        raise Failure(
            f"{printable(str(directory))} has {', '.join(taken)} already, and nothing was written; give another"
            " directory"
        )
    model = "local:smollm2" if entry_points(group="agentos", name="local") else "scripted:echo"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            path = directory / name
            path.touch(0o600 if name == ".env" else 0o666, exist_ok=False)  # Keys will be in it, for its owner alone.
            path.write_text(_template(name).replace("{{model}}", model), "utf-8")
    except OSError as error:
        raise Failure(f"{printable(str(error.filename or directory))} cannot be written: {error.strerror}") from error
    place = "" if directory.resolve() == Path.cwd() else f"cd {quote(printable(str(directory)))} && "
    click.echo(f"Wrote {len(FILES)} files. Next:\n\n    {place}agentos serve --reload\n")
    click.echo('and in another terminal there:\n\n    agentos run shop "Hello, who are you?"')


def _template(name: str) -> str:
    # The dot stands at the front only in the project: packaging tools leave out files that begin with one.
    stored = f"dot{name}" if name.startswith(".") else name
    return (files("agentos.cli") / "project" / f"{stored}.txt").read_text("utf-8")
