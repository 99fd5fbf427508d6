"""`--app`: the agents of a program, for every command; `agentos` and `python -m agentos` are `flask agentos`."""

import os
import signal
import subprocess
import sys
import sysconfig
import urllib.request
from pathlib import Path

import pytest

from agentos._version import __version__
from agentos.cli.opening import database_name
from cli.conftest import wait_for_address

SHOP = """
from agentos import Agent, AgentOS, Config

def opening_hours(day: str) -> str:
    '''Say when the shop is open.'''
    return "closed"

server = AgentOS(Config(assistant=False))
server.register_agent("shop", Agent(id="shop", model="scripted:echo", tools=[opening_hours]))
server.register_tool(opening_hours)
number = 1
"""


@pytest.fixture
def shop(cli, monkeypatch: pytest.MonkeyPatch):
    (cli.folder / "shop.py").write_text(SHOP)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("shop", None)


@pytest.mark.parametrize("arguments", [("--app", "shop:server", "agents"), ("agents", "--app", "shop:server")])
def test_the_option_stands_before_or_behind_the_command(cli, shop, arguments) -> None:
    listed = cli.ok(*arguments)
    assert "shop" in listed
    assert "assistant" not in listed


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("agents",), "opening_hours"),
        (("agents", "show", "shop"), "scripted:echo"),
        (("run", "shop", "Hello"), "Hello"),
        (("tools", "call", "opening_hours", '{"day": "Sunday"}'), "closed"),
        (("doctor",), "agent shop"),
        (("config",), "shop:server"),
    ],
)
@pytest.mark.parametrize("way", ["option", "variable", "file", ".env"])
def test_every_command_shows_its_agents(cli, shop, monkeypatch, arguments, shown: str, way: str) -> None:
    if way == "variable":
        monkeypatch.setenv("AGENTOS_APP", "shop:server")
    elif way == "file":
        (cli.folder / "agentos.toml").write_text('app = "shop:server"\n')
    elif way == ".env":
        (cli.folder / ".env").write_text("AGENTOS_APP=shop:server\n")
    given = ("--app", "shop:server") if way == "option" else ()
    try:
        assert shown in cli(*given, *arguments).output
    finally:
        if way == ".env":  # a command leaves what it read in the environment of its process
            os.environ.pop("AGENTOS_APP", None)


def test_an_application_that_was_built_is_its_server(cli, shop) -> None:
    (cli.folder / "shop.py").write_text(SHOP + "app = server.app\n")
    assert cli.ok("run", "shop", "Hello", "--app", "shop:app") == "Hello\n"


@pytest.mark.parametrize(
    ("code", "name", "said"),
    [
        (SHOP, "nowhere:server", "ModuleNotFoundError: No module named 'nowhere'"),
        (SHOP, "shop:nothing", "'nothing' in module 'shop' is not there"),
        (SHOP, "shop:number", "'number' in module 'shop' is of type int"),
        (SHOP, "shop", "accepted: module:name"),
        (SHOP + "raise RuntimeError('broken')\n", "shop:server", "RuntimeError: broken (shop.py, line 12)"),
        (SHOP + "def (\n", "shop:server", "SyntaxError: invalid syntax (shop.py, line 12)"),
        (SHOP + "server.register_agent('no id!', 1)", "shop:server", "(shop.py, line 12)"),
        (SHOP + "raise SystemExit(0)\n", "shop:server", "ended while it was imported"),
    ],
)
def test_a_program_that_cannot_be_used_is_explained_in_one_line(cli, shop, code: str, name: str, said: str) -> None:
    (cli.folder / "shop.py").write_text(code)
    assert said in cli.fails("agents", "--app", name)


AGENTOS = Path(sysconfig.get_path("scripts")) / "agentos"


@pytest.mark.parametrize("command", [[str(AGENTOS)], [sys.executable, "-m", "agentos"]], ids=["agentos", "-m"])
def test_the_command_shows_the_name_that_was_called(cli, command: list[str]) -> None:
    done = subprocess.run(
        [*command, "config", "--help"], cwd=cli.folder, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("Usage: agentos config")


@pytest.mark.parametrize("name", ["shop:server", "shop:app"])
def test_serve_serves_the_agents_of_a_program(cli, shop, tmp_path: Path, name: str) -> None:
    (cli.folder / "shop.py").write_text(SHOP + ("app = server.app\n" if name == "shop:app" else ""))
    log = tmp_path / "server.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [AGENTOS, "serve", "--app", name, "--address", "127.0.0.1:0", "--workers", "1"],
            cwd=cli.folder,
            stdout=file,
            stderr=file,
        )
    try:
        with urllib.request.urlopen(f"{wait_for_address(log)}/api/v1/agents", timeout=30) as response:
            assert b'"shop"' in response.read()
        with urllib.request.urlopen(f"{wait_for_address(log)}/", timeout=30) as response:
            assert __version__ in response.read().decode()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_a_new_default_database_is_named(cli, monkeypatch) -> None:
    monkeypatch.delenv("AGENTOS_DATABASE_URL")
    first, second = cli("agents"), cli("agents")
    assert first.stderr == f"New database {cli.folder / 'agentos.db'} (set AGENTOS_DATABASE_URL to use another).\n"
    assert second.stderr == ""
    (cli.folder / "agentos.db").unlink()
    assert cli("agents", "--json").stderr == ""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////tmp/a.db", "sqlite:////tmp/a.db"),
        ("memory://", "memory://"),
        ("postgresql://ada:secret@db:5432/agents", "postgresql://db:5432/agents"),
        ("postgresql://ada:sec/ret@db/agents?password=secret", "postgresql://db/agents"),
        ("postgresql://ada:sec?ret@db/agents", "postgresql://…"),
        ("postgresql://db/agents?password=sec@ret", "postgresql://…"),
        ("ada:secret", "an address without a scheme"),
    ],
)
def test_a_database_is_named_without_its_password(url: str, shown: str) -> None:
    assert database_name(url) == shown


def test_doctor_names_the_database(cli) -> None:
    cli.ok("agents")
    (line,) = [line for line in cli("doctor").stdout.splitlines() if line.split()[1] == "database"]
    assert f"sqlite:///{cli.folder}/agentos.db" in line
