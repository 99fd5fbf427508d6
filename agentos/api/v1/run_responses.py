"""How a run that was started is answered: at once, at its end, or as a stream."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence, Set
from functools import partial

from flask import Response, request, url_for

from agentos.api.kit.callers import caller
from agentos.api.kit.errors import run_error_response
from agentos.api.kit.idempotency import replayed_header
from agentos.api.kit.routes import json_response, services
from agentos.api.v1.disconnects import ClientWatch
from agentos.api.v1.serializers import accepted_run_json, run_answer_json
from agentos.api.v1.sse import HEADERS, encode_frames, stream_frames
from agentos.domain.event import Frame
from agentos.errors import RunTimeout
from agentos.events.stream import Deliver
from agentos.services.runs import StartedRun

GRACE = 15.0
"""Seconds after its deadlines in which a run must have been stopped and saved; the runner needs two or three."""

SEND_SOON = "agentos.send_soon"
"""What our own server offers in a request's environment (``serving.answers``): to send a piece without waiting."""

logger = logging.getLogger(__name__)


def accepted_response(started: StartedRun, session_id: str | None) -> Response:
    """Say where a background run can be found."""
    where = {"Location": url_for("runs.get_run", run_id=started.run_id)}
    return json_response(accepted_run_json(started.run_id, session_id), 202, {**where, **_headers(started)})


def end_response(started: StartedRun, *, until_gone: bool) -> Response:
    """Wait for a run's end and answer it; ``until_gone`` cancels the run if the client does not wait for it."""
    config = services().config
    timeout = (config.queue_timeout or config.request_timeout) + config.request_timeout + GRACE
    run = (_watch(started) if until_gone else started).wait(timeout)
    if run is None:
        if not started.replayed:
            logger.error("a run did not end after its deadline", extra={"run_id": started.run_id})
        # A repeat gave up waiting; the run it repeats goes on.
        message = "the run has not ended yet; GET the run for how it ends"
        raise RunTimeout(message, details={"run_id": started.run_id})
    if run.error is None:
        return json_response(run_answer_json(run), headers=_headers(started))
    answer = run_error_response(run.error)
    answer.headers.update(_headers(started))
    return answer


def stream_response(started: StartedRun, *, types: Set[str], until_gone: bool) -> Response:
    """Stream a run from its start; ``until_gone`` cancels the run if the client leaves before its end."""
    heartbeat = services().config.heartbeat_interval
    if not until_gone:
        batches = started.follow(heartbeat=heartbeat, deliver=delivery(types))
        return events_response(started.run_id, batches, types, replayed=started.replayed)
    watch = _watch(started)
    answer = events_response(started.run_id, watch.batches(heartbeat=heartbeat), types, replayed=started.replayed)
    answer.call_on_close(watch.leave)  # a stream that was never begun has no other end
    return answer


def delivery(types: Set[str]) -> Deliver | None:
    """Return how events are handed to the client without waking who follows them, where the server knows how."""
    send_soon = request.environ.get(SEND_SOON)
    if send_soon is None or types:
        return None
    return lambda frames: send_soon(encode_frames(frames))


def events_response(
    run_id: str, batches: Iterator[Sequence[Frame]], types: Set[str], *, replayed: bool = False, retry: bool = False
) -> Response:
    """Stream events of a run; ``retry`` tells browsers how soon to come back."""
    heartbeat = services().config.heartbeat_interval
    frames = stream_frames(batches, types=types, heartbeat=heartbeat, retry=retry)
    return Response(frames, headers={**HEADERS, "X-Run-ID": run_id, **replayed_header(replayed)})


def nothing_left_response() -> Response:
    """Say that a run has ended and all its events were seen; an ``EventSource`` comes back after anything else."""
    answer = Response(status=204, headers={"Cache-Control": HEADERS["Cache-Control"]})
    del answer.headers["Content-Type"]
    return answer


def _watch(started: StartedRun) -> ClientWatch:
    return ClientWatch(request.environ, started, partial(services().runs.cancel, caller=caller()))


def _headers(started: StartedRun) -> dict[str, str]:
    return {"X-Run-ID": started.run_id, **replayed_header(started.replayed)}
