"""How an operation answers with a run: as a stream of its events, or when it has ended."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any

import orjson
from flask import Response

from agentos.api.kit import streaming
from agentos.api.kit.disconnects import DisconnectWatch
from agentos.api.kit.middleware import name_run, note_waited, this_client
from agentos.api.kit.routes import services
from agentos.api.kit.stream_limits import Place, take_place
from agentos.domain.event import Frame
from agentos.domain.run import Run
from agentos.domain.run_request import RunRequest
from agentos.domain.stored_request import RunMode
from agentos.errors import RunTimeout
from agentos.events.projection import Projection
from agentos.execution.run_handle import RunHandle

GRACE = 15.0
"""Seconds after its deadlines in which a run must have been stopped and saved; the runner needs two or three."""

logger = logging.getLogger(__name__)


def start_and_stream(request: RunRequest, projection: Projection, *, cancel_on_disconnect: bool = False) -> Response:
    """Start a run and stream its events, as a projection renders them. The limits of streamed runs hold for it.

    A refusal is an error before the first byte, and then there is no run. The stream ends after ``complete``, ``error``
    or ``paused``. With ``cancel_on_disconnect`` the run ends
    with its client.
    """
    with take_place() as place:  # before the run: one that is refused must not have begun
        handle = services().runs.start(replace(request, mode=RunMode.STREAMED))
        return _streamed(place, handle, projection, cancel_on_disconnect=cancel_on_disconnect)


def start_and_wait(request: RunRequest, *, cancel_on_disconnect: bool = False) -> tuple[Run, bool]:
    """Start a run and wait for its end or pause. Return it, and whether an earlier request has started it.

    ``run.error`` says why a run did not complete. A repeat with the same ``idempotency`` waits for the first run: then
    the second value is true, and :func:`replayed_header` says so to the client.

    A run with the status ``paused`` waits for a person or its client. ``pending_actions(run)`` shows what for, and
    ``server.runs.answer`` takes the answers. Raises what ``server.runs.start`` raises, and
    :class:`~agentos.errors.RunTimeout`.
    """
    with take_place() as place:  # before the run: one that is refused must not have begun
        handle = services().runs.start(request)
        name_run(handle.run_id)
        place.follow(handle.run_id)
        return until_end(handle, cancel_on_disconnect=cancel_on_disconnect), handle.replayed


def stream(
    handle: RunHandle, projection: Projection, *, after: int = 0, cancel_on_disconnect: bool = False
) -> Response:
    """Stream the events of a run that is there, after number ``after``; 204 if it has ended and nothing is left.

    The stream ends after ``complete``, ``error`` or ``paused``.

    To start one, :func:`start_and_stream` is better: it refuses a stream too many before the run begins. Raises
    :class:`~agentos.errors.RunNotFound`, :class:`~agentos.errors.EventsExpired` or
    :class:`~agentos.errors.TooManyStreams`.
    """
    with take_place() as place:
        return _streamed(place, handle, projection, after=after, cancel_on_disconnect=cancel_on_disconnect)


def wait_for_end(handle: RunHandle, *, cancel_on_disconnect: bool = False) -> Run:
    """Wait for the end or pause of a run that is there, and return the run. The limits of streamed runs hold for it.

    To start one, :func:`start_and_wait` is better. Raises :class:`~agentos.errors.TooManyStreams`,
    :class:`~agentos.errors.RunNotFound`, and :class:`~agentos.errors.RunTimeout` long after the run's deadline.
    """
    with take_place() as place:
        name_run(handle.run_id)
        place.follow(handle.run_id)
        return until_end(handle, cancel_on_disconnect=cancel_on_disconnect)


def until_end(handle: RunHandle, *, cancel_on_disconnect: bool) -> Run:
    """Wait as :func:`wait_for_end` does, where the answer is counted already."""
    config = services().config
    timeout = (config.queue_timeout or config.request_timeout) + config.request_timeout + GRACE
    watch = DisconnectWatch(handle, this_client()) if cancel_on_disconnect else handle
    began = time.perf_counter()
    try:
        run = watch.wait(timeout)
    finally:
        note_waited(time.perf_counter() - began)
    if run is None:
        if not handle.replayed:
            logger.error("a run did not end after its deadline", extra={"run_id": handle.run_id})
        # A repeat gave up waiting; the run it repeats continues.
        message = "the run has not ended yet; GET the run for how it ends"
        raise RunTimeout(message, details={"run_id": handle.run_id})
    return run


def event_data(frame: Frame) -> dict[str, Any]:
    """Return the ``data`` of a frame's event; ``docs/reference/events.md`` says what each type has."""
    found: dict[str, Any] = orjson.loads(frame.data)["data"]
    return found


def _streamed(
    place: Place, handle: RunHandle, projection: Projection, *, after: int = 0, cancel_on_disconnect: bool
) -> Response:
    name_run(handle.run_id)
    place.follow(handle.run_id)
    response = streaming.stream(
        handle, projection, this_client(), after=after, cancel_on_disconnect=cancel_on_disconnect
    )
    return response if response.status_code == 204 else place.keep(response)
