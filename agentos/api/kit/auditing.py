"""Has each request of an operation that declares ``audit`` in the audit log, with its outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response

from agentos.api.kit.current import request_notes, this_request
from agentos.api.kit.middleware import request_id
from agentos.domain.principal import Principal
from agentos.errors import Unauthenticated
from agentos.observability.audit import Outcome, log_operation

DOOR = "http"


def audit_requests(app: Flask, action_of: Callable[[Request], str | None]) -> None:
    """Write a line at the end of each request for which ``action_of`` returns an action.

    A request that is refused has one too, as without a valid credential. What is refused before the caller is known for
    another reason, as by a rate limit, has one every few seconds: no limit bounds how many of these strangers send.
    """

    @app.after_request
    def write(response: Response) -> Response:
        request = this_request()
        action = action_of(request)
        if action is not None:
            _write(action, request, response.status_code)
        return response


def note_audit(object: str | None = None, /, **details: Any) -> None:
    """Have the request's line name this object in place of those of its path, and say these details."""
    notes = request_notes()
    if object is not None:
        notes["audit_object"] = object
    notes.setdefault("audit_details", {}).update(details)


def _write(action: str, request: Request, status: int) -> None:
    notes = request_notes()
    known: Principal | None = notes.get("caller")
    code = notes.get("error_code") if status >= 400 else None
    of_path = "/".join(str(part) for part in (request.view_args or {}).values())
    log_operation(
        action,
        outcome=_outcome(status),
        object=notes.get("audit_object") or of_path or None,
        by=None if known is None else known.id,
        owner=None if known is None else known.owner,
        door=DOOR,
        address=request.remote_addr,
        request_id=request_id(),
        code=code,
        details=notes.get("audit_details"),
        counted=known is None and code not in (None, Unauthenticated.code),
    )


def _outcome(status: int) -> Outcome:
    if status < 400:
        return "done"
    return "refused" if status < 500 else "failed"
