"""A log that can be read, and the process as it was before."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agentos.config import Config
from agentos.observability.logs import LIBRARIES, configure_logging
from agentos.observability.redaction import process


class Log(io.StringIO):
    """What was logged."""

    def records(self) -> list[dict[str, Any]]:
        """Return the lines of a JSON log."""
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def known_secrets() -> Iterator[None]:
    """Forget the secrets that a test makes known."""
    before = process._values
    yield
    process._values = before


@pytest.fixture
def log() -> Iterator[Callable[..., Log]]:
    """Configure logging into a buffer; everything is put back afterwards."""
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions

    def configure(config: Config | None = None, **settings: Any) -> Log:
        stream = Log()
        configure_logging(config or Config(environ={}, **settings), stream=stream)
        return stream

    yield configure
    root.handlers[:], logging.raiseExceptions = handlers, raising
    root.setLevel(level)
    audit = logging.getLogger("agentos.audit")
    for handler in audit.handlers[:]:
        audit.removeHandler(handler)
        handler.close()
    logging.captureWarnings(False)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET)
