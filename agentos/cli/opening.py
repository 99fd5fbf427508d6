"""Opens what a command works on: the configuration, and the server's use cases without the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentos.config import Config
    from agentos.services.services import Services

LOG_ON_TERMINAL = {"log_level": "error", "log_format": "console"}
"""What a command does to the settings of the log that nobody set: its user wants its output, not a server's log."""


def configured() -> Config:
    """Read the settings and set up the log; raises :class:`~agentos.errors.ConfigError`."""
    from agentos.config import Config
    from agentos.observability.logs import configure_logging

    config = Config()
    unset: dict[str, Any] = {
        name: value for name, value in LOG_ON_TERMINAL.items() if config.sources[name] == "default"
    }
    configure_logging(Config(**unset))
    return config


@contextmanager
def opened(*, migrate: bool = True) -> Iterator[Services]:
    """Open the use cases for a command, and close them behind it.

    Without ``migrate`` the database is left as it is, and not even connected to before it is needed.
    """
    from agentos.bootstrap import build
    from agentos.config import Config

    config = configured()
    services = build(config if migrate else Config(migrate=False))
    try:
        yield services
    finally:
        services.close()


@contextmanager
def opened_for_runs() -> Iterator[Services]:
    """Open the use cases for a command that executes runs: their leases are kept, and none outlives the command.

    Runs of workers that are gone are left to the servers, which live long enough to go on with them.
    """
    with opened() as services:
        services.leases.transient = True
        services.watch_runs()
        try:
            yield services
        finally:
            services.drain(0)
