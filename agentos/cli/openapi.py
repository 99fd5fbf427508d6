"""``flask agentos openapi``: the specification of the HTTP API."""

from __future__ import annotations

from pathlib import Path

import click

from agentos.cli.group import Failure
from agentos.cli.opening import opened_aside


@click.command("openapi")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.option("--check", type=click.Path(dir_okay=False, path_type=Path), help="Only compare with this file.")
def command(output: Path | None, check: Path | None) -> None:
    """Print the API's OpenAPI document, as YAML: what the server and its plugins serve.

    With --check nothing is written; the exit code is 1 when the file is not up to date.
    """
    if output is not None and check is not None:
        raise click.UsageError("--output and --check exclude each other.")
    from agentos.api.kit.openapi_yaml import render_yaml
    from agentos.api.resources import collect_routes, server_of

    with opened_aside() as services:
        document = render_yaml(collect_routes(services, server_of(services)).resources)
    if check is not None:
        _compare(document, check)
    elif output is None:
        click.echo(document, nl=False)
    else:
        try:
            output.write_text(document, "utf-8")
        except OSError as error:
            raise Failure(f"file {str(output)!r} cannot be written: {error.strerror}") from error


def _compare(document: str, file: Path) -> None:
    try:
        written = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"file {str(file)!r} cannot be read: {error}") from error
    if written != document:
        raise Failure(f"{file} is not up to date; 'flask agentos openapi --output {file}' makes it so")
    click.echo(f"{file} is up to date.")
