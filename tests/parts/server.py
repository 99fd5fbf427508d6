"""The real server, as deployed: gunicorn with the checkout's gunicorn.conf.py, in processes of its own."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
from agentos_testing.process import KEPT, ServerProcess

__all__ = ["KEPT", "ROOT", "AgentOSServer"]

ROOT = Path(__file__).parents[2]


class AgentOSServer(ServerProcess):
    """Start ``gunicorn -c gunicorn.conf.py wsgi:app`` on a free loopback port, and wait until it is ready.

    ``env`` holds AgentOS's settings, ``cwd`` is where the SQLite file comes to be, ``app`` another WSGI application
    (``module:name``, found in ``cwd`` and in the checkout), ``command`` another program altogether. ``plugins`` limits
    which are loaded (``AGENTOS_PLUGINS``).
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
        environment = {"PYTHONPATH": os.pathsep.join([str(cwd), str(ROOT)])}
        if plugins is not None:
            environment["AGENTOS_PLUGINS"] = plugins
        if command is None:
            command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), app]
        super().__init__(command, environment | dict(env or {}), cwd=cwd, workers=workers, wait=wait)

    def worker_pids(self) -> list[int]:
        """The processes that serve."""
        return sorted(child.pid for child in psutil.Process(self.pid).children())
