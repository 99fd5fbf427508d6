"""The responses to a request that started a run, but for the stream."""

from __future__ import annotations

import logging

from flask import Response, url_for

from agentos.api.kit.client import client_of
from agentos.api.kit.disconnects import DisconnectWatch
from agentos.api.kit.errors import run_error_response
from agentos.api.kit.idempotency import replayed_header
from agentos.api.kit.middleware import this_request
from agentos.api.kit.routes import json_response, services
from agentos.api.v1.serializers import accepted_run_json, run_answer_json
from agentos.errors import RunTimeout
from agentos.execution.run_handle import RunHandle

GRACE = 15.0
"""Seconds after its deadlines in which a run must have been stopped and saved; the runner needs two or three."""

logger = logging.getLogger(__name__)


def accepted_response(handle: RunHandle, session_id: str | None) -> Response:
    """Say where a background run can be found."""
    where = {"Location": url_for("runs.get_run", run_id=handle.run_id)}
    return json_response(accepted_run_json(handle.run_id, session_id), 202, {**where, **_headers(handle)})


def end_response(handle: RunHandle, *, cancel_on_disconnect: bool) -> Response:
    """Wait for a run's end and answer it; ``cancel_on_disconnect`` cancels it if the client does not wait."""
    config = services().config
    timeout = (config.queue_timeout or config.request_timeout) + config.request_timeout + GRACE
    watch = DisconnectWatch(handle, client_of(this_request().environ)) if cancel_on_disconnect else handle
    run = watch.wait(timeout)
    if run is None:
        if not handle.replayed:
            logger.error("a run did not end after its deadline", extra={"run_id": handle.run_id})
        # A repeat gave up waiting; the run it repeats goes on.
        message = "the run has not ended yet; GET the run for how it ends"
        raise RunTimeout(message, details={"run_id": handle.run_id})
    if run.error is None:
        return json_response(run_answer_json(run), headers=_headers(handle))
    answer = run_error_response(run.error)
    answer.headers.update(_headers(handle))
    return answer


def _headers(handle: RunHandle) -> dict[str, str]:
    return {"X-Run-ID": handle.run_id, **replayed_header(handle.replayed)}
