"""What the master of one deployment tells its workers, through memory and a pipe that they inherit."""

from __future__ import annotations

import logging
import mmap
import os
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from agentos.auth.exposure import check_binding
from agentos.errors import ConfigError
from agentos.serving import descriptors
from agentos.serving.addresses import takes_ipv4
from agentos.serving.application import serving_config
from agentos.serving.flags import check_flags
from agentos.storage.sqlalchemy.address import check_url

EXAMPLE = (
    "curl -s {url}/api/v1/agents/assistant/run{key} -H 'Content-Type: application/json'"
    """ -d '{{"input": "Say hello"}}'"""
)
KEY = ' -H "Authorization: Bearer $KEY"'

log = logging.getLogger(__name__)


class Deployment:
    """Made in the master before the first fork."""

    def __init__(self, workers: int) -> None:
        self._state = mmap.mmap(-1, 2)
        # A token for each of the first workers, the last of them marked: reading one is atomic, so exactly one worker
        # learns that it completes the deployment, and those that replace it later find the pipe empty.
        self._tokens, fill = os.pipe()
        os.set_blocking(self._tokens, False)
        os.write(fill, b"." * (workers - 1) + b"!")
        os.close(fill)

    @property
    def stopping(self) -> bool:
        """True once the whole deployment ends; a worker that ends alone sees False."""
        return self._state[0] != 0

    def stop(self) -> None:
        """Say so to all workers."""
        self._state[0] = 1

    @property
    def served(self) -> bool:
        """True once all of its first workers have served: its settings are right, and what fails now may come back."""
        return self._state[1] != 0

    def worker_ready(self, worker: Any) -> None:
        """Print the first thing to try once every worker serves."""
        try:
            token = os.read(self._tokens, 1)
        except BlockingIOError:
            return
        if token != b"!":
            return
        self._state[1] = 1
        services = worker.services
        if services is not None and services.config.assistant:
            listener = worker.sockets[0]
            if isinstance(listener.getsockname(), tuple):
                key = KEY if services.config.auth else ""
                url = _url(listener, tls=worker.cfg.is_ssl) + (services.config.root_path or "")
                print(EXAMPLE.format(url=url, key=key), flush=True)  # noqa: T201


def _url(listener: Any, *, tls: bool) -> str:
    host, port = listener.getsockname()[:2]
    # The address that means "all interfaces" is none that every client can connect to.
    if host == "::":
        host = "127.0.0.1" if takes_ipv4(listener) else "::1"
    elif host == "0.0.0.0":  # noqa: S104
        host = "127.0.0.1"
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def on_starting(server: Any) -> None:
    """Make the deployment: gunicorn's hook in the master, once, before it listens; a reload keeps what is made here."""
    check_flags(server.cfg)  # again: with --logger-class, our logger has not done it
    _check_binding(server.cfg.address)
    _check_database()
    server.deployment = Deployment(server.num_workers)
    _say_connections(server.cfg.worker_connections)
    stop = server.stop

    # gunicorn has no hook between its SIGTERM and that of its workers.
    def stop_all(graceful: bool = True) -> None:
        server.deployment.stop()
        stop(graceful)

    server.stop = stop_all


def when_ready(server: Any) -> None:
    """Look where it does listen: gunicorn's hook in the master, before the first worker and after each reload.

    Sockets may be inherited (systemd, ``fd://``), and a name leads where the machine's resolver says.
    """
    _check_binding(listener.getsockname() for listener in server.LISTENERS)


def _say_connections(served: int) -> None:
    wanted, limit = serving_config().worker_connections, descriptors.limit()
    if served < wanted and served == descriptors.connections(wanted, limit):  # else gunicorn's flag says how many
        log.warning(
            "the limit of open files is too low for AGENTOS_WORKER_CONNECTIONS; raise it (ulimit -Hn, LimitNOFILE)",
            extra={"open_files": limit, "wanted": wanted, "served": served},
        )


def _check_binding(addresses: Iterable[Any]) -> None:
    try:
        # Whatever is no pair is a Unix socket's path, or the number of a socket that `when_ready` looks at.
        check_binding(serving_config(), [address for address in addresses if isinstance(address, tuple)])
    except ConfigError as error:
        _refuse(error)


def _check_database() -> None:
    """Refuse a database's URL that no worker will accept, or a file that none can write, before one has tried."""
    try:
        check_url(serving_config().database_url)
    except ConfigError as error:
        _refuse(error)


def _refuse(error: ConfigError) -> NoReturn:
    print(f"Error: {error.message}", file=sys.stderr, flush=True)  # noqa: T201  # the log may be JSON
    raise SystemExit(1) from error


def post_fork(server: Any, worker: Any) -> None:
    """Hand the deployment to a new worker: gunicorn's hook in each of them."""
    worker.deployment = server.deployment
