"""A server in processes of its own: started, waited for, looked at and ended by its process id."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from agentos_testing.http_client import HttpClient

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH")
"""What a server gets of the test's environment; the rest would make tests depend on the machine."""


class ServerProcess:
    """Starts a command that serves on a free loopback port, and waits until it is ready.

    ``env`` holds AgentOS's settings, ``cwd`` is where files come to be, the logs too. Use it as a context manager, or
    end it with :meth:`stop`. With ``wait=False`` it may still be starting, or fail to.
    """

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], *, cwd: Path, workers: int = 1, wait: bool = True
    ) -> None:
        self.cwd = cwd
        self.workers = workers
        self.log_file = cwd / f"server-{time.monotonic_ns()}.log"
        self.out_file = self.log_file.with_suffix(".out")
        self.environment = {
            **{name: os.environ[name] for name in KEPT if name in os.environ},
            "AGENTOS_ADDRESS": "127.0.0.1:0",
            "AGENTOS_WORKERS": str(workers),
            "PYTHONUNBUFFERED": "1",
            **env,
        }
        with self.log_file.open("wb") as log, self.out_file.open("wb") as out:
            # A group of its own, so that all processes of the server, and no others, can be killed by its id.
            self.process = subprocess.Popen(  # noqa: S603 - the test's own command
                command,
                cwd=cwd,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )
        self.pid = self.process.pid
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self.kill()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- what it says --------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where it listens, from its own log: the port is the kernel's choice, so that no two tests can collide."""
        match = re.search(r"Listening at: (https?://[^ \"]+)", self.log())
        if match is None:
            raise AssertionError(f"the server does not listen:\n{self.log()}")
        return match[1]

    @property
    def client(self) -> HttpClient:
        """A client of it."""
        return HttpClient(self.url)

    def as_caller(self, owner: str, scopes: Collection[str] = ()) -> HttpClient:
        """Return a client with a new API key of a tenant, with the scopes of a client unless some are given.

        The server needs ``AGENTOS_AUTH=api_key``. The key is made as an operator does it, by the command line.
        """
        wanted = [f"--scope={scope}" for scope in scopes]
        made = self.command("keys", "create", f"{owner}'s", "--user", owner, *wanted, "--json")
        return HttpClient(self.url, {"Authorization": f"Bearer {json.loads(made)['key']}"})

    def command(self, *arguments: str, timeout: float = 60) -> str:
        """Call ``agentos`` with the server's settings and return what it prints. Raises where it fails."""
        done = subprocess.run(  # noqa: S603 - the test's own command
            [sys.executable, "-m", "agentos", *arguments],
            cwd=self.cwd,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if done.returncode:
            raise AssertionError(f"agentos {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def log(self) -> str:
        """Return all that it wrote to standard error."""
        return self.log_file.read_text("utf-8", errors="replace")

    def output(self) -> str:
        """Return all that it wrote to standard output."""
        return self.out_file.read_text("utf-8", errors="replace")

    def records(self) -> list[dict[str, Any]]:
        """Return the log as the JSON lines that it must be, but for one that is just being written."""
        return [json.loads(line) for line in self.log().splitlines(keepends=True) if line.endswith("\n")]

    # --- waiting -------------------------------------------------------------------------------------------------

    def wait_ready(self, timeout: float = 60) -> None:
        """Wait until all workers serve and ``/ready`` answers 200."""
        self.wait_for(self._is_ready, timeout, "ready")

    def wait_for(self, condition: Callable[[], object], timeout: float = 10, what: str = "so") -> None:
        """Wait until something is true of the running server."""
        deadline = time.monotonic() + timeout
        while not condition():
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"the server is not {what} after {timeout:g} s:\n{self.log()}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        if self.log().count("worker ready") < self.workers:
            return False
        try:
            with urllib.request.urlopen(f"{self.url}/ready", timeout=5) as response:  # noqa: S310 - its own address
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    # --- its end -------------------------------------------------------------------------------------------------

    def stop(self, number: int = signal.SIGTERM, timeout: float = 45) -> int:
        """End it in order and return its exit code; what is still there after ``timeout`` is killed, and a failure."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"the server did not end within {timeout:g} s:\n{self.log()}") from None
        return int(self.process.returncode)

    def kill(self) -> None:
        """End it as a crash would: the master and all workers, at once."""
        with suppress(ProcessLookupError, PermissionError):  # it has ended, and all of its processes
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(10)
