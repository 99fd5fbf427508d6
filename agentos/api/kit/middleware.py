"""What happens around every request: its id, its line in the log."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import orjson
from flask import Flask, Request, Response
from flask.json.provider import JSONProvider

from agentos.api.kit.client import ClientConnection, client_of
from agentos.api.kit.current import request_notes, this_request
from agentos.domain.finished_request import FinishedRequest
from agentos.domain.ids import new_id
from agentos.domain.trace_context import TraceContext
from agentos.observability.event_logger import EventLogger
from agentos.observability.slow import SlowLog
from agentos.observability.tracing import set_trace, tracing

SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

logger = EventLogger("agentos.requests")


class OrjsonProvider(JSONProvider):
    """Flask's own JSON, for the blueprints of plugins; ours is written with orjson directly."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Encode; times come out in UTC with a ``Z``."""
        return orjson.dumps(obj, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Decode."""
        return orjson.loads(s)


def this_client() -> ClientConnection:
    """Return the connection of this request's client."""
    return client_of(this_request().environ)


def request_id() -> str:
    """Return the id of this request: the caller's own if it sent a sane one, else a new one."""
    notes = request_notes()
    found: str | None = notes.get("request_id")
    if found is None:
        given = this_request().headers.get("X-Request-ID", "")
        notes["request_id"] = found = given if SANE_ID.fullmatch(given) else new_id()
    return found


def name_run(run_id: str) -> None:
    """Have the run that this request began, or joined, in the request's line."""
    request_notes()["run_id"] = run_id


def note_waited(seconds: float) -> None:
    """Have time in which the request waited for a run not counted as the server's own."""
    notes = request_notes()
    notes["waited"] = notes.get("waited", 0.0) + seconds


def watch_requests(
    app: Flask,
    *,
    slow: float = 0.0,
    finished: Callable[[FinishedRequest], object] | None = None,
    route_of: Callable[[Request], str | None] | None = None,
    begin_trace: Callable[[TraceContext | None], TraceContext | None] | None = None,
) -> None:
    """Give every request an id and a line in the log; with ``begin_trace``, also a span.

    One that takes longer than ``slow`` seconds has a warning, too; the time in which it waits for a run, or streams
    one, is no part of them. ``finished`` is called at the end of each, with the declared path that ``route_of``
    returns. Both must not raise.
    """
    slow_log = SlowLog("request", slow)

    @app.before_request
    def begin() -> None:
        request_notes()["began"] = time.perf_counter()
        if begin_trace is not None:
            environ = this_request().environ
            parent = TraceContext.parse(environ.get("HTTP_TRACEPARENT"), environ.get("HTTP_TRACESTATE"))
            request_notes()["trace"] = trace = begin_trace(parent)
            set_trace(trace)

    if begin_trace is not None:

        @app.teardown_request
        def leave_trace(_: BaseException | None) -> None:
            set_trace(None)  # this thread serves the connection's next request too

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-ID"] = id = request_id()
        response.headers["X-Content-Type-Options"] = "nosniff"
        write = _line(this_request(), response, id)
        _note_slow(slow_log, this_request(), response, id, route_of)
        if finished is not None:
            write = _observed(write, finished, this_request(), route_of)
        if response.is_streamed:
            response.call_on_close(write)  # a stream is served when it has ended, and then there is no request any more
        else:
            write()
        return response


def _note_slow(
    slow: SlowLog, request: Request, response: Response, id: str, route_of: Callable[[Request], str | None] | None
) -> None:
    notes = request_notes()
    if (began := notes.get("began")) is None:  # it was refused before the clock was looked at
        return
    seconds = time.perf_counter() - began - notes.get("waited", 0.0)
    if seconds > slow.threshold:
        route = None if route_of is None else route_of(request)
        about = {"method": request.method, "route": route, "status": response.status_code, "request_id": id}
        slow.note(seconds, f"{request.method} {route}", **about)


def _line(request: Request, response: Response, id: str) -> Callable[[], dict[str, Any]]:
    notes = request_notes()
    began = notes.get("began") or time.perf_counter()
    trace = notes.get("trace")
    fields: dict[str, Any] = {
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "ip": request.remote_addr,
        "caller": known.id if (known := notes.get("caller")) else None,
        "request_id": id,
    }
    run_id = notes.get("run_id") or (request.view_args or {}).get("run_id")
    if run_id is not None:
        fields["run_id"] = run_id

    def write() -> dict[str, Any]:
        fields["duration"] = round(time.perf_counter() - began, 6)
        with tracing(trace):  # of a stream, this is called when there is no request any more
            logger.info("request", extra=fields)
        return fields

    return write


def _observed(
    write: Callable[[], dict[str, Any]],
    finished: Callable[[FinishedRequest], object],
    request: Request,
    route_of: Callable[[Request], str | None] | None,
) -> Callable[[], dict[str, Any]]:
    """Return what writes the line and then shows the request to the plugins that observe it."""
    route = None if route_of is None else route_of(request)
    trace = request_notes().get("trace")

    def write_and_show() -> dict[str, Any]:
        fields = write()
        finished(
            FinishedRequest(
                method=fields["method"],
                route=route,
                status=fields["status"],
                duration=fields["duration"],
                request_id=fields["request_id"],
                caller_id=fields["caller"],
                run_id=fields.get("run_id"),
                trace=trace,
            )
        )
        return fields

    return write_and_show
