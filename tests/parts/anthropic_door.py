"""A server with the Anthropic door, and Anthropic's own clients of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic

from agentos import Agent
from parts.served_door import ServedDoor

SHOP = Agent(
    id="shop",
    model="test:m",
    instructions="Be short.",
    allow_overrides=("temperature", "max_tokens", "stop", "output_schema", "client_tools", "instructions"),
)
CLOSED = Agent(id="closed", model="test:m", instructions="Be short.", allow_overrides=())

WEATHER: dict[str, Any] = {
    "name": "weather",
    "description": "Tell the weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
"""A tool that the client executes."""

VERSION = {"anthropic-version": "2023-06-01"}


class Door(ServedDoor):
    """An application with the door, served on loopback, and its clients."""

    def client(self, **options: Any) -> anthropic.Anthropic:
        """Return Anthropic's client."""
        given = {"base_url": self.url, "api_key": "none", "max_retries": 0, **options}
        return self.ends.enter_context(anthropic.Anthropic(**given))

    def async_client(self, **options: Any) -> anthropic.AsyncAnthropic:
        """Return Anthropic's client for coroutines; close it."""
        return anthropic.AsyncAnthropic(**{"base_url": self.url, "api_key": "none", "max_retries": 0, **options})

    def ask(self, text: str | list[dict[str, Any]] = "Hi", *, headers: dict[str, str] | None = None, **fields: Any):
        """Ask for a message without any client's help."""
        messages = [{"role": "user", "content": text}] if isinstance(text, str) else text
        body = {"model": "shop", "max_tokens": 1000, "messages": messages, **fields}
        return self.http.post("/v1/messages", json=body, headers={**VERSION, **(headers or {})})


MakeDoor = Callable[..., Door]
