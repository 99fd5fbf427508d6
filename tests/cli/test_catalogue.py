"""``plugins``, ``models`` and ``tools``: what is installed."""

import json

import pytest

TOOLS = """
import time
from typing import Any
from agentos.hookspecs import hookimpl
from agentos.tools.tool import tool

def join(first: str, second: str, times: int = 1) -> str:
    '''Join two texts.

    More of it.
    '''
    return (first + second) * times

@tool(timeout=0.1)
def sleep() -> None:
    '''Sleep.'''
    time.sleep(5)

@hookimpl
def register_tools(register):
    register(join)
    register(sleep)
"""


def test_plugins_are_listed_with_what_they_provide(cli, install_plugin):
    install_plugin("joiner", TOOLS)
    install_plugin("broken", "raise RuntimeError('no way')")
    listed = {plugin["name"]: plugin for plugin in cli.json("plugins")["plugins"]}
    assert listed["joiner"]["version"] == "1.0"
    assert listed["joiner"]["provides"] == ["tool:join", "tool:sleep"]
    assert listed["broken"]["status"] == "failed"
    assert "no way" in listed["broken"]["error"]
    lines = cli.ok("plugins").splitlines()
    assert next(line for line in lines if line.startswith("joiner")).split() == [
        *("joiner", "1.0", "loaded"),
        *("tool:join,", "tool:sleep"),
    ]
    assert "no way" in next(line for line in lines if line.startswith("broken"))


def test_looking_at_what_is_installed_makes_no_database(cli, tmp_path):
    for command in ("plugins", "models"):
        cli.ok(command)
    cli.ok("tools", "list")
    assert not (tmp_path / "agentos.db").exists()


def test_models_are_listed_with_their_plugin(cli, install_plugin):
    install_plugin(
        "silent",
        "from agentos.hookspecs import hookimpl\n"
        "from agentos.models.scripted import ScriptedProvider\n"
        "class Silent(ScriptedProvider):\n    def model_names(self):\n        return []\n"
        "@hookimpl\ndef register_model_providers(register):\n    register('silent', lambda config: Silent())\n",
    )
    listed = cli.json("models")
    assert {"id": "scripted:echo", "source": "core"} in listed["models"]
    assert {"prefix": "silent", "source": "silent"} in listed["providers"]
    assert ["silent:*", "silent"] in [line.split() for line in cli.ok("models").splitlines()]


def test_tools_are_listed_with_the_first_line_of_what_they_do(cli, install_plugin):
    install_plugin("joiner", TOOLS)
    assert [tool["name"] for tool in cli.json("tools", "list")["tools"]] == ["join", "sleep"]
    assert ["join", "joiner", "Join", "two", "texts."] in [
        line.split() for line in cli.ok("tools", "list").splitlines()
    ]


def test_a_schema_is_what_a_model_is_told(cli, install_plugin):
    install_plugin("joiner", TOOLS)
    told = json.loads(cli.ok("tools", "schema", "join"))
    assert told["parameters"]["required"] == ["first", "second"]
    assert "there is no tool 'split'; installed are join, sleep" in cli.fails("tools", "schema", "split")


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (('{"first": "a", "second": "b"}',), "ab"),
        (("--arg", "first=1", "--arg", "second=2", "--arg", "times=2"), "1212"),
        (('{"first": "a", "second": "b"}', "--arg", "second=c=d"), "ac=d"),
        (("@arguments.json",), "xy"),
        (("--arg", "first=\x1b[2J", "--arg", "second="), "\\x1b[2J"),
    ],
)
def test_a_tool_is_called_without_a_model(cli, install_plugin, tmp_path, arguments, printed):
    install_plugin("joiner", TOOLS)
    (tmp_path / "arguments.json").write_text('{"first": "x", "second": "y"}')
    assert cli.ok("tools", "call", "join", *arguments) == f"{printed}\n"


def test_a_call_as_json_is_its_event(cli, install_plugin):
    install_plugin("joiner", TOOLS)
    event = cli.json("tools", "call", "join", '{"first": "a", "second": "b"}')
    assert (event["status"], event["result"], event["arguments"]) == ("completed", "ab", {"first": "a", "second": "b"})


def test_a_call_that_fails_is_one_line(cli, install_plugin):
    install_plugin("joiner", TOOLS)
    assert "there is no tool 'split'" in cli.fails("tools", "call", "split")
    assert '"second" is missing' in cli.fails("tools", "call", "join", "--arg", "first=a")
    assert "did not return within 0.1 s" in cli.fails("tools", "call", "sleep")
    assert "is not a JSON object" in cli.fails("tools", "call", "join", "[1]", code=2)
    result = cli("tools", "call", "join", "--json")
    assert (result.exit_code, json.loads(result.stdout)["status"]) == (1, "failed")
