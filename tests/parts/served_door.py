"""An application with a door, served on loopback."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from flask import Flask
from werkzeug.serving import make_server

from agentos import Server
from agentos.testing import AgentClient


class ServedDoor:
    """An application with a door, served on loopback, and a client of its own."""

    def __init__(self, app: Flask, ends: ExitStack) -> None:
        self.app = app
        self.ends = ends
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        ends.callback(thread.join)
        ends.callback(self._server.server_close)
        ends.callback(self._server.shutdown)
        self.http = AgentClient(app, Flask.response_class)

    @property
    def server(self) -> Server:
        """What a plugin has of it."""
        found: Server = self.app.extensions["agentos.plugin_server"]
        return found

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}"
