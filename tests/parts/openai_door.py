"""A server with the OpenAI door, and OpenAI's own clients of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import openai
from flask import Flask
from werkzeug.serving import make_server

from agentos import Agent, Server
from agentos.testing import AgentClient

SHOP = Agent(
    id="shop",
    model="test:m",
    instructions="Be short.",
    allow_overrides=("temperature", "max_tokens", "output_schema", "client_tools", "instructions"),
)
CLOSED = Agent(id="closed", model="test:m", instructions="Be short.", allow_overrides=())

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tell the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
"""A tool that the client executes."""


class Door:
    """An application with the door, served on loopback, and its clients."""

    def __init__(self, app: Flask, ends: ExitStack) -> None:
        self.app = app
        self._ends = ends
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
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def client(self, **options: Any) -> openai.OpenAI:
        """Return OpenAI's client."""
        given = {"base_url": self.url, "api_key": "none", "max_retries": 0, **options}
        return self._ends.enter_context(openai.OpenAI(**given))

    def async_client(self, **options: Any) -> openai.AsyncOpenAI:
        """Return OpenAI's client for coroutines; close it."""
        return openai.AsyncOpenAI(**{"base_url": self.url, "api_key": "none", "max_retries": 0, **options})

    def chat(self, text: str | list[dict[str, Any]] = "Hi", *, headers: dict[str, str] | None = None, **fields: Any):
        """Ask for a chat completion without any client's help."""
        messages = [{"role": "user", "content": text}] if isinstance(text, str) else text
        body = {"model": "shop", "messages": messages, **fields}
        return self.http.post("/v1/chat/completions", json=body, headers=headers)


MakeDoor = Callable[..., Door]
