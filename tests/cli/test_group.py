import subprocess
import sys

import pytest

from agentos.cli import COMMANDS

GREET = """
import click
from agentos.errors import InvalidRequest
from agentos.hookspecs import hookimpl

@click.command("greet")
@click.argument("name")
def greet(name):
    '''Greet NAME.'''
    if name == "nobody":
        raise InvalidRequest("there is nobody\\nto greet")
    if name == "bug":
        raise RuntimeError("a bug of the plugin")
    click.echo(f"Hello, {name}!")

@hookimpl
def register_commands(register):
    register(greet)
"""


def test_help_lists_every_command_with_a_sentence(cli):
    lines = cli.ok("--help").splitlines()
    for name in COMMANDS:
        assert any(line.startswith(f"  {name} ") and line.endswith(".") for line in lines), name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(cli, name):
    assert "Usage: flask agentos" in cli.ok(name, "--help")


def test_it_is_found_outside_a_checkout_without_an_application(cli):
    process = cli.process("--help")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "register" in out
    assert err == ""


def test_help_costs_neither_database_nor_application(cli):
    code = (
        "import sys; from click.testing import CliRunner; from agentos.cli import agentos;"
        "assert CliRunner().invoke(agentos, ['--help']).exit_code == 0;"
        "print([name for name in ('sqlalchemy', 'alembic', 'marshmallow', 'gevent', 'rich', 'agentos.app')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cli.folder)
    assert done.stdout.strip() == "[]"


def test_an_unknown_command_is_a_usage_error(cli):
    assert "No such command 'dance'" in cli.fails("dance", code=2)


def test_a_plugin_adds_a_command(cli, install_plugin):
    install_plugin("greeter", GREET)
    assert cli.ok("greet", "Ada") == "Hello, Ada!\n"
    assert ["greet", "Greet", "NAME."] in [line.split() for line in cli.ok("--help").splitlines()]


def test_an_error_of_ours_is_one_line_and_a_bug_keeps_its_traceback(cli, install_plugin):
    install_plugin("greeter", GREET)
    result = cli("greet", "nobody")
    assert (result.exit_code, result.stderr) == (1, "Error: there is nobody to greet\n")
    with pytest.raises(RuntimeError, match="a bug of the plugin"):
        cli("greet", "bug")


def test_a_broken_plugin_is_named_and_costs_its_own_commands_alone(cli, install_plugin):
    install_plugin("greeter", GREET)
    install_plugin("broken", "raise RuntimeError('no way')")
    result = cli("--help")
    assert result.exit_code == 0
    assert "greet" in result.stdout
    assert "broken" in result.stderr
    assert "no way" in result.stderr


def test_a_broken_plugin_does_not_take_the_help_away_where_plugins_are_strict(cli, install_plugin, monkeypatch):
    install_plugin("broken", "raise RuntimeError('no way')")
    monkeypatch.setenv("AGENTOS_PLUGINS_STRICT", "1")
    result = cli("--help")
    assert result.exit_code == 0
    assert "register" in result.stdout
    assert "Warning: plugins were not asked for commands: plugin 'broken' is broken" in result.stderr


def test_a_plugin_that_breaks_halfway_leaves_no_command_behind(cli, install_plugin):
    install_plugin("greeter", GREET + "    raise RuntimeError('no way')\n")
    assert "No such command 'greet'" in cli.fails("greet", "Ada", code=2)


def test_a_plugin_cannot_take_a_command_of_ours(cli, install_plugin):
    install_plugin("thief", GREET.replace('"greet"', '"agents"'))
    result = cli("--help")
    assert "command 'agents' of 'thief' is already there: 'core' registered it" in result.stderr
    assert "assistant" in cli.ok("agents")


def test_a_setting_that_is_not_accepted_does_not_take_the_help_away(cli, monkeypatch):
    monkeypatch.setenv("AGENTOS_WORKERS", "many")
    assert "setting 'workers'" in cli("--help").stderr
    assert "setting 'workers' (from AGENTOS_WORKERS) is 'many'" in cli.fails("agents")
