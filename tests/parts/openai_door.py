"""A server with the OpenAI door, and OpenAI's own clients of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai

from agentos import Agent
from parts.served_door import ServedDoor

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


class Door(ServedDoor):
    """An application with the door, served on loopback, and its clients."""

    def client(self, **options: Any) -> openai.OpenAI:
        """Return OpenAI's client."""
        given = {"base_url": f"{self.url}/v1", "api_key": "none", "max_retries": 0, **options}
        return self.ends.enter_context(openai.OpenAI(**given))

    def async_client(self, **options: Any) -> openai.AsyncOpenAI:
        """Return OpenAI's client for coroutines; close it."""
        return openai.AsyncOpenAI(**{"base_url": f"{self.url}/v1", "api_key": "none", "max_retries": 0, **options})

    def chat(self, text: str | list[dict[str, Any]] = "Hi", *, headers: dict[str, str] | None = None, **fields: Any):
        """Ask for a chat completion without any client's help."""
        messages = [{"role": "user", "content": text}] if isinstance(text, str) else text
        body = {"model": "shop", "messages": messages, **fields}
        return self.http.post("/v1/chat/completions", json=body, headers=headers)


MakeDoor = Callable[..., Door]
