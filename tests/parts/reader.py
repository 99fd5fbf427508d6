"""A reader who pastes what a page says into a terminal, block after block, in a directory and environment of their own.

Differences from a real reader, all because tests use no network and run side by side: a free port stands for each port
that a page names on this machine, packages are installed from what is there, and `make run` starts the same server
without installing it again.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time
import tomllib
import urllib.request
from configparser import ConfigParser
from configparser import Error as Unreadable
from pathlib import Path

import yaml

from parts.environment import make_environment
from parts.pages import Block, Note, name_of, steps_of
from parts.server import KEPT, ROOT
from parts.shapes import json_in, same_shape

NOT_PASTED = ("text", "mermaid", "js", "nginx")
"""Blocks that are no commands or files of a server; tests/docs/test_blocks.py has tests of the last two."""

SERVES = re.compile(r"(^|\s)(make run|(flask )?agentos serve|gunicorn|python server\.py)(\s|$)")
GIVEN: set[int] = set()
MAKE_RUN = f"flask agentos db upgrade && gunicorn --pythonpath {ROOT} -c {ROOT / 'gunicorn.conf.py'} wsgi:app"
PORT = re.compile(r"(?<=127\.0\.0\.1:)\d{4,5}|(?<=localhost:)\d{4,5}")
# A terminal keeps its variables and its directory from one block to the next.
SESSION = """
[ ! -e "$READER/state" ] || source "$READER/state"
set -euo pipefail
trap '{ declare -p | grep -vE "^declare -[a-zA-Z]*r"; printf "cd %q\\n" "$PWD"; } > "$READER/state"' EXIT
"""


class Reader:
    """Does the steps of a page. A context manager; at its end, the server that the page started ends."""

    def __init__(self, directory: Path, environ: dict[str, str]) -> None:
        self.here = directory / "project"
        self.private = directory / "reader"
        self.here.mkdir()
        self.private.mkdir()
        self.printed = ""
        self._ports: dict[str, str] = {}
        self._server: subprocess.Popen[bytes] | None = None
        self._log = self.private / "server.log"
        programs = make_environment(self.here / ".venv")
        # An answer that is an error is a failure, which a terminal only shows.
        (self.private / ".curlrc").write_text("fail-with-body\n")
        self.environ = {name: os.environ[name] for name in KEPT if name in os.environ} | {
            "PATH": os.pathsep.join([str(programs), os.environ["PATH"]]),
            "HOME": str(self.private),
            "READER": str(self.private),
            "AGENTOS_ADDRESS": self.local("127.0.0.1:8080"),
            "AGENTOS_WORKERS": "1",
            "AGENTOS_MODEL": "scripted:echo",
            "PYTHONUNBUFFERED": "1",
            # A connection to another machine fails at once.
            "http_proxy": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
            "no_proxy": "127.0.0.1,localhost",
        }
        self.environ |= environ

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def read(self, page: Path) -> dict[str, str]:
        """Do all steps of a page; return what each block of commands printed, by its text."""
        printed: dict[str, str] = {}
        for step in steps_of(page):
            if isinstance(step, Block) and (step.not_run or step.language in NOT_PASTED):
                continue
            try:
                self.do(step)
            except (
                AssertionError,
                ValueError,
                SyntaxError,
                Unreadable,
                yaml.YAMLError,
                subprocess.TimeoutExpired,
            ) as error:
                place = f"{name_of(page)}:{step.line}" if isinstance(step, Block) else name_of(page)
                raise AssertionError(f"{place} does not work as pasted:\n{error}") from None
            if isinstance(step, Block) and step.language == "sh":
                printed[step.text] = self.printed
        return printed

    def do(self, step: Note | Block) -> None:
        """Do what one step says; raises :class:`AssertionError` where it does not work."""
        match step:
            case Note("server", settings):
                self._serve(f"{settings} flask agentos serve")
            case Note():
                self._stop()
            case Block(language="sh", text=text):
                self._paste(self.local(text))
            case Block(language="json", text=text):
                shown, printed = json.loads(text), json_in(self.printed)
                same_shape(shown, printed, "the answer")
            case Block(file=str(file)):
                (self.here / file).parent.mkdir(parents=True, exist_ok=True)
                (self.here / file).write_text(self.local(step.text))
                self._check(step, file)
            case Block():
                self._check(step, None)

    def local(self, text: str) -> str:
        """Return a text with a free port for each port of this machine in it, always the same one."""
        return PORT.sub(lambda found: self._ports.setdefault(found[0], str(free_port())), text)

    # --- a block ---------------------------------------------------------------------------------------------------

    def _check(self, block: Block, file: str | None) -> None:
        match block.language:
            case "python" if file is None:
                (self.private / "pasted.py").write_text(self.local(block.text))
                self._shell('PYTHONPATH=. python "$READER/pasted.py"')
            case "python" if Path(file).name.startswith("test_"):
                compile(block.text, file, "exec")  # The page's next command runs it.
            case "python":
                run = f"import runpy; runpy.run_path({file!r}, run_name='pasted')"
                self._shell(f"PYTHONPATH=. python -c {shlex.quote(run)}")
            case "toml":
                tomllib.loads(block.text)
            case "yaml":
                yaml.safe_load(block.text)
            case "ini":
                ConfigParser(interpolation=None).read_string(block.text)
            case language:
                raise AssertionError(f"nothing here knows what to do with {language or 'a block without a language'!r}")

    def _paste(self, script: str) -> None:
        """Run a block; a line of it that starts a server is left running."""
        before: list[str] = []
        for line in script.splitlines():
            if SERVES.search(line):
                self._shell("\n".join(before))
                self._serve(line.replace("make run", MAKE_RUN))
                before = []
            else:
                before.append(line)
        if any(line.strip() for line in before):
            self._shell("\n".join(before))

    def _shell(self, script: str) -> None:
        done = subprocess.run(
            ["bash", "-c", f"{SESSION}\n{script}"],
            cwd=self.here,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.printed = done.stdout
        log = self._log.read_text("utf-8")[-3000:] if self._log.exists() else ""
        works = done.returncode == 0 and "event: error\n" not in done.stdout
        assert works, f"{script}\n--- printed\n{done.stdout}{done.stderr}\n--- server\n{log}"

    # --- the server ------------------------------------------------------------------------------------------------

    def _serve(self, command: str) -> None:
        self._stop()
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(
                ["bash", "-c", f"{SESSION}\n{command}"],
                cwd=self.here,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while not self._is_ready():
            said = self._log.read_text("utf-8")
            assert self._server.poll() is None, f"{command}\n--- the server ended\n{said}"
            assert time.monotonic() < deadline, f"{command}\n--- the server is not ready\n{said}"
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        listening = re.search(r"Listening at: (https?://[^ ]+)", self._log.read_text("utf-8"))
        if listening is None:
            return False
        try:
            with urllib.request.urlopen(f"{listening[1]}/ready", timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def _stop(self) -> None:
        if self._server is None:
            return
        if self._server.poll() is None:
            os.killpg(self._server.pid, signal.SIGTERM)
            try:
                self._server.wait(45)
            except subprocess.TimeoutExpired:
                os.killpg(self._server.pid, signal.SIGKILL)
                self._server.wait(10)
        self._server = None


def free_port() -> int:
    """Return a free port, and no port twice: two pages may be read at once."""
    while True:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = int(found.getsockname()[1])
        if port not in GIVEN:
            GIVEN.add(port)
            return port
