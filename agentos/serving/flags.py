"""gunicorn's flags that would break a promise of AgentOS. They are refused at the start, each with a sentence.

It is the same for the command line, ``GUNICORN_CMD_ARGS`` and a configuration file: what counts is the value.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gunicorn.config import make_settings
from gunicorn.util import load_class

from agentos.config import Config
from agentos.serving.application import serving_config

WORKER = "agentos.serving.worker.Worker"  # by name: the worker knows the deployment, which checks the flags
LEAST_TIMEOUT = 5  # Seconds. A worker reports once a second, and later under load.
SAVE_SECONDS = 5  # seconds that the master gives its workers after the drain, to save how the runs ended
ONE_PROTOCOL = "AgentOS's worker speaks HTTP/1.1 alone"

_FLAGS = {name: setting.cli[-1] for name, setting in make_settings().items() if setting.cli}


@dataclass(frozen=True, slots=True)
class Flag:
    """A setting of gunicorn, the values that are refused, and why. ``instead`` says what to do."""

    setting: str
    refused: Callable[[Any, Config], bool]
    why: str
    instead: str = "leave it out"

    @property
    def flag(self) -> str:
        """The setting's name on gunicorn's command line."""
        return _FLAGS[self.setting]

    def sentence(self, value: Any) -> str:
        """Say what was given, what would break, and what to do."""
        shown = value.__name__ if isinstance(value, type) else repr(value)
        return f"gunicorn's {self.flag} is {shown}, which is not accepted: {self.why}; {self.instead}"


def least_graceful_timeout(config: Config) -> int:
    """Return the seconds within which the master must not kill a worker that drains."""
    return math.ceil(config.drain_timeout) + SAVE_SECONDS


def _is_set(value: Any, _: Config) -> bool:
    return bool(value)


def _is_foreign_worker(value: Any, _: Config) -> bool:
    try:
        found = load_class(value)
    except Exception:  # noqa: BLE001 - gunicorn imports what the flag names
        return True
    return not (isinstance(found, type) and issubclass(found, load_class(WORKER)))


REFUSED: tuple[Flag, ...] = (
    Flag(
        "preload_app",
        _is_set,
        "the application's database connections and threads do not survive the fork into the workers",
    ),
    Flag("max_requests", _is_set, "a worker that ends after a number of requests cuts the streams that are open"),
    Flag(
        "worker_class",
        _is_foreign_worker,
        "only AgentOS's own worker streams to many clients at once, ends every run when it stops, and answers malformed"
        " requests in JSON",
    ),
    Flag(
        "reuse_port",
        _is_set,
        "each worker would have its own queue of connections, and those in the queue of a worker that dies are lost",
    ),
    Flag(
        "timeout",
        lambda value, _: value < LEAST_TIMEOUT,
        "with 0 a worker that hangs is never replaced, and with a few seconds one that only has much to do is killed",
        f"set {LEAST_TIMEOUT} or more; the time of requests and runs is set with AGENTOS_REQUEST_TIMEOUT and others",
    ),
    Flag(
        "graceful_timeout",
        lambda value, config: value < least_graceful_timeout(config),
        "workers would be killed before the drain is over and the ends of their runs are saved",
        f"leave it out and set AGENTOS_DRAIN_TIMEOUT, or give it {SAVE_SECONDS} more than that",
    ),
    Flag(
        "http_parser",
        lambda value, _: value != "python",
        "the other parsers take folded fields and lines that end with LF, by which requests can be smuggled in",
    ),
    Flag(
        "permit_obsolete_folding", _is_set, "a proxy may read a folded field otherwise, and requests can be smuggled in"
    ),
    Flag(
        "strip_header_spaces",
        _is_set,
        "a proxy may read a field with a space before its colon otherwise, and requests can be smuggled in",
    ),
    Flag(
        "header_map",
        lambda value, _: value == "dangerous",
        "a client could send X_Real_IP and have it pass for the X-Real-IP of a proxy",
    ),
    Flag(
        "forwarder_headers",
        _is_set,
        "a header could rewrite the path that is asked for",
        "leave it out and set AGENTOS_ROOT_PATH where a proxy shows the server under a path",
    ),
    Flag(
        "http_protocols",
        lambda value, _: list(value) != ["h1"],
        ONE_PROTOCOL,
        "leave it out and let a proxy speak HTTP/2",
    ),
    Flag("protocol", lambda value, _: value != "http", ONE_PROTOCOL),
    *(
        Flag(
            f"limit_request_{limited}",
            lambda value, _: value == 0,
            "a header without an end would take all memory",
            "leave it out, or give a number that is not 0",
        )
        for limited in ("line", "fields", "field_size")
    ),
)


def refusals(cfg: Any, config: Config) -> list[str]:
    """Return a sentence for each setting of gunicorn that is not accepted."""
    values = ((flag, cfg.settings[flag.setting].get()) for flag in REFUSED)
    return [flag.sentence(value) for flag, value in values if flag.refused(value, config)]


def check_flags(cfg: Any) -> None:
    """End the program with a line for each setting that is not accepted."""
    found = refusals(cfg, serving_config())
    if found:
        print("\n".join(f"Error: {sentence}" for sentence in found), file=sys.stderr, flush=True)  # noqa: T201  # the log may be JSON
        raise SystemExit(1)
