"""The CLI in this process and in one of its own, each with a database file of its own and far from the checkout."""

import json
import logging
import os
import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from agentos_testing.serving import write_plugin
from click.testing import CliRunner, Result

from agentos.cli import agentos

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
FLASK = Path(sysconfig.get_path("scripts")) / "flask"


class CLI:
    """Calls ``flask agentos``: in this process when called, or as a program of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, input: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(agentos, list(arguments), input=input, prog_name="flask agentos")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def ok(self, *arguments: str, input: str | bytes | None = None) -> str:
        """Return what a command prints that must succeed."""
        result = self(*arguments, input=input)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *arguments: str) -> Any:
        """Return what a command prints with ``--json``."""
        return json.loads(self.ok(*arguments, "--json"))

    def fails(self, *arguments: str, input: str | bytes | None = None, code: int = 1) -> str:
        """Return the one line in which a command says why it fails."""
        result = self(*arguments, input=input)
        assert result.exit_code == code, result.output
        last = result.stderr.splitlines()[-1]
        assert last.startswith("Error: "), result.stderr
        return last

    def process(self, *arguments: str, env: Mapping[str, str] | None = None, **settings: Any) -> subprocess.Popen[Any]:
        """Start the command as a program."""
        environment = {**os.environ, **(env or {})}
        settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **settings}
        return subprocess.Popen([FLASK, "agentos", *arguments], env=environment, cwd=self.folder, **settings)


def wait_for_address(log: Path) -> str:
    """Return where a server listens, as soon as its log says so."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := re.search(r"http://127\.0\.0\.1:[1-9][0-9]*", log.read_text()):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CLI]:
    for name in os.environ.keys() - KEPT:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AGENTOS_DATABASE_URL", f"sqlite:///{tmp_path / 'agentos.db'}")
    monkeypatch.setenv("AGENTOS_MODEL", "scripted:echo")
    monkeypatch.setenv("AGENTOS_PLUGINS", "none")
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    level, raise_exceptions = root.level, logging.raiseExceptions
    yield CLI(tmp_path)
    for handler in [handler for handler in root.handlers if getattr(handler, "agentos", False)]:
        root.removeHandler(handler)
    audit = logging.getLogger("agentos.audit")
    for handler in audit.handlers[:]:
        audit.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    logging.raiseExceptions = raise_exceptions
    logging.captureWarnings(False)


SCRIPT = """
from agentos.domain.agent import Agent
from agentos.errors import ProviderError
from agentos.hookspecs import hookimpl
from agentos.models.deltas import Finish, ReasoningDelta
from agentos.models.scripted import Fail, ScriptedProvider, call

def add(a: int, b: int) -> int:
    '''Add.'''
    return a + b

@hookimpl
def register_tools(register):
    register(add)

@hookimpl
def register_model_providers(register):
    first = [ReasoningDelta("Hm, "), ReasoningDelta("numbers."), "Let me see.", call("add", '{"a": 1, "b": 2}')]
    register("sums", lambda config: ScriptedProvider([first, "It is 3."]))
    for reason in ("length", "content_filter", "other"):
        register(reason, lambda config, reason=reason: ScriptedProvider([["Half", Finish(reason)]]))
    register("failing", lambda config: ScriptedProvider([["Well", Fail(ProviderError("the model said\\nno"))]]))

@hookimpl
def register_agents(register):
    register(Agent(id="sums", model="sums:x", tools=["add"]))
    register(Agent(id="failing", model="failing:x"))
    for reason in ("length", "content_filter", "other"):
        register(Agent(id=reason, model=f"{reason}:x"))
"""

InstallPlugin = Callable[[str, str], None]


@pytest.fixture
def install_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: CLI) -> Iterator[InstallPlugin]:
    """Install plugins as pip would: a module and its metadata, in a folder that Python looks into."""
    folder = tmp_path / "site"
    installed: list[str] = []

    def install(name: str, code: str) -> None:
        installed.append(name)
        write_plugin(folder, name, name)
        (folder / f"{name}.py").write_text(code)
        monkeypatch.setenv("AGENTOS_PLUGINS", ",".join(installed))

    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    yield install
    for name in installed:
        sys.modules.pop(name, None)


@pytest.fixture
def scripted_agents(install_plugin: InstallPlugin) -> None:
    """Install the agents ``sums`` (thinks, calls a tool) and ``failing``, and one for each end that is not ``stop``."""
    install_plugin("script", SCRIPT)
