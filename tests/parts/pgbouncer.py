"""A real pgbouncer in transaction mode before a PostgreSQL server, from the system's own package."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from parts.postgres import USER, PostgresServer, as_nobody, free_port

START_TIMEOUT = 10.0


def pgbouncer_binary() -> str | None:
    """Return the program; ``None`` where it is not installed. Debian has it outside of a user's PATH."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


class Pgbouncer:
    """A pooler on a free loopback port. ``ignoring`` are parameters of a session's start that it passes over."""

    def __init__(self, server: PostgresServer, *, ignoring: str = "", connections: int = 10) -> None:
        binary = pgbouncer_binary()
        if binary is None:
            raise LookupError("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
        self.port = free_port()
        self._home = Path(tempfile.mkdtemp(prefix="agentos-pgbouncer-"))
        (self._home / "users").write_text(f'"{USER}" ""\n')
        settings = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "trust",
            "auth_file": self._home / "users",
            "pool_mode": "transaction",
            "max_client_conn": 500,
            "default_pool_size": connections,
            "ignore_startup_parameters": ignoring,
            "logfile": self._home / "log",
        }
        lines = [f"{name} = {value}" for name, value in settings.items() if value != ""]
        target = f"* = host=127.0.0.1 port={server.port}"
        (self._home / "ini").write_text("\n".join(["[databases]", target, "[pgbouncer]", *lines, ""]))
        if os.geteuid() == 0:
            shutil.chown(self._home, "nobody")
        self._process = subprocess.Popen(
            [binary, "-q", str(self._home / "ini")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            **as_nobody(),
        )
        self._wait()

    def url(self, url: str) -> str:
        """Return the URL of a server's database, as it is reached through this pooler."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{url.rpartition('/')[2]}"

    def log(self) -> str:
        """Return what it wrote."""
        return (self._home / "log").read_text()

    def stop(self) -> None:
        """End it and delete what it wrote."""
        self._process.kill()
        self._process.wait(10)
        shutil.rmtree(self._home, ignore_errors=True)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"pgbouncer did not start:\n{self.log()}") from None
                time.sleep(0.05)
            else:
                return


@contextmanager
def running_pgbouncer(server: PostgresServer, *, ignoring: str = "") -> Iterator[Pgbouncer]:
    """Run a pooler; skips the test where there is none."""
    try:
        pooler = Pgbouncer(server, ignoring=ignoring)
    except LookupError as error:
        pytest.skip(str(error))
    try:
        yield pooler
    finally:
        pooler.stop()
