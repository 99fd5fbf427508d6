"""A run's events on their way to a client, in any protocol: heartbeats, pushing, disconnects, resuming."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

from flask import Request, Response

from agentos.api.kit.client import ClientConnection
from agentos.api.kit.current import this_app, this_request
from agentos.api.kit.disconnects import INTERVAL, DisconnectWatch
from agentos.api.kit.idempotency import replayed_header
from agentos.api.kit.routes import services
from agentos.domain.event import Frame
from agentos.errors import AgentOSError
from agentos.events.projection import Projection
from agentos.execution.run_handle import RunHandle

logger = logging.getLogger(__name__)

HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",  # nginx would hold the frames back
}


def stream(
    handle: RunHandle,
    projection: Projection,
    client: ClientConnection,
    *,
    after: int = 0,
    cancel_on_disconnect: bool = False,
) -> Response:
    """Stream a run's events after number ``after`` as a projection renders them, until the run ends or pauses.

    Returns 204 for a run that has ended and of which nothing is left: an ``EventSource`` comes back after anything
    else. Raises :class:`~agentos.errors.RunNotFound` or :class:`~agentos.errors.EventsExpired`.
    """
    watch = DisconnectWatch(handle, client) if cancel_on_disconnect else None
    body = _Body(handle, projection, client, watch, heartbeat=services().config.heartbeat_interval)
    batches = body.follow(after)
    if after and handle.get().status.finished:
        first = next(batches, None)
        if first is None:
            nothing = Response(status=204, headers={"Cache-Control": HEADERS["Cache-Control"]})
            del nothing.headers["Content-Type"]
            return nothing
        batches = chain([first], batches)
    headers = {**HEADERS, "X-Run-ID": handle.run_id, **replayed_header(handle.replayed)}
    response = Response(body.checked(batches, _log_fields(handle)), headers=headers, content_type=projection.media_type)
    if watch is not None:
        response.call_on_close(watch.leave)  # a stream that was never begun has no other end
    return response


def _log_fields(handle: RunHandle) -> dict[str, str]:
    plugin_of: Callable[[Request], str | None] = this_app().extensions["agentos.plugin_of"]
    return {"run_id": handle.run_id, "plugin": plugin_of(this_request()) or "core"}


class _Body:
    """The body of one response: pieces for the server to write, and pieces that are pushed past it.

    The run's own thread pushes while the response's thread waits for the next piece. What cannot be pushed is yielded:
    to a slow client, over TLS, by another server, from the log, and the last frame. Holds nothing of the request.
    """

    def __init__(
        self,
        handle: RunHandle,
        projection: Projection,
        client: ClientConnection,
        watch: DisconnectWatch | None,
        *,
        heartbeat: float,
    ) -> None:
        self._handle = handle
        self._projection = projection
        self._render = projection.render
        self._client = client
        self._watch = watch
        self._heartbeat = heartbeat
        self._interval = heartbeat if watch is None else min(INTERVAL, heartbeat)
        self._sent_at = time.monotonic()
        self._rendered: tuple[int, bytes] | None = None
        """What could not be pushed, and the number of its last frame: a projection is given each frame once."""

    def follow(self, after: int) -> Iterator[Sequence[Frame]]:
        """Return the run's frames, with an empty batch whenever it is time to look after the client."""
        sink = self.try_push if self._client.can_push else None
        return self._handle.follow(after, heartbeat=self._interval, sink=sink)

    def try_push(self, frames: Sequence[Frame]) -> bool:
        """Push frames to the client; False has the response's thread take them. Called by the run's thread."""
        if self._watch is not None and self._watch.is_due():
            return False  # to cancel a run is nothing for its own thread, which holds locks here
        try:
            if self._projection.over:
                return False  # for the response's thread, which ends the response
            data = self._render(frames)
            taken = self._client.push(data) if data else time.monotonic() - self._sent_at < self._heartbeat
            if not taken:
                self._rendered = frames[-1].number, data
                return False
            if not data:
                return True
        except Exception:  # noqa: BLE001 - a plugin's projection; the response's thread meets it again and reports it
            return False
        self._sent_at = time.monotonic()
        if self._watch is not None:
            self._watch.saw(frames[-1])
        return True

    def checked(self, batches: Iterator[Sequence[Frame]], log_fields: Mapping[str, str]) -> Iterator[bytes]:
        """Yield the pieces. A projection that fails ends the connection before the body's end, and not the run."""
        try:
            for piece in self.pieces(batches):
                if not isinstance(piece, bytes):
                    raise TypeError(f"a projection gave {piece!r:.200}; accepted: bytes")
                yield piece
        except AgentOSError:
            raise  # the run was deleted, or the database is gone
        except Exception:  # the projection is a plugin's
            logger.exception("projection failed", extra=log_fields)
            raise

    def pieces(self, batches: Iterator[Sequence[Frame]]) -> Iterator[bytes]:
        """Yield what the server has to write: frames that are there together in one piece."""
        if self._projection.opening:
            yield self._projection.opening
        for batch in batches:
            if self._watch is not None:
                if batch:
                    self._watch.saw(batch[-1])
                self._watch.look()
            data = self._render_once(batch) if batch else b""
            if not data and self._is_silent(batch):
                data = self._projection.heartbeat()
            if data:
                self._sent_at = time.monotonic()
                yield data
            if self._projection.over:
                break
        if self._watch is not None:
            self._watch.over = True
        if self._projection.over:
            return
        if (run := self._handle.ended()) is not None and (end := self._projection.end(run)):
            yield end

    def _render_once(self, batch: Sequence[Frame]) -> bytes:
        """Render frames but for those that were rendered to be pushed: a projection may count what it was given."""
        if self._rendered is None:
            return self._render(batch)
        (number, data), self._rendered = self._rendered, None
        rest = [frame for frame in batch if frame.number > number]
        return data + self._render(rest) if rest else data

    def _is_silent(self, batch: Sequence[Frame]) -> bool:
        """Return whether the client needs a heartbeat: nothing was sent for so long, or there will not have been."""
        limit = self._heartbeat if batch else self._heartbeat - self._interval
        return time.monotonic() - self._sent_at >= limit
