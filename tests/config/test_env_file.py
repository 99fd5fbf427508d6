"""`.env` of the working directory: what it may hold, and that the environment is stronger."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentos.config import Config
from agentos.env_file import load_env_file, parse
from agentos.errors import ConfigError


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A = b ", "b"),
        ("export A=b", "b"),
        ("A=", ""),
        ("A=b c", "b c"),
        ("A=b # comment", "b"),
        ("A=b#c", "b#c"),
        ("A=# comment", ""),
        ("A='b # c'", "b # c"),
        (r"A='b\n'", r"b\n"),
        (r'A="b\nc"  # comment', "b\nc"),
        (r'A="\"\\\$\t"', '"\\$\t'),
        ("A=$HOME", "$HOME"),
        ("A=x=y", "x=y"),
        ("A=é", "é"),
        ("\ufeffA=b".removeprefix("\ufeff"), "b"),
        ("# A=c\n\nA=b\n", "b"),
        ("A=b\r\nB=c", "b"),
        ("A=c\nA=b", "b"),
    ],
)
def test_what_a_line_may_hold(line: str, value: str) -> None:
    assert parse(line, ".env")["A"] == value


@pytest.mark.parametrize(
    "line", ["secret", "1A=secret", "A-B=secret", "A='secret", 'A="secret', "A='a' secret", "A=secret\0", "=secret"]
)
def test_a_line_that_is_not_accepted_is_named_and_not_shown(line: str) -> None:
    with pytest.raises(ConfigError, match=r"line 2 of \.env is not accepted") as caught:
        parse(f"A=b\n{line}", ".env")
    assert "secret" not in str(caught.value)


def test_the_environment_is_stronger_and_a_changed_file_is_read_again(tmp_path: Path) -> None:
    environ = {"A": "outside"}
    path = tmp_path / ".env"
    path.write_text("A=file\nB=one\nC=one\n")
    load_env_file(environ, path=path)
    assert environ == {"A": "outside", "B": "one", "C": "one"}
    path.write_text("B=two\n")
    load_env_file(environ, path=path)
    assert environ == {"A": "outside", "B": "two"}


@pytest.mark.parametrize(("switch", "read"), [("1", False), ("true", False), ("0", True), ("", True)])
def test_flasks_switch_turns_it_off(tmp_path: Path, switch: str, read: bool) -> None:
    path = tmp_path / ".env"
    path.write_text("A=b\n")
    environ = {"FLASK_SKIP_DOTENV": switch}
    load_env_file(environ, path=path)
    assert ("A" in environ) is read


def test_no_file_and_a_folder_of_that_name_are_nothing(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    load_env_file(environ, path=tmp_path / "missing")
    load_env_file(environ, path=tmp_path)
    assert environ == {}


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read: it is not UTF-8"):
        load_env_file({}, path=tmp_path / ".env")


def test_settings_with_an_environment_of_their_own_read_no_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AGENTOS_ADDRESS=:1\n")
    assert Config(environ={}).address == "127.0.0.1:8080"


PROGRAM = "from agentos import Config; import os; print(Config().address, os.environ.get('PLUGIN_KEY'))"


@pytest.mark.parametrize(
    ("outside", "printed"),
    [
        ({}, "127.0.0.1:7 abc"),
        ({"AGENTOS_ADDRESS": "127.0.0.1:8"}, "127.0.0.1:8 abc"),
        ({"FLASK_SKIP_DOTENV": "1"}, "127.0.0.1:8080 None"),
    ],
)
def test_a_program_has_all_its_variables(tmp_path: Path, outside: dict[str, str], printed: str) -> None:
    (tmp_path / ".env").write_text("AGENTOS_ADDRESS=127.0.0.1:7\nPLUGIN_KEY=abc\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AGENTOS_", "FLASK_"))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env=environment | outside,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == printed
