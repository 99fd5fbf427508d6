"""What tests of responses have in common: tools, an answer of a model that calls one, and the end of all logs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from agentos import Agent, Usage, tool
from agentos.testing import call
from parts.openai_door import SHOP, Door

WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "weather",
    "description": "Tell the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
"""A tool that the client executes."""

CALL = [call("weather", '{"city": "Oslo"}'), Usage(10, 2)]


@tool
def clock() -> str:
    """Tell the time."""
    return "noon"


CLOCK = Agent(id="shop", model="test:m", tools=[clock], allow_overrides=SHOP.allow_overrides)


def without_logs(door: Door) -> None:
    """Remove all events, as the server does after their time."""
    door.app.extensions["agentos"].storage.events.delete_old(ended_before=datetime.now(UTC), limit=100)
