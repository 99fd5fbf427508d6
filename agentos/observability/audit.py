"""The audit log: one line for each operation on keys, agents, approvals and deletions, also for those that are refused.

Logger ``agentos.audit``. A line says who, what, when, from where, and with what outcome. It has never a secret: keys
are named by their ids.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any, Literal

from agentos.domain.pending import Answer
from agentos.domain.text import clean, shorten
from agentos.errors import ConfigError
from agentos.observability.redaction import redact
from agentos.observability.repeated import RepeatedLines

Outcome = Literal["done", "refused", "failed"]
"""``refused``: the request was not accepted, and nothing changed. ``failed``: the server could not do it."""

MOST_CHARACTERS = 255  # of the id of an object: a client may have sent anything

SERVER = "server"
"""The door, and the caller, of what the server does by itself."""

MOST_ANSWERS = 50  # of one request that a line names

AUDIT = "agentos.audit"

logger = logging.getLogger(AUDIT)
repeated = RepeatedLines(logger)


def log_operation(
    action: str,
    *,
    outcome: Outcome,
    by: str | None,
    door: str,
    owner: str | None = None,
    object: str | None = None,
    address: str | None = None,
    user: str | None = None,
    request_id: str | None = None,
    code: str | None = None,
    details: Mapping[str, Any] | None = None,
    counted: bool = False,
) -> None:
    """Write the line of one operation.

    ``by`` names the credential (``key:4f…``), or ``operator`` for a command; ``None`` is a caller without a valid one.
    ``owner`` is the caller's. ``user`` is the operating system's user of a command. ``code`` is that of the error.
    A line that is ``counted`` is written once every few seconds for its action and outcome.
    """
    message = f"{action} {outcome}"
    fields = {
        "action": action,
        "outcome": outcome,
        "object": None if object is None else redact(shorten(clean(object), MOST_CHARACTERS)),
        "by": by,
        "owner": owner,
        "door": door,
        "address": address,
        "user": user,
        "request_id": request_id,
        "code": code,
        "details": dict(details) if details else None,
    }
    extra = {name: value for name, value in fields.items() if value is not None}
    lines = repeated if counted else logger
    lines.log(logging.INFO, message, extra=extra)


def open_audit_file(path: str) -> logging.Handler:
    """Return what appends lines to a file that this user alone can read. Raises :class:`~agentos.errors.ConfigError`.

    Several processes may append to one file. A file that was moved away, as by logrotate, is made anew.
    """
    file = Path(path)
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigError(
            f"AGENTOS_AUDIT_LOG names {path!r:.300}, which cannot be written: {error.strerror}; give a file in a folder"
            " that the server may write to"
        ) from error
    return WatchedFileHandler(file, encoding="utf-8", errors="backslashreplace")


def audited_answers(answers: Mapping[str, Answer]) -> list[dict[str, str]]:
    """Return what the line says of answers to what a run waits for: the ids and decisions, not what was said."""
    shown = list(answers.items())[:MOST_ANSWERS]
    return [{"id": shorten(clean(id), MOST_CHARACTERS), "answer": _kind(one)} for id, one in shown]


def _kind(answer: Answer) -> str:
    return answer.decision or ("output" if answer.error is None else "error")
