"""What the tests read of an answer and of a session."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2

History = Callable[[str], list[str]]
"""Returns the texts of a session, oldest first."""


def chunks_of(response: httpx2.Response) -> Iterator[dict[str, Any]]:
    """Yield the chunks of a stream as they come, and check that it has its end."""
    for line in response.iter_lines():
        if line == "data: [DONE]":
            return
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))
    raise AssertionError("the stream has no [DONE]")


def text_of(response: httpx2.Response) -> str:
    """Return the text of a stream."""
    return "".join(choice["delta"].get("content") or "" for chunk in chunks_of(response) for choice in chunk["choices"])
