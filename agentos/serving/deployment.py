"""What the master of one deployment tells its workers, through memory and a pipe that they inherit."""

from __future__ import annotations

import logging
import mmap
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from agentos.advice import advice, unread_variables
from agentos.auth.addresses import with_port
from agentos.auth.exposure import check_binding
from agentos.deployment_directory import share
from agentos.observability.startup import error_line, one_line_exit
from agentos.serving import descriptors
from agentos.serving.addresses import takes_ipv4
from agentos.serving.application import serving_config
from agentos.serving.flags import check_flags
from agentos.serving.ports import check_addresses
from agentos.serving.shared_directory import SharedDirectory
from agentos.storage.sqlalchemy.address import check_url

if TYPE_CHECKING:
    from agentos.config import Config
    from agentos.services.services import Services

# The small local model answers this well; it knows few facts.
EXAMPLE = (
    "curl -s {url}/api/v1/agents/{agent}/run{key} -H 'Content-Type: application/json'"
    """ -d '{{"input": "Write one sentence about the sea."}}'"""
)
TOYS = {"local": "a toy-sized model on this machine", "scripted": "a script without a model"}
"""Model providers that are only for trying the server, and what they are."""

BETTER = (
    "Agent {agent} uses {model}, {what}. For a better one set OPENAI_API_KEY and AGENTOS_MODEL=openai:gpt-5-mini,"
    " or use a server on this machine such as Ollama:"
    " OPENAI_BASE_URL=http://127.0.0.1:11434/v1 AGENTOS_MODEL=openai:NAME"
)
KEY = ' -H "Authorization: Bearer $KEY"'

log = logging.getLogger(__name__)


MOST_OF_A_FAILURE = 4000
"""Bytes of one failure: what is shorter than PIPE_BUF (4096 on Linux) is written at once or not at all."""


class Deployment:
    """Made in the master before the first fork."""

    def __init__(self, workers: int) -> None:
        self.directory = SharedDirectory()
        self.generation = 0
        """How often workers were started with the code and settings of that time."""
        self._state = mmap.mmap(-1, 2)
        # A token for each of the first workers, the last of them marked: reading one is atomic, so exactly one worker
        # learns that it completes the deployment, and those that replace it later find the pipe empty
        # (its end for writing is closed: to read it never waits).
        self._tokens, fill = os.pipe()
        os.write(fill, b"." * (workers - 1) + b"!")
        os.close(fill)
        self._failures, self._failed = os.pipe()
        self._first, first = os.pipe()
        os.write(first, b"!")
        os.close(first)
        for end in (self._failures, self._failed):
            os.set_blocking(end, False)

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

    def fail(self, message: str) -> bool:
        """Keep why a worker could not begin, for the line that the master ends with.

        Return True for the first worker that fails: it alone may say so to gunicorn: its master does not expect a
        second failure while it ends the deployment, and prints a traceback.
        """
        with suppress(BlockingIOError):  # the pipe is full of the same
            os.write(self._failed, message.encode()[:MOST_OF_A_FAILURE].replace(b"\0", b"") + b"\0")
        return bool(os.read(self._first, 1))

    @property
    def failure(self) -> str | None:
        """Why the first worker that failed could not begin; reading it takes it away."""
        try:
            return os.read(self._failures, 65_536).partition(b"\0")[0].decode(errors="replace")
        except BlockingIOError:
            return None

    def worker_ready(self, worker: Any) -> None:
        """Print the first thing to try once every worker serves, and warn of variables that nothing reads."""
        if os.read(self._tokens, 1) != b"!":
            return
        self._state[1] = 1
        if worker.services is not None:
            # The master does not load plugins, so it cannot know what settings they have.
            for sentence in unread_variables(worker.services.config, worker.services.plugins.reports):
                log.warning(sentence)
            _say_what_to_try(worker, worker.services)


def _say_what_to_try(worker: Any, services: Services) -> None:
    """Print a command for an agent, and what its model is where a better one is easily had."""
    listener, agent = worker.sockets[0], services.agents.example()
    if agent is None or not isinstance(listener.getsockname(), tuple):
        return
    toy = TOYS.get((agent.model or "").partition(":")[0])
    if toy is not None:
        print(BETTER.format(agent=agent.id, model=agent.model, what=toy))  # noqa: T201
    key = KEY if services.config.auth else ""
    url = _url(listener, tls=worker.cfg.is_ssl) + (services.config.root_path or "")
    print(EXAMPLE.format(url=url, agent=agent.id, key=key), flush=True)  # noqa: T201


def _url(listener: Any, *, tls: bool) -> str:
    host, port = listener.getsockname()[:2]
    # The address that means "all interfaces" is none that every client can connect to.
    if host == "::":
        host = "127.0.0.1" if takes_ipv4(listener) else "::1"
    elif host == "0.0.0.0":  # noqa: S104
        host = "127.0.0.1"
    return f"{'https' if tls else 'http'}://{with_port(host, port)}"


def on_starting(server: Any) -> None:
    """Make the deployment: gunicorn's hook in the master, once, before it listens; a reload keeps what is made here."""
    check_flags(server.cfg)  # again: with --logger-class, our logger has not done it
    config = serving_config()
    with one_line_exit():
        _check_binding(config, server.cfg.address)
        check_url(config.database_url)
        # Sockets may be inherited: from systemd, or from the master that this one replaces (USR2).
        if not (server.LISTENERS or server.master_pid or os.environ.get("LISTEN_FDS")):
            check_addresses(server.cfg.address)
    server.deployment = Deployment(server.num_workers)
    for sentence in advice(config):
        log.warning(sentence)
    _say_connections(config.worker_connections, server.cfg.worker_connections)
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
    server.deployment.generation += 1
    with one_line_exit():
        _check_binding(serving_config(), (listener.getsockname() for listener in server.LISTENERS))


def on_exit(server: Any) -> None:
    """Remove the shared files, and say in one line why a start failed: gunicorn's hook in the master, at its end."""
    deployment: Deployment | None = getattr(server, "deployment", None)
    if deployment is None:
        return
    deployment.directory.remove()
    if failure := deployment.failure:
        print(error_line(failure), file=sys.stderr, flush=True)  # noqa: T201  # the log may be JSON


def _say_connections(wanted: int, served: int) -> None:
    limit = descriptors.limit()
    if served < wanted and served == descriptors.connections(wanted, limit):  # else gunicorn's flag says how many
        log.warning(
            "the limit of open files is too low for AGENTOS_WORKER_CONNECTIONS; raise it (ulimit -Hn, LimitNOFILE)",
            extra={"open_files": limit, "wanted": wanted, "served": served},
        )


def _check_binding(config: Config, addresses: Iterable[Any]) -> None:
    # An address that is no pair is a Unix socket's path, or the number of a socket that `when_ready` looks at.
    check_binding(config, [with_port(*address[:2]) for address in addresses if isinstance(address, tuple)])


def post_fork(server: Any, worker: Any) -> None:
    """Hand the deployment to a new worker: gunicorn's hook in each of them."""
    worker.deployment = server.deployment
    share(server.deployment.directory.path, server.deployment.generation)
