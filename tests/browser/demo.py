"""An application for everything that the console shows: agents whose models follow a script, and their tools.

It is a plugin. What a model says is decided by its name, some by the last message as well, so that a test and a person
who tries the console by hand get the same.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from agentos import (
    Agent,
    AgentFailed,
    Approval,
    Arrival,
    ContentFiltered,
    ContextTooLong,
    Finish,
    ModelProvider,
    ModelRequest,
    ProviderRateLimited,
    ProviderUnavailable,
    QuotaExhausted,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolContext,
    Usage,
    hookimpl,
    tool,
)
from browser.answers import HOSTILE, MARKDOWN, RAIN, THOUGHT, long_answer, numbered, pieces

FAILURES = {
    "filter": ContentFiltered("the provider's filter refused the prompt"),
    "length": ContextTooLong("the conversation has 210,000 tokens; the model takes 128,000"),
    "credit": QuotaExhausted("the account has no credit left"),
    "away": ProviderUnavailable("the provider does not answer (connection refused)", details={"retryable": False}),
    "limit": ProviderRateLimited("the provider asks to be called less", details={"retryable": False}),
    "bug": AgentFailed("the agent is broken: KeyError('price')"),
}


class Scripted(ModelProvider):
    """Says what the name of the model, or the last message, asks for.

    ``Count to 50``, ``Count to 50 every 0.1``: numbered words. ``Fail credit``: a failure of :data:`FAILURES`.
    ``Hostile links``: an answer of :data:`HOSTILE`. ``Refund 500``, ``Book Monday``, ``Research Oslo``: calls of tools.
    """

    media_types: ClassVar[Any] = frozenset({"image", "audio", "video", "file"})

    def __init__(self) -> None:
        self._tries: dict[str, int] = {}
        self._lock = threading.Lock()

    def model_names(self) -> list[str]:
        return ["guide", "thinker", "researcher", "clerk", "desk", "author", "counter", "hostile", "flaky"]

    def stream(self, request: ModelRequest) -> Iterator[Arrival]:
        last = request.messages[-1]
        asked = next(one for one in reversed(request.messages) if one.role == "user")
        tools = {spec.name for spec in request.tools}
        prompt = sum(len(message.content) for message in request.messages) // 4 + 20
        if last.role == "tool":
            yield from self._after_tools(request)
        elif match := re.search(r"[Cc]ount to (\d+)(?: every ([\d.]+))?", asked.content):
            yield from _slowly(request, list(numbered(int(match[1]))), float(match[2] or 0.02))
        elif match := re.match(r"Fail (\w+)", asked.content):
            yield from _slowly(request, pieces("I am looking this up. "), 0.05)
            raise FAILURES[match[1]]
        elif match := re.match(r"Hostile (\w+)", asked.content):
            yield from _slowly(request, _parts(HOSTILE[match[1]]), 0)
        elif request.model == "flaky" and self._is_early(asked.content):
            raise ProviderUnavailable("the provider does not answer (connection reset)")
        elif request.model == "author":
            yield from _slowly(request, long_answer(10_000), 0.001, together=4)
        elif request.model == "thinker":
            for piece in pieces(THOUGHT):
                request.cancellation.wait(0.03)
                request.cancellation.check()
                yield ReasoningDelta(piece)
            yield from _slowly(request, pieces("There are **53 days** between 12 March and 4 May."), 0.03)
        elif "refund" in tools:
            amount = re.search(r"\d+", asked.content)
            yield from _slowly(request, pieces("I will pay this back. "), 0.02)
            yield _call("refund", order="A-1042", amount=int(amount[0]) if amount else 500, reason="Arrived broken")
            yield Finish("tool_calls")
        elif "book_room" in tools:
            yield _call("book_room", day="Monday", people=6)
            yield Finish("tool_calls")
        elif "read_sensor" in tools:
            yield from _slowly(request, pieces("I will ask three sources at once. "), 0.02)
            yield _call("weather", index=0, city="Oslo")
            yield _call("read_sensor", index=1, sensor="roof-7")
            yield _call("search_archive", index=2, query="rain in Oslo", years=[2024, 2025], limit=3)
            yield Finish("tool_calls")
        elif last.media:
            seen = ", ".join(
                f"{one.name or one.type} ({one.content_type}, {one.byte_count} bytes)" for one in last.media
            )
            yield from _slowly(request, pieces(f"I can see what you attached: {seen}."), 0.02)
        else:
            yield from _slowly(request, pieces(MARKDOWN), 0.01)
        yield Usage(prompt_tokens=prompt, completion_tokens=200, reasoning_tokens=60, cached_tokens=10)
        yield Finish("stop")

    def _after_tools(self, request: ModelRequest) -> Iterator[Arrival]:
        results = [one.content for one in request.messages if one.role == "tool"]
        text = RAIN if request.model == "researcher" else f"Done. The tool said: {results[-1]}"
        yield from _slowly(request, pieces(text), 0.02)

    def _is_early(self, asked: str) -> bool:
        """Say whether this is the first or second time that this is asked, here: each worker counts for itself."""
        with self._lock:
            self._tries[asked] = self._tries.get(asked, 0) + 1
            return self._tries[asked] % 3 != 0


def _slowly(request: ModelRequest, said: list[str], every: float, *, together: int = 1) -> Iterator[Arrival]:
    for at in range(0, len(said), together):
        if every:
            request.cancellation.wait(every * together)
        request.cancellation.check()
        yield [TextDelta(piece) for piece in said[at : at + together]]


def _parts(text: str, length: int = 7) -> list[str]:
    """Return the text in pieces that end in the middle of its words and tags."""
    return [text[at : at + length] for at in range(0, len(text), length)]


def _call(name: str, index: int = 0, **arguments: object) -> ToolCallDelta:
    return ToolCallDelta(
        index=index, id=f"call_{name}_{time.time_ns()}", name=name, arguments=json.dumps(arguments, ensure_ascii=False)
    )


@tool
def weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> dict[str, Any]:
    """Read the weather of a city.

    Args:
        city: The name of the city, as in Oslo.
        unit: The unit of the temperature.
    """
    return {"city": city, "temperature": 4 if unit == "celsius" else 39, "unit": unit, "sky": "rain"}


@tool
def read_sensor(sensor: str) -> str:
    """Read a sensor on the roof, which is broken."""
    raise RuntimeError(f"sensor {sensor} does not answer after 3 tries")


@tool(timeout=60)
def search_archive(
    query: str, context: ToolContext, years: list[int] | None = None, limit: int = 10
) -> list[dict[str, Any]]:
    """Search the archive, which is slow.

    Args:
        query: What to look for.
        years: Only these years.
        limit: At most so many entries.
    """
    for done in range(1, 4):
        context.cancellation.wait(0.8)
        context.emit("progress", {"done": done, "of": 3})
    return [{"title": f"Rain report {year}", "millimetres": 700 + year % 100} for year in (years or [2025])][:limit]


@tool(approval=Approval(message="Refunds need a person. The limit of this order is 120 euros.", remember=True))
def refund(order: str, amount: int, reason: str = "") -> str:
    """Pay money back to a customer.

    Args:
        order: The number of the order.
        amount: How much, in euros.
        reason: Why, for the books.
    """
    return f"{amount} euros paid back for order {order}"


@tool(name="refund", approval=Approval(message="Somebody else has to approve this.", approver="other", expires_in=3600))
def refund_by_two(order: str, amount: int, reason: str = "") -> str:
    """Pay money back to a customer, after another person has approved it."""
    return f"{amount} euros paid back for order {order}"


@tool(name="refund", approval=Approval(message="Decide at once.", expires_in=4, on_expiry="reject"))
def refund_soon(order: str, amount: int, reason: str = "") -> str:
    """Pay money back to a customer, if it is approved within seconds."""
    return f"{amount} euros paid back for order {order}"


ROOM = {
    "type": "object",
    "properties": {
        "time": {"type": "string", "title": "Time", "description": "As in 9:30.", "pattern": "^[0-9]{1,2}:[0-9]{2}$"},
        "room": {"type": "string", "title": "Room", "enum": ["Blue room", "Green room", "Terrace"]},
        "lunch": {"type": "boolean", "title": "With lunch", "default": False},
        "chairs": {"type": "integer", "title": "Chairs", "minimum": 1, "maximum": 40, "default": 6},
    },
    "required": ["time", "room"],
    "additionalProperties": False,
}


@tool
def book_room(day: str, people: int, context: ToolContext) -> str:
    """Book a room for a meeting; asks for what it does not know."""
    given = context.ask(f"When, and in which room, do the {people} people meet on {day}?", ROOM)
    return f"the {given['room']} is booked for {day} at {given['time']}"


@tool
def divide(dividend: float, divisor: float) -> float:
    """Divide one number by another one."""
    return dividend / divisor


TOOLS = (weather, read_sensor, search_archive, divide)
"""Tools of the server, for agents that are made in the console, and to call by hand."""

AGENTS = (
    Agent(id="guide", name="Guide", model="demo:guide", description="Explains with code, tables and pictures.",
          instructions="You explain how to run this server. Be brief."),
    Agent(id="thinker", name="Thinker", model="demo:thinker", description="Thinks before it answers."),
    Agent(id="researcher", name="Researcher", model="demo:researcher",
          tools=["weather", "read_sensor", "search_archive"],
          description="Asks three sources at once: one is slow, one fails."),
    Agent(id="clerk", name="Refund clerk", model="demo:clerk", tools=[refund],
          description="Pays money back, after a person has approved it."),
    Agent(id="strict-clerk", name="Strict refund clerk", model="demo:clerk", tools=[refund_by_two],
          description="Pays money back, after another person has approved it."),
    Agent(id="hasty-clerk", name="Hasty refund clerk", model="demo:clerk", tools=[refund_soon],
          description="Pays money back if that is approved within four seconds."),
    Agent(id="desk", name="Front desk", model="demo:desk", tools=[book_room],
          description="Books rooms, and asks for what it needs to know."),
    Agent(id="author", name="Author", model="demo:author", description="Writes an answer of 10,000 tokens."),
    Agent(id="counter", name="Counter", model="demo:counter", description="Counts slowly: Count to 200 every 0.05."),
    Agent(id="steady", name="Steady counter", model="demo:counter", retry_on_crash=True,
          description="Counts, and starts over if its worker is lost."),
    Agent(id="flaky", name="Flaky", model="demo:flaky", description="Its provider fails twice before it answers."),
    Agent(id="broken", name="Broken", model="demo:broken",
          description="Fails as it is asked to: Fail credit, limit, length, filter, away or bug."),
    Agent(id="hostile", name="Hostile <img src=x onerror=\"window.hacked='name'\"> \u202etxt.exe", model="demo:hostile",
          description="Tries to do harm: Hostile script, … <script>window.hacked='description'</script>"),
)  # fmt: skip


@hookimpl
def register_model_providers(register, config):
    register("demo", lambda config: Scripted())


@hookimpl
def register_tools(register):
    for one in TOOLS:
        register(one)


@hookimpl
def register_agents(register):
    for agent in AGENTS:
        register(agent)
