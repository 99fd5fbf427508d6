"""`agentos init` writes a project that works: its test passes, its server serves."""

import json
import os
import signal
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from agentos.cli.init import FILES
from cli.conftest import wait_for_address


@pytest.fixture
def project(cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project, and an environment in which it stands for itself."""
    cli.ok("init", "shop")
    for name in ("AGENTOS_MODEL", "AGENTOS_DATABASE_URL"):
        monkeypatch.delenv(name)
    folder = cli.folder / "shop"
    monkeypatch.chdir(folder)
    return folder


def test_it_says_what_to_do_next(cli) -> None:
    assert "cd new/shop && agentos serve --reload" in cli.ok("init", "new/shop")
    assert "cd 'my shop' && agentos serve --reload" in cli.ok("init", "my shop")
    assert "\n    agentos serve --reload" in cli.ok("init")


def test_every_file_is_written_and_the_one_with_keys_is_private(project: Path) -> None:
    assert {path.name for path in project.iterdir()} == set(FILES)
    assert stat.S_IMODE((project / ".env").stat().st_mode) == 0o600
    assert not any("{{" in path.read_text() for path in project.iterdir())


@pytest.mark.parametrize("name", FILES)
def test_no_file_is_replaced_and_none_is_written_beside_it(cli, name: str) -> None:
    (cli.folder / name).write_text("mine")
    assert f"has {name} already" in cli.fails("init")
    assert [path.name for path in cli.folder.iterdir()] == [name]


def test_a_place_that_cannot_be_written_to_is_one_line(cli) -> None:
    (cli.folder / "file").write_text("")
    assert "cannot be written: Not a directory" in cli.fails("init", "file/shop")


def test_its_own_test_passes(project: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@pytest.mark.parametrize("command", [["-m", "agentos", "serve"], ["server.py"]], ids=["serve", "server.py"])
def test_its_server_serves_the_agent(project: Path, tmp_path: Path, command: list[str]) -> None:
    with (project / ".env").open("a") as env:
        env.write("AGENTOS_MODEL=scripted:echo\nAGENTOS_ADDRESS=127.0.0.1:0\nAGENTOS_WORKERS=1\n")
    log = tmp_path / "server.log"
    with log.open("w") as file:
        process = subprocess.Popen([sys.executable, *command], cwd=project, stdout=file, stderr=file)
    try:
        request = urllib.request.Request(
            f"{wait_for_address(log)}/api/v1/agents/shop/run",
            b'{"input": "Hello"}',
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            assert json.load(response)["content"] == "Hello"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
