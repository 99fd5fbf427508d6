"""A volume for SQLite's file that cannot be written: one line that says so, wherever it is met first."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from agentos.config import Config
from agentos.errors import ConfigError, StorageError
from agentos.storage.sqlalchemy import open_sql
from agentos.testing.storage.contract import new_session
from cli.conftest import CLI, cli
from parts.server import AgentOSServer

__all__ = ["cli"]

FLASK = Path(sysconfig.get_path("scripts")) / "flask"
PROGRAM = """
from agentos import AgentOS

if __name__ == "__main__":
    AgentOS().start()
"""
Protect = Callable[[Path], None]


@pytest.fixture
def protect() -> Iterator[Protect]:
    """Forbid writing to a file or directory. Nothing but the attribute of a file system forbids it to root."""
    undo: list[Callable[[], object]] = []

    def one(path: Path) -> None:
        if os.geteuid():
            mode = path.stat().st_mode
            path.chmod(mode & ~0o222)
            undo.append(lambda: path.chmod(mode))
            return
        if not shutil.which("chattr") or subprocess.run(["chattr", "+i", path], check=False).returncode:
            pytest.skip("root may write everywhere, and this file system has no attribute against it")
        undo.append(lambda: subprocess.run(["chattr", "-i", path], check=True))

    yield one
    for step in undo:
        step()


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "volume"
    folder.mkdir()
    return folder


def made(volume: Path) -> str:
    """Make a database in a volume and return its URL."""
    url = f"sqlite:///{volume}/agentos.db"
    storage = open_sql(url, Config(environ={}))
    storage.upgrade()
    new_session(storage)
    storage.close()
    return url


@pytest.mark.parametrize("what", [".", "agentos.db", "agentos.db-wal", "agentos.db-shm"])
def test_what_cannot_be_written_is_named(volume: Path, protect: Protect, what: str) -> None:
    url = made(volume)
    (volume / what).touch()
    protect(volume / what)
    with pytest.raises(ConfigError) as refused:
        open_sql(url, Config(environ={}))
    for part in ("AGENTOS_DATABASE_URL", str((volume / what).resolve()), "may not write", "give this user the right"):
        assert part in refused.value.message


def test_a_directory_is_no_file(volume: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory"):
        open_sql(f"sqlite:///{volume}", Config(environ={}))


def test_a_file_that_cannot_be_made_after_all_is_named(tmp_path: Path) -> None:
    if not Path("/proc/self").is_dir() or os.geteuid():
        pytest.skip("a directory where root may write, but nobody can make a file")
    storage = open_sql("sqlite:////proc/agentos.db", Config(environ={}))
    with pytest.raises(ConfigError, match=r"/proc/agentos\.db, which cannot be made"):
        storage.upgrade()
    storage.close()


def test_doctor_and_commands_say_it_in_one_line(
    cli: CLI, volume: Path, protect: Protect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTOS_DATABASE_URL", f"sqlite:///{volume}/agentos.db")
    protect(volume)
    for command in (("db", "upgrade"), ("sessions", "list"), ("db", "check")):
        result = cli(*command)
        assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1), result.output
        assert result.stderr.startswith(f"Error: AGENTOS_DATABASE_URL names {volume}/agentos.db, but this process")
    [failed] = [line for line in cli("doctor").stdout.splitlines() if line.startswith("failed")]
    assert str(volume) in failed


@pytest.mark.parametrize("how", ["gunicorn", "serve", "program"])
def test_a_server_says_it_in_one_line_and_ends(tmp_path: Path, volume: Path, protect: Protect, how: str) -> None:
    (tmp_path / "server.py").write_text(PROGRAM)
    commands = {
        "gunicorn": None,
        "serve": [str(FLASK), "agentos", "serve"],
        "program": [sys.executable, "server.py"],
    }
    protect(volume)
    environment = {"AGENTOS_DATABASE_URL": f"sqlite:///{volume}/agentos.db"}
    server = AgentOSServer(environment, cwd=tmp_path, plugins="none", command=commands[how], wait=False)
    try:
        assert server.process.wait(60) == 1
    finally:
        server.kill()
    *before, line = server.log().splitlines()
    assert [json.loads(one)["message"].partition(" gunicorn")[0] for one in before] == ["Starting"]
    assert line.startswith(f"Error: AGENTOS_DATABASE_URL names {volume}/agentos.db, but this process")


def test_a_file_system_that_is_read_only_is_said_to_be(tmp_path: Path, volume: Path) -> None:
    made(volume)
    mount = f"mount --bind {volume} {volume} && mount -o remount,bind,ro {volume}"
    unshared = ["unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    if not shutil.which("unshare") or subprocess.run([*unshared, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let tests mount a file system")
    environment = {**os.environ, "AGENTOS_DATABASE_URL": f"sqlite:///{volume}/agentos.db", "AGENTOS_PLUGINS": "none"}
    command = [*unshared, str(FLASK), "agentos", "db", "upgrade"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert f"{volume} is on a file system that is read-only" in line


def test_a_server_that_may_not_write_any_more_is_not_ready(tmp_path: Path, volume: Path, protect: Protect) -> None:
    environment = {"AGENTOS_DATABASE_URL": made(volume)}
    with AgentOSServer(environment, cwd=tmp_path, workers=1, plugins="none") as server:
        protect(volume / "agentos.db")
        answer = requests.get(f"{server.url}/ready", timeout=5)
        assert answer.status_code == 503
        assert "cannot be written" in answer.json()["checks"][0]["detail"]
        assert str(volume) not in answer.text
        assert requests.get(f"{server.url}/health", timeout=5).status_code == 200


def test_a_storage_that_may_write_passes_its_check(volume: Path, protect: Protect) -> None:
    storage = open_sql(made(volume), Config(environ={}))
    storage.check()
    protect(volume / "agentos.db")
    with pytest.raises(StorageError, match="cannot be written"):
        storage.check()
    storage.close()
