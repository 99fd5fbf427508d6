"""`agentos serve --reload`: a change of the project's files restarts the server."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentos.cli.reloading import look

SERVER = """
from agentos import Agent, AgentOS, Config

server = AgentOS(Config(assistant=False))
server.register_agent("one", Agent(id="one", model="scripted:echo"))
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "reload.log"


@pytest.fixture
def reloading(cli, log: Path, tmp_path: Path) -> Iterator[subprocess.Popen]:
    folder = cli.folder / "project"
    folder.mkdir()
    (folder / "shop.py").write_text(SERVER)
    (folder / ".env").write_text("AGENTOS_APP=shop:server\nAGENTOS_HISTORY_TURNS=5\n")
    command = [sys.executable, "-m", "agentos", "serve", "--reload", "--address", "127.0.0.1:0"]
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=folder, stdout=file, stderr=file, start_new_session=True)
    try:
        wait(process, lambda: log.read_text().count("worker ready") == 1, log)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def wait(process: subprocess.Popen, condition: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def said(log: Path, text: str, times: int = 1) -> Callable[[], bool]:
    return lambda: log.read_text().count(text) >= times


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("shop.py", SERVER + "# changed\n"),
        ("package/new.py", "x = 1\n"),
        (".env", "AGENTOS_APP=shop:server\n"),
        ("agentos.toml", "history_turns = 7\n"),
    ],
)
def test_a_change_restarts_it(reloading, log: Path, cli, name: str, content: str) -> None:
    path = cli.folder / "project" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    wait(reloading, said(log, "worker ready", 2), log)
    assert log.read_text().count("Files changed") == 1


@pytest.mark.parametrize("name", [".venv/a.py", "env/a.py", "notes.txt", "agentos.db-wal", "package/agentos.toml"])
def test_other_files_do_not(cli, name: str) -> None:
    (cli.folder / "env").mkdir()
    (cli.folder / "env" / "pyvenv.cfg").write_text("")
    before = look(cli.folder)
    path = cli.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    assert look(cli.folder) == before


def test_a_broken_file_is_explained_and_its_repair_starts_the_server(reloading, log: Path, cli) -> None:
    path = cli.folder / "project" / "shop.py"
    path.write_text("def (\n")
    wait(reloading, said(log, "it starts again when a file changes"), log)
    assert "Error: program 'shop:server' cannot be imported: SyntaxError" in log.read_text()
    assert "Traceback" not in log.read_text()
    path.write_text(SERVER)
    wait(reloading, said(log, "worker ready", 2), log)


def test_what_env_holds_is_read_anew(reloading, log: Path, cli) -> None:
    (cli.folder / "project" / ".env").write_text("AGENTOS_APP=shop:server\nAGENTOS_HISTORY_TURNS=many\n")
    wait(reloading, said(log, "(from AGENTOS_HISTORY_TURNS) is 'many'"), log)


def test_sigterm_ends_both(reloading, log: Path) -> None:
    reloading.send_signal(signal.SIGTERM)
    assert reloading.wait(30) == 0
    assert "Shutting down: Master" in log.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--workers", "2"), "has one worker"),
        (("--address", ":8080"), "is for development on this machine, and :8080"),
        (("--address", "192.0.2.1:80"), "is for development on this machine"),
    ],
)
def test_it_is_not_for_production(cli, arguments, said: str) -> None:
    assert said in cli.fails("serve", "--reload", *arguments, code=2)
