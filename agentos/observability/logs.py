"""The log: one line a record on standard error, as JSON for machines or as text for the console.

Standard error, because standard output belongs to what a command was asked for. No line holds a secret; and without
``content``, none holds what others said: see :mod:`agentos.observability.content`.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TextIO

import orjson
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.orjson import OrjsonFormatter

from agentos.domain.secret_names import is_secret_name
from agentos.domain.text import escape_controls
from agentos.domain.times import rfc3339
from agentos.observability.audit import AUDIT, open_audit_file
from agentos.observability.content import UntrustedText, frames_and_types
from agentos.observability.redaction import has_secret, process, redact, redact_data, secrets_of
from agentos.observability.tracing import trace_fields

if TYPE_CHECKING:
    from agentos.config import Config

# Libraries: their info lines are noise beside ours, and their debug lines may hold prompts, answers and statements.
LIBRARIES = (
    *("alembic", "asyncio", "httpcore", "httpcore2", "httpx", "httpx2", "openai", "psycopg", "requests"),
    *("sqlalchemy", "urllib3"),
)

TRACE = "agentos_trace"
"""The attribute of a record for the trace that it was made in, where it is formatted elsewhere."""

# Names a LogRecord has of its own accord; everything else came with ``extra=``. ``taskName`` is new in Python 3.12, and
# ``color_message`` a second spelling of the message that some servers add.
OWN = frozenset({*RESERVED_ATTRS, "taskName", "color_message", TRACE})

NUMBERS = frozenset({int, float, bool})


class JSONFormatter(OrjsonFormatter):
    """A record as one line of JSON: ``time`` (RFC 3339), ``level``, ``logger``, ``message``, then the extra fields.

    A traceback is the one field ``exception``. An extra field never replaces one of these.
    """

    def __init__(self, *, content: bool = False) -> None:
        super().__init__()
        self._content = content

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. Each record has one, also where a field is no JSON."""
        data = {
            "time": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
            **_trace(record),
        }
        for name, value in record.__dict__.items():
            if name not in OWN and name not in data:
                data[name] = value.own if isinstance(value, UntrustedText) and not self._content else value
        if record.exc_info:
            data["exception"] = _exception(self, record.exc_info, content=self._content)
        if record.stack_info:
            data["stack"] = str(self.formatStack(record.stack_info))
        line = self.serialize_log_record(data)
        texts = _texts(data)
        if texts is not None and not has_secret(texts):
            return line
        # Looked at as a whole, once: the fields of a field may be anything, and are plain JSON here.
        return self.serialize_log_record(redact_data(json.loads(line)))

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        """Encode with orjson; what it refuses (lone surrogates, huge integers, cycles) still becomes a line."""
        try:
            return str(super().jsonify_log_record(log_data))
        except (TypeError, RecursionError):  # orjson.JSONEncodeError is a TypeError.
            return json.dumps({str(name): _text(value) for name, value in log_data.items()})


class ConsoleFormatter(logging.Formatter):
    """A record as one line for people; only tracebacks take more.

    Control characters are written as escapes, so that what a client sent can neither forge a line nor move the cursor.
    """

    def __init__(self, *, content: bool = False) -> None:
        super().__init__()
        self._content = content

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        extra = "".join(
            f" {name}={self._field(name, value)}"
            for name, value in record.__dict__.items()
            if name not in OWN and value is not None
        )
        extra += "".join(f" {name}={value}" for name, value in _trace(record).items())
        line = escape_controls(redact(f"{time} {record.levelname:<7} {record.name}: {_message(record)}{extra}"))
        if record.exc_info:
            line += _block(_exception(self, record.exc_info, content=self._content))
        if record.stack_info:
            line += _block(self.formatStack(record.stack_info))
        return line

    def _field(self, name: str, value: object) -> str:
        if isinstance(value, UntrustedText) and not self._content:
            return value.own
        [shown] = redact_data({name: value}).values()  # under its name, which may be that of a secret
        return _text(shown)


def configure_logging(config: Config, *, stream: TextIO | None = None, audit: bool = True) -> None:
    """Send all logging of this process to one handler on standard error.

    Lines of the audit log are written at every level, and to the file ``audit_log`` too; without ``audit``, to standard
    error only where the level is ``info`` or lower.

    Form and level are the configured ones; with ``debug``, everything goes to the console. Libraries speak from
    ``warning`` on: their debug lines may hold prompts and answers, so they need both ``debug`` and ``log_content``. The
    secrets of the configuration are known to all of the process from now on. May be called again; the last call holds.
    """
    process.keep(*secrets_of(config))
    handler = logging.StreamHandler(stream or sys.stderr)
    console = config.debug or config.log_format == "console"
    formatter = ConsoleFormatter if console else JSONFormatter
    handler.setFormatter(formatter(content=config.log_content))
    root = logging.getLogger()
    for old in root.handlers[:]:
        # Handlers of other programs (a test runner's, an embedding application's) are left alone.
        if getattr(old, "agentos", False):
            root.removeHandler(old)
    handler.agentos = True  # type: ignore[attr-defined]  # the mark by which the loop above knows it again
    root.addHandler(handler)
    level = logging.DEBUG if config.debug else logging.getLevelNamesMapping()[config.log_level.upper()]
    root.setLevel(level)
    quiet = logging.NOTSET if level == logging.DEBUG and config.log_content else max(level, logging.WARNING)
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(quiet)
    if not audit and level > logging.INFO:
        handler.addFilter(lambda record: record.name != AUDIT)
    _configure_audit(config)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # A log without a reader must not fail, nor speak, in the middle of a request.


def _configure_audit(config: Config) -> None:
    logger = logging.getLogger(AUDIT)
    for old in [one for one in logger.handlers if getattr(one, "agentos", False)]:
        logger.removeHandler(old)
        old.close()
    logger.setLevel(logging.INFO)
    if config.audit_log is not None:
        handler = open_audit_file(config.audit_log)
        handler.setFormatter(JSONFormatter())
        handler.agentos = True  # type: ignore[attr-defined]
        logger.addHandler(handler)


def keep_trace(record: logging.LogRecord) -> None:
    """Have a record know the trace that it was made in: it will be formatted in another thread."""
    setattr(record, TRACE, trace_fields())


def _trace(record: logging.LogRecord) -> Mapping[str, str]:
    kept: Mapping[str, str] | None = record.__dict__.get(TRACE)
    return trace_fields() if kept is None else kept


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        # Arguments that do not fit the text are a mistake at the place that logs; the record is still worth having.
        return f"{record.msg} {record.args!r}"


def _texts(data: Mapping[str, Any]) -> str | None:
    """Return the texts of a line that has nothing but texts, numbers and plain names; ``None`` for another.

    Most lines are such, and their texts are a third of their JSON: to look for secrets takes time for each character.
    """
    texts = []
    for name, value in data.items():
        if type(value) is str:
            texts.append(value)
        elif value is not None and type(value) not in NUMBERS:
            return None
        if not _is_plain(name):
            return None
    return "\n".join(texts)


@lru_cache(maxsize=1024)
def _is_plain(name: str) -> bool:
    return not has_secret(name) and not is_secret_name(name)


def _exception(formatter: logging.Formatter, raised: Any, *, content: bool) -> str:
    error = raised[1]
    return str(formatter.formatException(raised)) if content or error is None else frames_and_types(error)


def _block(text: str) -> str:
    return "".join("\n" + escape_controls(line) for line in redact(text).split("\n"))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value, default=str).decode()
    except (TypeError, RecursionError):
        return repr(value)
