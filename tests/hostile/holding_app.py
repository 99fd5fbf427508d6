"""AgentOS with an answer that says how long the event loop was held: GET /hold, which begins anew each time."""

import time

import gevent
from flask import Response

from agentos.app import create_app


class Holds:
    """Measures the longest turn of the event loop, in CPU time of the worker's own thread.

    The clock on the wall would count what other processes of the machine do, and a disk that is slow.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self._began = 0.0
        self._watcher = None

    def start(self) -> None:
        if self._watcher is None:
            self._watcher = gevent.get_hub().loop.check()
            self._watcher.start(self._turn)
            self._began = time.thread_time()

    def take(self) -> float:
        longest, self.longest = self.longest, 0.0
        return longest

    def _turn(self) -> None:
        now = time.thread_time()
        self.longest = max(self.longest, now - self._began)
        self._began = now


holds = Holds()
app = create_app()


@app.get("/hold")
def hold() -> Response:
    holds.start()
    return Response(f"{holds.take():.6f}", content_type="text/plain")


@app.get("/spin")
def spin() -> Response:
    end = time.thread_time() + 0.3
    while time.thread_time() < end:
        pass
    return Response("held", content_type="text/plain")
