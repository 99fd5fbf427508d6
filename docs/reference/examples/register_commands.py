import click

from agentos import hookimpl


@click.command("greet")
@click.argument("name")
def greet(name):
    """Greet somebody."""
    click.echo(f"Hello {name}")


@hookimpl
def register_commands(register):
    register(greet)
