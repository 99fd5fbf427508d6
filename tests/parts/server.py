"""The real server, as deployed: gunicorn with the checkout's gunicorn.conf.py, in processes of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
# What a process needs of the test's own environment; the rest would make tests depend on the machine.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH")


class AgentOSServer:
    """Start ``gunicorn -c gunicorn.conf.py wsgi:app`` on a free loopback port, and wait until it is ready.

    ``env`` holds AgentOS's settings, ``cwd`` is where the SQLite file comes to be, ``app`` another WSGI application
    (``module:name``, found in ``cwd`` and in the checkout), ``command`` another program altogether. Use it as a context
    manager, or end it with :meth:`stop`. ``plugins`` limits which are loaded (``AGENTOS_PLUGINS``).
    """

    def __init__(
        self,
        env: Mapping[str, str] | None = None,
        *,
        cwd: Path,
        workers: int = 2,
        plugins: str | None = None,
        app: str = "wsgi:app",
        command: list[str] | None = None,
        wait: bool = True,
    ) -> None:
        self.cwd = cwd
        self.workers = workers
        self.log_file = cwd / f"server-{time.monotonic_ns()}.log"
        self.out_file = self.log_file.with_suffix(".out")
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment |= {
            "AGENTOS_ADDRESS": "127.0.0.1:0",
            "AGENTOS_WORKERS": str(workers),
            "PYTHONPATH": os.pathsep.join([str(cwd), str(ROOT)]),
            "PYTHONUNBUFFERED": "1",
        }
        if plugins is not None:
            environment["AGENTOS_PLUGINS"] = plugins
        environment |= env or {}
        self.environment = environment
        if command is None:
            command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), app]
        with self.log_file.open("wb") as log, self.out_file.open("wb") as out:
            self.process = subprocess.Popen(
                command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=log
            )
        self.pid = self.process.pid
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self.kill()
                raise

    def __enter__(self) -> "AgentOSServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- what it says --------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where it listens, from its own log: the port is the kernel's choice, so that no two tests can collide."""
        match = re.search(r"Listening at: (https?://[^ ]+)", self.log())
        if match is None:
            raise AssertionError(f"the server does not listen:\n{self.log()}")
        return match[1]

    def log(self) -> str:
        """All that it wrote to standard error."""
        return self.log_file.read_text("utf-8", errors="replace")

    def output(self) -> str:
        """All that it wrote to standard output."""
        return self.out_file.read_text("utf-8", errors="replace")

    def records(self) -> list[dict]:
        """The log, as the JSON lines that it must be, but for one that is just being written."""
        return [json.loads(line) for line in self.log().splitlines(keepends=True) if line.endswith("\n")]

    def worker_pids(self) -> list[int]:
        """The processes that serve."""
        return sorted(child.pid for child in psutil.Process(self.pid).children())

    # --- waiting -------------------------------------------------------------------------------------------------

    def wait_ready(self, timeout: float = 60) -> None:
        """Wait until all workers serve and ``/ready`` answers 200."""
        self.wait_for(self._is_ready, timeout, "ready")

    def wait_for(self, condition, timeout: float = 10, what: str = "so") -> None:
        """Wait until something is true of the running server."""
        deadline = time.monotonic() + timeout
        while not condition():
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"the server is not {what} after {timeout} s:\n{self.log()}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        if self.log().count("worker ready") < self.workers:
            return False
        try:
            with urllib.request.urlopen(f"{self.url}/ready", timeout=5) as response:
                return response.status == 200
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
                raise AssertionError(f"the server did not end within {timeout} s:\n{self.log()}") from None
        return self.process.returncode

    def kill(self) -> None:
        """End it as a crash would: the master and all workers, at once."""
        try:
            processes = psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            processes = []
        for process in [self.process, *processes]:
            try:
                process.kill()
            except (psutil.NoSuchProcess, ProcessLookupError):
                continue
        self.process.wait(10)
