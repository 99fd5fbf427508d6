"""Requests that most tests make."""

from typing import Any

import anthropic
from anthropic.types import Message


def request(text: str = "Hi", *, model: str = "helper", max_tokens: int = 1000, **more: Any) -> dict[str, Any]:
    """Return the arguments for one message of the user."""
    return {"model": model, "max_tokens": max_tokens, "messages": [{"role": "user", "content": text}], **more}


def ask(client: anthropic.Anthropic, text: str = "Hi", **more: Any) -> Message:
    """Ask for an answer that is not streamed."""
    return client.messages.create(**request(text, **more))


def text_of(message: Any) -> str:
    """Return the texts of a message, one after the other."""
    return "".join(block.text for block in message.content if block.type == "text")
